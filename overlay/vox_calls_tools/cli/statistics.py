"""Implements `vox-calls stats`: reads calls, writes the summary, and reports calls that could not be decoded."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any, TextIO

import attrs
from rich.console import Console

from vox_calls import Calls, Client, ConfigurationError, VoxCallsError
from vox_calls_tools.cli.bars import write_bars
from vox_calls_tools.cli.text import escaped, printable
from vox_calls_tools.cli.times import zone_label
from vox_calls_tools.stats import FileError, Summary, Tally, as_json, read_calls

_MOST_TOLD = 5
_EVERY = 100


def run(
    filters: Mapping[str, Any],
    zone: tzinfo,
    *,
    source: Path | None,
    client: AbstractContextManager[Client],
    json_wanted: bool,
    page: Path | None,
    quiet: bool,
) -> bool:
    """Count the calls of a file or of the API, and write the summary.

    Args:
        filters: Filters for `list_calls`.
        zone: Time zone of days and hours.
        source: File to read instead of the API.
        client: Client of the API; entered only if there is no file.
        json_wanted: Whether to write JSON instead of bars to standard output.
        page: File for an HTML page with charts.
        quiet: Whether to print only errors to standard error.

    Returns:
        Whether all calls could be decoded.

    Raises:
        VoxCallsError: The calls cannot be read, or the page cannot be written.
    """
    if source is not None and filters:
        raise ConfigurationError("filters are not supported with --from, which counts all calls of the file")
    if page is not None and source is not None and page.exists() and source.exists() and page.samefile(source):
        raise ConfigurationError("--html and --from are the same file; choose another name for --html")
    now = datetime.now(UTC)
    zone_name = zone_label(zone, now)
    reading = Reading(Tally(zone))
    writing: AbstractContextManager[Callable[[str], None] | None] = nullcontext() if page is None else replacing(page)
    with writing as write:
        if write is not None:
            from vox_calls_tools.stats.page import make_page
        if source is None:
            with client as connected:
                reading.from_api(connected.list_calls(**filters, prefetch=1, on_invalid=reading.leave_out), quiet=quiet)
        else:
            reading.from_file(source, quiet=quiet)
        summary = reading.tally.summary()
        if write is not None:
            write(make_page(summary, zone, zone_name, now))
    if json_wanted:
        write_json(summary, zone_name, sys.stdout)
    else:
        write_bars(summary, zone, zone_name)
    sys.stdout.flush()
    for line in reading.told():
        sys.stderr.write(f"vox-calls: {printable(line)}\n")
    if page is not None and not quiet:
        sys.stderr.write(f"vox-calls: wrote {printable(str(page))}\n")
    return not reading.left_out


@attrs.define
class Reading:
    """Counts the calls of one source.

    Attributes:
        tally: The counts.
        faults: The first errors of calls that could not be decoded.
        left_out: Number of calls that could not be decoded.
    """

    tally: Tally
    faults: list[VoxCallsError] = attrs.field(factory=list)
    left_out: int = 0

    def leave_out(self, error: VoxCallsError) -> None:
        """Note a call that could not be decoded."""
        self.tally.skip()
        self.left_out += 1
        if len(self.faults) < _MOST_TOLD:
            self.faults.append(error)

    def from_file(self, path: Path, *, quiet: bool) -> None:
        """Count the calls of an exported file; raises what `read_calls` raises."""
        calls = read_calls(path, self.leave_out)
        with _progress(quiet=quiet) as show:
            for number, call in enumerate(calls, 1):
                self.tally.add(call)
                if number % _EVERY == 0:
                    show(f"{number:,} calls")

    def from_api(self, calls: Calls, *, quiet: bool) -> None:
        """Count the calls of a query."""
        number = 0
        with _progress(quiet=quiet) as show:
            try:
                for page in calls.pages():
                    for call in page.items:
                        self.tally.add(call)
                    number += len(page.items)
                    show(f"{number:,} of {max(page.total_count, number):,} calls")
            except VoxCallsError as error:
                error.cursor = None  # resuming from there would count only the rest
                raise

    def told(self) -> Iterator[str]:
        """Yield what could not be decoded, as lines."""
        yield from (str(error) for error in self.faults)
        if self.left_out:
            calls = "call" if self.left_out == 1 else "calls"
            what = f"skipped {self.left_out:,} {calls} that could not be decoded"
            yield what + (f"; the first {_MOST_TOLD} are above" if self.left_out > _MOST_TOLD else "")


def write_json(summary: Summary, zone_name: str, stream: TextIO) -> None:
    """Write the summary as one JSON object, in ASCII unless the stream is UTF-8."""
    unicode = (stream.encoding or "").lower().replace("-", "") == "utf8"
    text = json.dumps(as_json(summary, zone_name), indent=2, ensure_ascii=not unicode)
    stream.writelines(f"{escaped(line)}\n" for line in text.splitlines())


@contextmanager
def replacing(path: Path) -> Iterator[Callable[[str], None]]:
    """Replace a file atomically. Opens it at once, so that an error occurs before any work is done.

    Yields:
        A function that writes a text to the file.

    Raises:
        FileError: The file cannot be written.
    """
    direct = path.exists() and not path.is_file()
    part = path if direct else path.with_name(f"{path.name}.part")
    try:
        with part.open("w", encoding="utf-8") as stream:
            yield stream.write  # type: ignore[misc] # the number of characters is not needed
        if not direct:
            part.replace(path)
    except OSError as error:
        raise FileError(f"cannot write {path}: {error.strerror}") from None
    finally:
        if not direct:
            part.unlink(missing_ok=True)


@contextmanager
def _progress(*, quiet: bool) -> Iterator[Callable[[str], None]]:
    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield lambda _: None
        return
    with console.status("reading") as status:
        yield lambda text: status.update(f"reading: {text}")
