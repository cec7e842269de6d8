"""Calls on standard output, in each format; and what is said about them, on standard error."""

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
    """What the calls that were shown come to."""

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
    """Calls that cannot be decoded: each is told when it is met, and the others go on."""

    count: int = 0

    def tell(self, error: InvalidResponseError) -> None:
        """Tell of one."""
        self.count += 1
        _say(f"vox-calls: left out, for it cannot be read: {error}")


def write_jsonl(calls: Iterable[Call], stream: TextIO, *, mask: bool = False) -> None:
    """One JSON object a line, as the API sent it, but for what is secret or hidden."""
    stream.writelines(f"{item}\n" for item in _items(calls, stream, mask=mask))


def write_json(calls: Iterable[Call], stream: TextIO, *, mask: bool = False) -> None:
    """One JSON array, written as the calls come. Where reading fails it stays open, and nobody takes it for whole."""
    separator = "[\n"
    for item in _items(calls, stream, mask=mask):
        stream.write(f"{separator}{item}")
        separator = ",\n"
    stream.write("[]\n" if separator == "[\n" else "\n]\n")


def write_csv(calls: Iterable[Call], stream: TextIO, *, mask: bool = False) -> None:
    """The rows that `vox-calls export` writes; see `vox_calls_tools.export.cells` for how a spreadsheet takes them."""
    from vox_calls_tools.export.cells import Csv

    rows = Csv(bytes, mark=False)
    shown = (Call.from_dict(privacy.masked(call)) if mask else call for call in calls)
    for row in itertools.chain([rows.preamble()], (rows.page([call]) for call in shown)):
        if stream.isatty():
            stream.write(f"{printable(row.decode().rstrip())}\n")
        else:
            stream.buffer.write(row)  # line ends and UTF-8 are part of the form


def write_table(calls: Calls, zone: tzinfo, *, mask: bool = False) -> Totals:
    """A table that fits the terminal; or, where there is none, a line for each call. Page by page, as they come."""
    console = Console(highlight=False) if sys.stdout.isatty() else None
    width = shutil.get_terminal_size().columns  # rich takes any dumb terminal to be 80 wide
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
    """Which zone the times are of, and the days or instants that were asked for."""
    interval = "".join(f", {option.strip('-')} {bound}" for option, bound in chosen.bounds.items())
    _say(f"times are of {zone_label(chosen.zone, now)}{interval}")


def say_totals(totals: Totals, calls: Calls, chosen: Chosen) -> None:
    """What was shown, and how to see the rest."""
    _say(str(totals))
    say_more(calls, chosen)


def say_more(calls: Calls, chosen: Chosen) -> None:
    """How to read on, where anything is left: behind the last page that was handed out whole."""
    if calls.cursor is not None:
        _say(f"more: {chosen.resume(calls.cursor)}")


def _say(text: str) -> None:
    sys.stdout.flush()  # on a terminal, what is said about calls stands below them
    sys.stderr.write(f"{printable(text)}\n")


def _items(calls: Iterable[Call], stream: TextIO, *, mask: bool) -> Iterator[str]:
    shown = privacy.masked if mask else privacy.without_recording
    unicode = (stream.encoding or "").lower().replace("-", "") == "utf8"
    for call in calls:
        item: dict[str, Any] = shown(call)
        yield escaped(json.dumps(item, ensure_ascii=not unicode))
