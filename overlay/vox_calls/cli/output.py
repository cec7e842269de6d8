"""Calls for people and for pipes. What came from a call never reaches the terminal as it is."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import datetime
from decimal import Decimal
from typing import TextIO

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from vox_calls import Call, Calls, InvalidResponseError
from vox_calls.cli.text import printable

_PIPE_WIDTH = 160
_STYLES = {"ended": "green", "error": "red", "ongoing": "cyan", "not_connected": "yellow"}
_HIDDEN = "[hidden]"
_WIDE = 120
_RIGHT = {"length", "won"}


class _Console(Console):
    def on_broken_pipe(self) -> None:
        raise BrokenPipeError  # the command's own way of ending, where rich would end with a status of its own


def write_jsonl(calls: Iterable[Call], stream: TextIO) -> None:
    """One JSON object a line, as the API sent it, but for the recording's URL, which is a secret."""
    unicode = (stream.encoding or "").lower().replace("-", "") == "utf8"
    for call in calls:
        item = call.to_dict()
        if item.get("recording_url"):
            item["recording_url"] = _HIDDEN
        stream.write(json.dumps(item, ensure_ascii=not unicode) + "\n")


def write_table(calls: Calls) -> None:
    """A table that fits the terminal, and the totals of what it shows. Times are those of the local zone."""
    console = _Console()
    if not console.is_terminal:
        console = _Console(width=_PIPE_WIDTH)
    columns = _columns(narrow=console.width < _WIDE)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold", collapse_padding=True, expand=True)
    for name in columns:
        if name == "summary":
            table.add_column(name, no_wrap=True, ratio=1)
        else:
            table.add_column(name, no_wrap=True, justify="right" if name in _RIGHT else "left")

    shown, total, talked, cost = 0, 0, 0, Decimal(0)
    for page in calls.pages():
        total = max(total, page.total_count)
        for call in page.items:
            shown += 1
            if call.start_at is not None and call.end_at is not None:
                talked += call.end_at - call.start_at
            with suppress(InvalidResponseError):
                cost += call.cost or 0
            table.add_row(*(_cell(name, show, call) for name, show in columns.items()))
    if shown:
        console.print(table)
    total = max(total, shown)
    console.print(
        f"{shown:,} of {total:,} calls; those shown are {_clock(talked)} long and cost {cost:,.2f} won",
        highlight=False,
        soft_wrap=True,
    )
    if calls.cursor is not None:
        console.print(f"more: --cursor {printable(calls.cursor)}", highlight=False, markup=False, soft_wrap=True)


def _columns(*, narrow: bool) -> dict[str, Callable[[Call], str]]:
    zone = datetime.now().astimezone().tzname() or "local"
    form = "%m-%d %H:%M" if narrow else "%Y-%m-%d %H:%M:%S"
    columns: dict[str, Callable[[Call], str]] = {
        f"start ({zone})": lambda call: "-" if call.started_at is None else f"{_local(call.started_at):{form}}",
        "type": lambda call: call.call_type,
        "status": lambda call: call.status,
        "reason": lambda call: call.disconnection_reason or "-",
        "from": lambda call: call.from_number or "-",
        "to": lambda call: call.to_number or "-",
        "length": lambda call: (
            "-" if call.start_at is None or call.end_at is None else _clock(call.end_at - call.start_at)
        ),
        "won": lambda call: "-" if call.cost is None else f"{call.cost:,.2f}",
        "summary": lambda call: (call.call_analysis and call.call_analysis.summary) or "",
    }
    return {name: show for name, show in columns.items() if not (narrow and name in {"reason", "summary"})}


def _cell(name: str, show: Callable[[Call], str], call: Call) -> Text:
    try:
        value = show(call)
    except InvalidResponseError:
        value = "?"  # the server sent no instant, or no amount; the rest of the call can be read all the same
    return Text(printable(value), style=_STYLES.get(call.status, "") if name == "status" else "")


def _local(instant: datetime) -> datetime:
    try:
        return instant.astimezone()
    except OverflowError:  # the last hours of the year 9999
        return instant


def _clock(milliseconds: int) -> str:
    seconds = (abs(milliseconds) + 500) // 1_000
    hours, rest = divmod(seconds, 3_600)
    clock = f"{hours}:{rest // 60:02d}:{rest % 60:02d}" if hours else f"{rest // 60}:{rest % 60:02d}"
    return f"-{clock}" if milliseconds < 0 else clock
