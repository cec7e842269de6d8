"""The command `vox-calls`. Needs the extra `cli`, and for `vox-calls sandbox` the extra `sandbox`."""

from __future__ import annotations

import sys

FAILED = 1
"""Exit status: the API or the network failed."""
MISUSED = 2
"""Exit status: the command line, a filter or the environment is wrong."""


_EXTRAS = {"typer": "cli", "rich": "cli", "starlette": "sandbox", "uvicorn": "sandbox"}


def main() -> None:
    """Run the command line. Exits with 0 when done, 1 when the API or the network failed, 2 when misused."""
    try:
        from vox_calls.cli.app import app  # noqa: PLC0415 - what an extra brings may not be there

        app(prog_name="vox-calls")
    except ModuleNotFoundError as error:
        extra = _EXTRAS.get(error.name or "")
        if extra is None:
            raise
        sys.stderr.write(f"vox-calls: this needs an extra: pip install 'vox-calls[{extra}]'\n")
        raise SystemExit(MISUSED) from None
