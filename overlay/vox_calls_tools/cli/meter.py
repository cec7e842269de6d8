"""How fast an export goes and how long it still takes. No clock and no terminal of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable

from vox_calls.toolkit import MAX_PAGE_SIZE
from vox_calls_tools.export import Progress

_MINUTE = 60.0
_WORTH_TELLING = 1.0  # seconds


class Meter:
    """Counts calls and pauses.

    Args:
        clock: Seconds that only grow.
        per_minute: How many requests the rate limit lets through in a minute; None without one.
    """

    def __init__(self, clock: Callable[[], float], per_minute: int | None) -> None:
        self._clock = clock
        self._per_minute = per_minute
        self._began = clock()
        self._pause_ends = 0.0
        self._lock = threading.Lock()
        self.paused: float = 0.0
        self.progress: Progress | None = None

    def update(self, progress: Progress) -> None:
        """A page more is written."""
        self.progress = progress

    def pause(self, seconds: float) -> None:
        """The rate limit makes a pause, from now on; called in whichever thread waits."""
        with self._lock:
            now = self._clock()
            ends = max(self._pause_ends, now + seconds)
            self.paused += ends - max(self._pause_ends, now)
            self._pause_ends = ends

    @property
    def elapsed(self) -> float:
        """Seconds since the beginning."""
        return self._clock() - self._began

    @property
    def rate(self) -> float:
        """Calls in a second, over the whole of this run, for a rate limit lets them through in bursts."""
        if self.progress is None or self.elapsed <= 0:
            return 0.0
        return (self.progress.done - self.progress.before) / self.elapsed

    @property
    def left(self) -> float | None:
        """Seconds that it still takes; None while nobody can tell."""
        if self.progress is None or not self.rate:
            return None
        calls = self.progress.total - self.progress.done
        seconds = calls / self.rate
        if self._per_minute is not None:
            # A run begins with a burst, whose rate will not last.
            pages = -(-calls // MAX_PAGE_SIZE)
            seconds = max(seconds, (pages - self._per_minute) * _MINUTE / self._per_minute, self.pausing)
        return seconds

    @property
    def pausing(self) -> float:
        """Seconds that the rate limit's pause still lasts; 0 where there is none."""
        return max(0.0, self._pause_ends - self._clock())

    def words(self) -> str:
        """All of it in a line."""
        progress = self.progress
        if progress is None:
            words = "asking for the first page"
        elif progress.fetched:
            return f"{progress.done:,} calls are there; completing the file"
        else:
            words = f"{progress.done:,} of {progress.total:,} calls, {self.rate:,.0f}/s"
            if self.left is not None:
                words += f", {clock(self.left)} left"
        return words if self.pausing < _WORTH_TELLING else f"{words}; rate limit: {self.pausing:.0f} s pause"


def clock(seconds: float) -> str:
    """Such as 0:59, 16:54 or 1:00:00."""
    whole = round(seconds)
    hours, rest = divmod(whole, 3_600)
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}" if hours else f"{rest // 60}:{rest % 60:02d}"
