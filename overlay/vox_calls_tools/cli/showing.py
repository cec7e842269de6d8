"""Shows the progress of an export: a bar in a terminal, a line every 30 s elsewhere, or nothing."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from rich.console import Console
from rich.progress import BarColumn, ProgressColumn, Task
from rich.progress import Progress as Bar
from rich.progress_bar import ProgressBar
from rich.table import Column
from rich.text import Text

from vox_calls_tools.cli.meter import Meter

EVERY = 30.0
"""Seconds between two lines outside a terminal."""

_REFRESHES = 5  # in a second


def shown(meter: Meter, *, quiet: bool) -> AbstractContextManager[object]:
    """Show the progress on standard error until the block ends."""
    if quiet:
        return nullcontext()
    console = Console(stderr=True)
    if console.is_terminal and not console.is_dumb_terminal:
        return _bar(console, meter)
    ended = threading.Event()
    return lines(meter, sys.stderr.write, wait=ended.wait, end=ended.set)


@contextmanager
def lines(
    meter: Meter, write: Callable[[str], object], *, wait: Callable[[float], bool], end: Callable[[], None]
) -> Iterator[None]:
    """Write the progress as lines, from a background thread, until the block ends.

    Args:
        meter: The progress.
        write: Called with each line.
        wait: Waits for the end for at most some seconds, and returns whether it has come.
        end: Ends the wait.
    """

    def tell() -> None:
        while not wait(EVERY):
            write(f"vox-calls: {meter.words()}\n")

    thread = threading.Thread(target=tell, name="vox-calls-progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        end()
        thread.join()


class _Words(ProgressColumn):
    def __init__(self, meter: Meter) -> None:
        super().__init__(table_column=Column(no_wrap=True))
        self._meter = meter

    def render(self, task: Task) -> Text:  # noqa: ARG002 - the meter knows more
        return Text(self._meter.words())


class _Filling(BarColumn):
    def __init__(self, meter: Meter) -> None:
        super().__init__(bar_width=None)
        self._meter = meter

    def render(self, task: Task) -> ProgressBar:
        if (progress := self._meter.progress) is not None:
            task.total, task.completed = max(progress.total, 1), progress.done
        return super().render(task)


@contextmanager
def _bar(console: Console, meter: Meter) -> Iterator[None]:
    bar = Bar(
        _Filling(meter),
        _Words(meter),
        console=console,
        expand=True,
        transient=True,
        refresh_per_second=_REFRESHES,
        redirect_stdout=False,
    )
    with bar:
        bar.add_task("", total=None)
        yield
