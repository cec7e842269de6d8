"""The command `vox-calls`. Needs the extra `cli`, and for `vox-calls sandbox` the extra `sandbox`."""

from __future__ import annotations

import sys

FAILED = 1
"""Exit status: the API or the network failed."""
MISUSED = 2
"""Exit status: the command line, a filter or the environment is wrong."""


def main() -> None:
    """Run the command line. Exits with 0 when done, 1 when the API or the network failed, 2 when misused."""
    try:
        from vox_calls.cli.app import app  # noqa: PLC0415 - what the extra brings may not be there
    except ModuleNotFoundError as error:
        if error.name not in {"typer", "rich"}:
            raise
        sys.stderr.write("vox-calls: the command line is an extra; pip install 'vox-calls[cli]'\n")
        raise SystemExit(MISUSED) from None
    app(prog_name="vox-calls")
