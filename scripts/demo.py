"""Show the whole way once: a sandbox on a free port, and the command line that reads its calls over HTTP.

Both run in this one process, so that nothing is left running however it ends.
"""

import os
import shlex
import signal
import sys
from datetime import UTC, datetime, timedelta
from types import FrameType

from vox_calls.errors import VoxCallsError
from vox_calls_tools import cli
from vox_calls_tools.sandbox import Sandbox, synthetic_calls

CALLS = 20_000


def main() -> int:
    """Run the demo; its status is that of the command."""
    signal.signal(signal.SIGTERM, _interrupt)
    now = datetime.now().astimezone().replace(microsecond=0)
    week = (now - timedelta(days=7)).isoformat()
    arguments = ["list", "--status", "ended", "--disconnection-reason", "call_transfer", "--start-at-after", week]
    try:
        with Sandbox(synthetic_calls(CALLS, seed=1, until=datetime.now(UTC))) as sandbox:
            os.environ |= {"VOX_BASE_URL": sandbox.base_url, "VOX_API_KEY": sandbox.api_key}
            print(f"A sandbox with {CALLS:,} made-up calls of the last 90 days listens on {sandbox.base_url}.")
            print("The calls of the last 7 days that an agent handed to a person, newest first:\n")
            print(f"$ vox-calls {shlex.join(arguments)}", flush=True)
            sys.argv[1:] = arguments
            cli.main()
    except SystemExit as done:
        return int(done.code or 0)
    except VoxCallsError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _interrupt(_: int, __: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
