"""The command `vox-calls`. Needs the extra `cli`, and for `vox-calls sandbox` the extra `sandbox`."""

from __future__ import annotations

import io
import os
import sys
from typing import TextIO

FAILED = 1
"""Exit status: the API or the network failed."""
MISUSED = 2
"""Exit status: the command line, a filter or the environment is wrong."""
INTERRUPTED = 130
"""Exit status: interrupted from the keyboard."""


_EXTRAS = {
    "typer": "cli",
    "rich": "cli",
    "starlette": "sandbox",
    "uvicorn": "sandbox",
    "pygal": "html",
    "jinja2": "html",
    "pyarrow": "arrow",
}


def main() -> None:
    """Run the command line. Exits with 0 when done, 1 when the API or the network failed, 2 when misused."""
    try:
        _settle_streams()
        from vox_calls_tools.cli.app import app

        try:
            app(prog_name="vox-calls")
        finally:
            sys.stdout.flush()
    except ModuleNotFoundError as error:
        extra = _EXTRAS.get(error.name or "")
        if extra is None:
            raise
        sys.stderr.write(f"vox-calls: this needs an extra: pip install 'vox-calls[{extra}]'\n")
        raise SystemExit(MISUSED) from None
    except KeyboardInterrupt:
        raise SystemExit(INTERRUPTED) from None
    except OSError as error:
        abandon_output()
        sys.stderr.write(f"vox-calls: cannot write: {error.strerror}\n")
        raise SystemExit(FAILED) from None


def abandon_output() -> None:
    """Let what is still buffered go nowhere: Python would complain when it ends that it cannot be written."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _settle_streams() -> None:
    # Started with a stream closed, Python has None in its place.
    sys.stdout = sys.stdout or _nowhere()
    sys.stderr = sys.stderr or _nowhere()
    # What a terminal's encoding cannot write is shown by its number instead of ending the command.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _nowhere() -> TextIO:
    return open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123 - open for as long as the process lives
