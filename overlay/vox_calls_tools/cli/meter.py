"""Measures the speed and remaining time of an export. No clock and no terminal of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable

from vox_calls.toolkit import MAX_PAGE_SIZE
from vox_calls_tools.export import Progress

_MINUTE = 60.0
_WORTH_TELLING = 1.0  # seconds


class Meter:
    """Tracks calls and pauses.

    Args:
        clock: Monotonic clock in seconds.
        per_minute: Maximum number of requests a minute; None without a rate limit.
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
        """Note that a page was written."""
        self.progress = progress

    def pause(self, seconds: float) -> None:
        """Note that a pause of the rate limit starts. Called in the thread that waits."""
        with self._lock:
            now = self._clock()
            ends = max(self._pause_ends, now + seconds)
            self.paused += ends - max(self._pause_ends, now)
            self._pause_ends = ends

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return self._clock() - self._began

    @property
    def rate(self) -> float:
        """Calls per second, averaged over the whole run because a rate limit causes bursts."""
        if self.progress is None or self.elapsed <= 0:
            return 0.0
        return (self.progress.done - self.progress.before) / self.elapsed

    @property
    def left(self) -> float | None:
        """Estimated remaining seconds; None if unknown."""
        if self.progress is None or not self.rate:
            return None
        calls = self.progress.total - self.progress.done
        seconds = calls / self.rate
        if self._per_minute is not None:
            # A run starts with a burst, at a rate that does not last.
            pages = -(-calls // MAX_PAGE_SIZE)
            seconds = max(seconds, (pages - self._per_minute) * _MINUTE / self._per_minute, self.pausing)
        return seconds

    @property
    def pausing(self) -> float:
        """Remaining seconds of the current pause; 0 without one."""
        return max(0.0, self._pause_ends - self._clock())

    def words(self) -> str:
        """Return the progress as one line."""
        progress = self.progress
        if progress is None:
            words = "fetching the first page"
        elif progress.fetched:
            return f"{progress.done:,} calls fetched; completing the file"
        else:
            words = f"{progress.done:,} of {progress.total:,} calls, {self.rate:,.0f}/s"
            if self.left is not None:
                words += f", {clock(self.left)} left"
        return words if self.pausing < _WORTH_TELLING else f"{words}; rate limit: {self.pausing:.0f} s pause"


def clock(seconds: float) -> str:
    """Format seconds as 0:59, 16:54 or 1:00:00."""
    whole = round(seconds)
    hours, rest = divmod(whole, 3_600)
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}" if hours else f"{rest // 60}:{rest % 60:02d}"
