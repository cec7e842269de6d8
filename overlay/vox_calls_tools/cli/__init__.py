"""The command `vox-calls`. Needs the extra `cli`; `vox-calls sandbox` also needs the extra `sandbox`."""

from __future__ import annotations

import io
import os
import sys
from typing import TextIO

FAILED = 1
"""Exit status: the API, the network or the disk failed."""
MISUSED = 2
"""Exit status: the command line, a filter or the environment is invalid."""
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
    """Run the command line. The exit status is 0, `FAILED`, `MISUSED` or `INTERRUPTED`."""
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
        sys.stderr.write(f"vox-calls: an extra is missing: pip install 'vox-calls[{extra}]'\n")
        raise SystemExit(MISUSED) from None
    except KeyboardInterrupt:
        raise SystemExit(INTERRUPTED) from None
    except OSError as error:
        abandon_output()
        sys.stderr.write(f"vox-calls: cannot write: {error.strerror}\n")
        raise SystemExit(FAILED) from None


def abandon_output() -> None:
    """Discard buffered output: Python would print an error at exit if it cannot be written."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _settle_streams() -> None:
    # Python sets a stream to None if it was closed before the start.
    sys.stdout = sys.stdout or _nowhere()
    sys.stderr = sys.stderr or _nowhere()
    # Escape characters that the terminal's encoding lacks, instead of failing.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _nowhere() -> TextIO:
    return open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123 - open for as long as the process lives
