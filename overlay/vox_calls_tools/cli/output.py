"""Writes calls to standard output in each format, and messages about them to standard error."""

from __future__ import annotations

import itertools
import json
import shutil
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import datetime, tzinfo
from decimal import Decimal
from typing import Any, TextIO

import attrs
from rich.console import Console

from vox_calls import Call, Calls, InvalidResponseError, Page
from vox_calls_tools.cli import privacy
from vox_calls_tools.cli.chosen import Chosen
from vox_calls_tools.cli.table import Layout, clock, columns, plain_line
from vox_calls_tools.cli.text import escaped, printable
from vox_calls_tools.cli.times import zone_label


@attrs.define
class Totals:
    """Totals of the calls shown."""

    shown: int = 0
    matching: int = 0
    milliseconds: int = 0
    cost: Decimal = Decimal(0)

    def add(self, page: Page) -> None:
        """Count a page."""
        self.shown += len(page.items)
        self.matching = max(self.matching, page.total_count, self.shown)
        for call in page.items:
            if call.start_at is not None and call.end_at is not None:
                self.milliseconds += call.end_at - call.start_at
            with suppress(InvalidResponseError):
                self.cost += call.cost or 0

    def __str__(self) -> str:
        return (
            f"{self.shown:,} of {self.matching:,} calls; "
            f"those shown are {clock(self.milliseconds)} long and cost {self.cost:,.2f} won"
        )


@attrs.define
class LeftOut:
    """Reports calls that cannot be decoded as they occur."""

    count: int = 0

    def tell(self, error: InvalidResponseError) -> None:
        """Report one call."""
        self.count += 1
        _say(f"vox-calls: skipped an invalid call: {error}")


def write_jsonl(calls: Iterable[Call], stream: TextIO, *, mask: bool = False) -> None:
    """Write one JSON object per line, as the API sent it except for redacted values."""
    stream.writelines(f"{item}\n" for item in _items(calls, stream, mask=mask))


def write_json(calls: Iterable[Call], stream: TextIO, *, mask: bool = False) -> None:
    """Write one JSON array, incrementally. After an error it stays open, so that it cannot pass for complete."""
    separator = "[\n"
    for item in _items(calls, stream, mask=mask):
        stream.write(f"{separator}{item}")
        separator = ",\n"
    stream.write("[]\n" if separator == "[\n" else "\n]\n")


def write_csv(calls: Iterable[Call], stream: TextIO, *, mask: bool = False) -> None:
    """Write the same rows as `vox-calls export`; see `vox_calls_tools.export.cells`."""
    from vox_calls_tools.export.cells import Csv

    rows = Csv(bytes, mark=False)
    shown = (Call.from_dict(privacy.masked(call)) if mask else call for call in calls)
    for row in itertools.chain([rows.preamble()], (rows.page([call]) for call in shown)):
        if stream.isatty():
            stream.write(f"{printable(row.decode().rstrip())}\n")
        else:
            stream.buffer.write(row)  # CRLF and UTF-8 are part of the format


def write_table(calls: Calls, zone: tzinfo, *, mask: bool = False) -> Totals:
    """Write a table that fits the terminal, or one line per call in a pipe, page by page."""
    console = Console(highlight=False) if sys.stdout.isatty() else None
    width = shutil.get_terminal_size().columns  # rich assumes 80 for a dumb terminal
    layout, totals = None, Totals()
    for page in calls.pages():
        totals.add(page)
        items = [Call.from_dict(privacy.masked(call)) for call in page.items] if mask else page.items
        if console is None:
            sys.stdout.writelines(f"{plain_line(call, zone)}\n" for call in items)
        elif items:
            if layout is None:
                layout = Layout(columns(zone, items, width), items, width, console.encoding)
                console.print(layout.header(), soft_wrap=True)
            for call in items:
                console.print(layout.row(call), soft_wrap=True)
        sys.stdout.flush()
    return totals


def say_what_was_asked(chosen: Chosen, now: datetime) -> None:
    """Print the time zone, and the resolved values of `--since` and `--until`."""
    interval = "".join(f", {option.strip('-')} {bound}" for option, bound in chosen.bounds.items())
    _say(f"times are of {zone_label(chosen.zone, now)}{interval}")


def say_totals(totals: Totals, calls: Calls, chosen: Chosen) -> None:
    """Print the totals, and how to see more."""
    _say(str(totals))
    say_more(calls, chosen)


def say_more(calls: Calls, chosen: Chosen) -> None:
    """Print how to resume after the last page fully yielded, if anything is left."""
    if calls.cursor is not None:
        _say(f"more: {chosen.resume(calls.cursor)}")


def _say(text: str) -> None:
    sys.stdout.flush()  # so that messages appear below the calls
    sys.stderr.write(f"{printable(text)}\n")


def _items(calls: Iterable[Call], stream: TextIO, *, mask: bool) -> Iterator[str]:
    shown = privacy.masked if mask else privacy.without_recording
    unicode = (stream.encoding or "").lower().replace("-", "") == "utf8"
    for call in calls:
        item: dict[str, Any] = shown(call)
        yield escaped(json.dumps(item, ensure_ascii=not unicode))
