"""Show the whole way once: a sandbox on a free port, and the command line that reads its calls over HTTP.

The sandbox lives in this process, so that it ends with it, however it ends. The command is a process of its own, as
a user's would be, and is stopped with this one.
"""

import os
import shlex
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import FrameType

from vox_calls.errors import VoxCallsError
from vox_calls.sandbox import Sandbox, synthetic_calls

COMMAND = Path(sys.executable).with_name("vox-calls")
CALLS = 20_000


def run(arguments: list[str], environment: dict[str, str]) -> int:
    """Show a command as a person would type it, and run it."""
    print(f"$ vox-calls {shlex.join(arguments)}", flush=True)
    with subprocess.Popen([COMMAND, *arguments], env={**os.environ, **environment}) as command:
        try:
            return command.wait()
        finally:
            command.kill()


def main() -> int:
    """Run the demo; its status is that of the command."""
    signal.signal(signal.SIGTERM, _interrupt)
    now = datetime.now().astimezone().replace(microsecond=0)
    week = (now - timedelta(days=7)).isoformat()
    try:
        with Sandbox(synthetic_calls(CALLS, seed=1, until=datetime.now(UTC))) as sandbox:
            print(f"A sandbox with {CALLS:,} made-up calls of the last 90 days listens on {sandbox.base_url}.")
            print("The calls of the last 7 days that an agent handed to a person, newest first:\n")
            return run(
                ["list", "--status", "ended", "--disconnection-reason", "call_transfer", "--start-at-after", week],
                {"VOX_BASE_URL": sandbox.base_url, "VOX_API_KEY": sandbox.api_key},
            )
    except VoxCallsError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _interrupt(_: int, __: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
