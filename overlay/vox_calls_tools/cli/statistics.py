"""`vox-calls stats`: where the calls come from and the summary goes, and what is told of calls that cannot be read."""

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
    """Count the calls of a file, or of the API, and write the summary. Whether all of them could be read.

    Args:
        filters: For `list_calls`.
        zone: Where days and hours are taken.
        source: A file to read instead of asking the API.
        client: That of the API, entered where it is asked.
        json_wanted: Whether stdout gets JSON in place of bars.
        page: A file for a page with charts.
        quiet: Whether stderr gets errors alone.

    Raises:
        VoxCallsError: Where the calls cannot be read, or the page cannot be written.
    """
    if source is not None and filters:
        raise ConfigurationError("--from counts all calls of the file; filters are for the API")
    if page is not None and source is not None and page.exists() and source.exists() and page.samefile(source):
        raise ConfigurationError("--html would replace the very file that is counted; choose another name")
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
        sys.stderr.write(f"vox-calls: {printable(str(page))} is written\n")
    return not reading.left_out


@attrs.define
class Reading:
    """Counts the calls of one source, and keeps what could not be read.

    Attributes:
        tally: What was counted.
        faults: The first of what was wrong with those that were left out.
    """

    tally: Tally
    faults: list[VoxCallsError] = attrs.field(factory=list)
    left_out: int = 0

    def leave_out(self, error: VoxCallsError) -> None:
        """Note a call that cannot be read."""
        self.tally.skip()
        self.left_out += 1
        if len(self.faults) < _MOST_TOLD:
            self.faults.append(error)

    def from_file(self, path: Path, *, quiet: bool) -> None:
        """Count the calls of an exported file; what it raises is told at `read_calls`."""
        calls = read_calls(path, self.leave_out)
        with _progress(quiet=quiet) as show:
            for number, call in enumerate(calls, 1):
                self.tally.add(call)
                if number % _EVERY == 0:
                    show(f"{number:,} calls")

    def from_api(self, calls: Calls, *, quiet: bool) -> None:
        """Count the calls that a query asks for."""
        number = 0
        with _progress(quiet=quiet) as show:
            try:
                for page in calls.pages():
                    for call in page.items:
                        self.tally.add(call)
                    number += len(page.items)
                    show(f"{number:,} of {max(page.total_count, number):,} calls")
            except VoxCallsError as error:
                error.cursor = None  # to read on from there would be to count the rest alone
                raise

    def told(self) -> Iterator[str]:
        """What was left out, as lines."""
        yield from (str(error) for error in self.faults)
        if self.left_out:
            what = "1 call could not be read, and the figures are without it"
            if self.left_out > 1:
                what = f"{self.left_out:,} calls could not be read, and the figures are without them"
            yield what + (f"; the first {_MOST_TOLD} are above" if self.left_out > _MOST_TOLD else "")


def write_json(summary: Summary, zone_name: str, stream: TextIO) -> None:
    """The summary as one JSON object, in ASCII where the stream has no more."""
    unicode = (stream.encoding or "").lower().replace("-", "") == "utf8"
    text = json.dumps(as_json(summary, zone_name), indent=2, ensure_ascii=not unicode)
    stream.writelines(f"{escaped(line)}\n" for line in text.splitlines())


@contextmanager
def replacing(path: Path) -> Iterator[Callable[[str], None]]:
    """Yields what writes a text to the file, which is there whole or stays as it was. Tried before there is a text.

    Raises:
        FileError: Where it cannot be written.
    """
    direct = path.exists() and not path.is_file()
    part = path if direct else path.with_name(f"{path.name}.part")
    try:
        with part.open("w", encoding="utf-8") as stream:
            yield stream.write  # type: ignore[misc] # how much was written is nobody's concern
        if not direct:
            part.replace(path)
    except OSError as error:
        raise FileError(f"{path} cannot be written: {error.strerror}") from None
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
