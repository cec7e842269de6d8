"""Formats calls as rows of a table that fits the terminal, or as plain lines for other programs.

Texts of calls are escaped: see `vox_calls_tools.cli.text`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, tzinfo
from functools import partial

import attrs
from rich.cells import cell_len, set_cell_size
from rich.text import Text

from vox_calls import Call, InvalidResponseError
from vox_calls_tools.cli.text import printable

_NONE = "-"
_UNREADABLE = "?"  # an invalid instant or amount; the rest of the call is shown
_WIDEST = 26  # the length of the longest known reason; the summary may be wider
_ROOMY, _ROOMIEST = 100, 140
_LONGEST_ZONE = 5
# The first of these words in a status or a reason decides, so that unknown values get a colour too.
_COLOURS = {
    "error": "red",
    "failed": "red",
    "insufficient": "red",
    "limit": "red",
    "not": "yellow",
    "no": "yellow",
    "busy": "yellow",
    "declined": "yellow",
    "canceled": "yellow",
    "voicemail": "yellow",
    "inactivity": "yellow",
    "ended": "green",
    "hangup": "green",
    "transfer": "green",
    "ongoing": "cyan",
    "queued": "cyan",
}


@attrs.frozen
class Column:
    """One column of the table.

    Attributes:
        name: Heading.
        rank: Priority: columns with low ranks are shown first.
        show: Returns the text of a cell.
        least: Minimum width in terminal cells; None for the width of its content.
        most: Maximum width in terminal cells.
        right: Whether cells are right-aligned.
        coloured: Whether values are coloured.
    """

    name: str
    rank: int
    show: Callable[[Call], str]
    least: int | None = None
    most: int = _WIDEST
    right: bool = False
    coloured: bool = False

    def cell(self, call: Call, encoding: str) -> str:
        """Return the text for a terminal, with characters escaped that its encoding lacks."""
        return printable(str(_read(lambda: self.show(call)))).encode(encoding, "backslashreplace").decode(encoding)


def columns(zone: tzinfo, calls: Sequence[Call], width: int) -> list[Column]:
    """Return the columns for some calls and a terminal width, from left to right."""
    form = "%Y-%m-%d %H:%M:%S" if width >= _ROOMIEST else "%m-%d %H:%M"

    def start(call: Call) -> str:
        return _NONE if call.started_at is None else _local(call.started_at, zone).strftime(form)

    return [
        Column(_start_heading(zone, calls), 0, start),
        Column("type", 8, lambda call: call.call_type),
        Column("status", 1, lambda call: call.status, coloured=True),
        Column("reason", 6, lambda call: call.disconnection_reason or _NONE, least=11, coloured=True),
        Column("from", 2, lambda call: call.from_number or _NONE),
        Column("to", 3, lambda call: call.to_number or _NONE),
        Column("length", 4, _length, right=True),
        Column("won", 5, lambda call: _NONE if call.cost is None else f"{call.cost:,.2f}", right=True),
        Column("summary", 7, _summary, least=20, most=width),
    ]


class Layout:
    """The columns shown and their widths, chosen for the first page and kept for all."""

    def __init__(self, offered: Sequence[Column], calls: Sequence[Call], width: int, encoding: str) -> None:
        self._encoding = encoding
        self._gap = 2 if width >= _ROOMY else 1
        cells = {column.name: [column.name, *(column.cell(call, encoding) for call in calls)] for column in offered}
        wide = {column.name: min(max(map(cell_len, cells[column.name])), column.most, width) for column in offered}
        left = width + self._gap
        self._widths: dict[str, int] = {}
        by_rank = sorted(offered, key=lambda column: column.rank)
        for column in by_rank:
            least = min(wide[column.name], column.least or width)
            if least + self._gap <= left:
                self._widths[column.name] = least
                left -= least + self._gap
        for column in by_rank:
            if column.name in self._widths:
                more = min(wide[column.name] - self._widths[column.name], left)
                self._widths[column.name] += more
                left -= more
        self._columns = [column for column in offered if column.name in self._widths]

    def header(self) -> Text:
        """Return the header row."""
        return self._line([(column.name, "bold") for column in self._columns])

    def row(self, call: Call) -> Text:
        """Return the row of a call."""
        cells = ((column, column.cell(call, self._encoding)) for column in self._columns)
        return self._line([(cell, _colour(cell) if column.coloured else "") for column, cell in cells])

    def _line(self, cells: Sequence[tuple[str, str]]) -> Text:
        line = Text()
        for column, (cell, style) in zip(self._columns, cells, strict=True):
            width = self._widths[column.name]
            shown = cell if cell_len(cell) <= width else set_cell_size(cell, width - 1).rstrip() + self._ellipsis()
            padding = " " * (width - cell_len(shown))
            line.append(padding if column.right else "").append(shown, style)
            line.append(" " * self._gap if column.right else padding + " " * self._gap)
        line.rstrip()
        return line

    def _ellipsis(self) -> str:
        return "…" if "…".encode(self._encoding, "ignore") else "~"


def plain_line(call: Call, zone: tzinfo) -> str:
    """Return one call as tab-separated fields. Only the last field, the summary, contains spaces."""
    fields: Mapping[str, Callable[[], object]] = {
        "start": lambda: call.started_at and _local(call.started_at, zone).isoformat(timespec="milliseconds"),
        "id": lambda: call.id,
        "type": lambda: call.call_type,
        "status": lambda: call.status,
        "reason": lambda: call.disconnection_reason,
        "from": lambda: call.from_number,
        "to": lambda: call.to_number,
        "seconds": lambda: None if call.duration is None else f"{call.duration.total_seconds():.3f}",
        "won": lambda: None if call.cost is None else f"{call.cost:f}",
        "summary": lambda: _summary(call),
    }
    return "\t".join(printable(str(_NONE if value in {None, ""} else value)) for value in map(_read, fields.values()))


def clock(milliseconds: int) -> str:
    """Format milliseconds as on a clock: `0:05`, `1:01:01`."""
    seconds = (abs(milliseconds) + 500) // 1_000
    hours, rest = divmod(seconds, 3_600)
    shown = f"{hours}:{rest // 60:02d}:{rest % 60:02d}" if hours else f"{rest // 60}:{rest % 60:02d}"
    return f"-{shown}" if milliseconds < 0 else shown


def _read(show: Callable[[], object]) -> object:
    try:
        return show()
    except InvalidResponseError:
        return _UNREADABLE


def _start_heading(zone: tzinfo, calls: Sequence[Call]) -> str:
    """Return the heading with the zone's name at those times, or both names if the clocks changed between them."""
    names: dict[str, None] = {}
    for call in calls:
        started = _read(partial(getattr, call, "started_at"))
        if isinstance(started, datetime):
            here = _local(started, zone)
            name = here.tzname() or ""
            names[name if 0 < len(name) <= _LONGEST_ZONE else f"{here:%z}"] = None  # Windows has long names
    return f"start ({'/'.join(names)})" if names else "start"


def _colour(value: str) -> str:
    words = value.split("_")
    return next((colour for word, colour in _COLOURS.items() if word in words), "")


def _length(call: Call) -> str:
    return _NONE if call.start_at is None or call.end_at is None else clock(call.end_at - call.start_at)


def _summary(call: Call) -> str:
    return (call.call_analysis and call.call_analysis.summary) or ""


def _local(instant: datetime, zone: tzinfo) -> datetime:
    try:
        return instant.astimezone(zone)
    except (OverflowError, OSError, ValueError):  # the last hours of the year 9999
        return instant
