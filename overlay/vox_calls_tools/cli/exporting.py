"""Implements `vox-calls export`."""

from __future__ import annotations

import shlex
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import typer

from vox_calls import ConfigurationError, InvalidQueryError, VoxCallsError
from vox_calls.toolkit import DEFAULT_RATE_LIMIT
from vox_calls_tools.cli import FAILED, INTERRUPTED, MISUSED
from vox_calls_tools.cli.connection import connected
from vox_calls_tools.cli.filters import Filters
from vox_calls_tools.cli.meter import Meter, clock
from vox_calls_tools.cli.showing import shown
from vox_calls_tools.cli.text import printable
from vox_calls_tools.export import ExportDiskError, ExportError, export_calls
from vox_calls_tools.export.files import Files
from vox_calls_tools.export.pauses import WatchedLimit

_UNITS = ("bytes", "kB", "MB", "GB", "TB")
_THOUSAND = 1_000


def run(
    filters: Filters,
    file: Path,
    *,
    format_: str | None,
    resume: bool,
    overwrite: bool,
    bom: bool,
    rate_limit: bool,
    quiet: bool,
    verbose: bool,
    base_url: str | None,
) -> None:
    """Export calls to a file, and show the progress."""
    again = _again(file, format_, base_url, rate_limit=rate_limit, quiet=quiet)
    meter = Meter(time.monotonic, DEFAULT_RATE_LIMIT.per_minute if rate_limit else None)
    limit = WatchedLimit(DEFAULT_RATE_LIMIT, meter.pause) if rate_limit else None
    connection = connected(base_url, quiet=quiet, verbose=verbose, rate_limit=limit)
    with _resumable(file, again), connection as client, shown(meter, quiet=quiet):
        done = export_calls(
            client,
            file,
            filters.resolve(datetime.now(UTC)).arguments,
            format=format_,
            resume=resume,
            overwrite=overwrite,
            byte_order_mark=bom,
            on_progress=meter.update,
        )
    if not quiet:
        pauses = f", {clock(meter.paused)} of it pauses of the rate limit" if meter.paused >= 1 else ""
        told = f"{done.calls:,} calls in {done.path} ({_size(done.bytes)}), after {clock(meter.elapsed)}{pauses}"
        typer.echo(printable(told))
    if done.rejects is not None:
        _say(f"{done.rejected:,} calls could not be decoded; see {done.rejects}")


@contextmanager
def _resumable(file: Path, again: str) -> Iterator[None]:
    """Print how to resume after any error."""
    try:
        yield
    except (InvalidQueryError, ConfigurationError):
        raise  # see `reported`
    except ExportError as error:
        _say(str(error))
        if not isinstance(error, ExportDiskError):
            raise typer.Exit(MISUSED) from None
        _say_how(file, again)
        raise typer.Exit(FAILED) from None
    except VoxCallsError as error:
        _say(str(error))
        _say_how(file, again)
        raise typer.Exit(FAILED) from None
    except KeyboardInterrupt:
        _say("interrupted")
        _say_how(file, again)
        raise typer.Exit(INTERRUPTED) from None


def _say(text: str) -> None:
    typer.echo(f"vox-calls: {printable(text)}", err=True)


def _say_how(file: Path, again: str) -> None:
    if Files(file).checkpoint.exists():
        typer.echo(f"vox-calls: complete pages are kept; resume with: {again}", err=True)
    sys.stderr.flush()


def _again(file: Path, format_: str | None, base_url: str | None, *, rate_limit: bool, quiet: bool) -> str:
    # Without the filters: they are in the checkpoint, and `--since 7d` would mean another time by then.
    name = str(file)
    arguments = ["vox-calls", "export", f"./{name}" if name.startswith("-") else name, "--resume"]
    arguments += ["--format", format_] if format_ else []
    arguments += ["--base-url", base_url] if base_url else []
    arguments += [] if rate_limit else ["--no-rate-limit"]
    arguments += ["--quiet"] if quiet else []
    return " ".join(map(_quoted, arguments))


def _quoted(argument: str) -> str:
    """Quote an argument for a shell, with control characters escaped."""
    if printable(argument) == argument:
        return shlex.quote(argument)
    # ANSI-C quoting, which bash, zsh and ksh support.
    plain = (f"\\{one}" if one in "\\'" else one for one in argument)
    return "$'" + "".join(one if printable(one) == one else _bytes_of(one) for one in plain) + "'"


def _bytes_of(character: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in character.encode("utf-8", "surrogateescape"))


def _size(count: int) -> str:
    size, units = float(count), iter(_UNITS)
    unit = next(units)
    while size >= _THOUSAND:
        size, unit = size / _THOUSAND, next(units, unit)
    return f"{count:,} bytes" if unit == _UNITS[0] else f"{size:,.1f} {unit}"
