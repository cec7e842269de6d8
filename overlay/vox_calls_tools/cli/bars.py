"""Prints a summary as bars that fit the terminal. Texts of calls are escaped."""

from __future__ import annotations

import sys
from datetime import tzinfo

from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from vox_calls_tools.cli.text import printable
from vox_calls_tools.stats import Summary
from vox_calls_tools.stats.report import Section, figures, headline, notes, sections

_PIPE_WIDTH = 80
_MOST_DAYS = 31
_EIGHTHS = " ▏▎▍▌▋▊▉"
_SHORTEST_BAR = 4
_SHORTEST_LABEL = 12
_GAP = 2
_DISPENSABLE = ("share", "answered", "won")  # on a narrow terminal, in this order


def write_bars(summary: Summary, zone: tzinfo | None, zone_name: str) -> None:
    """Print the summary as wide as the terminal; 80 columns in a pipe."""
    if sys.stdout.isatty():
        _print(Console(highlight=False), summary, zone, zone_name)
        return
    console = Console(highlight=False, width=_PIPE_WIDTH)
    with console.capture() as captured:
        _print(console, summary, zone, zone_name)
    sys.stdout.writelines(f"{line.rstrip()}\n" for line in captured.get().splitlines())


def _print(console: Console, summary: Summary, zone: tzinfo | None, zone_name: str) -> None:
    console.print(Text(printable(headline(summary, zone, zone_name)), style="bold"))
    top = Table.grid(padding=(0, _GAP, 0, 0))
    for name, figure, more in figures(summary):
        top.add_row(name, Text(figure, style="bold"), *([more] if console.width >= _PIPE_WIDTH else []))
    console.print(top)
    for section in sections(summary, most_days=_MOST_DAYS):
        if section.rows:
            console.print(Text(f"\n{section.title}", style="bold"))
            console.print(_table(section, console.width))
    console.print()
    for note in notes(summary):
        console.print(Text(note, style="dim"))


class _Bar:
    """A bar that fills a share of the available width."""

    def __init__(self, part: float) -> None:
        self._part = part

    def __rich_console__(self, _: Console, options: ConsoleOptions) -> RenderResult:
        eighths = round(self._part * options.max_width * 8) or (self._part > 0)
        whole, rest = divmod(eighths, 8)
        bar = "#" * round(eighths / 8) if options.ascii_only else "█" * whole + _EIGHTHS[rest].strip()
        yield Segment(bar)

    def __rich_measure__(self, _: Console, options: ConsoleOptions) -> Measurement:
        return Measurement(min(_SHORTEST_BAR, options.max_width), options.max_width)


def _table(section: Section, width: int) -> Table:
    rows = [section.cells(row) for row in section.rows]
    widths = _fitting(section, rows, width)
    room = width - sum(widths.values()) - _GAP * (len(widths) + 1) - _SHORTEST_BAR
    table = Table(box=None, padding=(0, _GAP, 0, 0), pad_edge=False, expand=True, header_style="dim")
    table.add_column("", no_wrap=True, max_width=max(room, _SHORTEST_LABEL))
    table.add_column("", ratio=1, style="cyan", min_width=_SHORTEST_BAR)
    for heading, wide in widths.items():
        table.add_column(heading, justify="right", no_wrap=True, min_width=wide)
    longest = max((row.calls for row in section.rows if not row.is_rest), default=0)
    for row, cells in zip(section.rows, rows, strict=True):
        bar = _Bar(row.calls / longest if longest and not row.is_rest else 0)
        table.add_row(Text(printable(row.label)), bar, *(cells[heading] for heading in widths))
    return table


def _fitting(section: Section, rows: list[dict[str, str]], width: int) -> dict[str, int]:
    """Return the columns that fit, with their widths. Columns are dropped rather than truncated."""
    left = width - _SHORTEST_LABEL - _GAP - _SHORTEST_BAR
    widths = {name: max(len(name), *(len(row[name]) for row in rows)) for name in section.headings()}
    for name in _DISPENSABLE:
        if name in widths and sum(widths.values()) + _GAP * len(widths) > left:
            del widths[name]
    return widths
