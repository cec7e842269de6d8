"""When the next request may be sent, so that the server never has to refuse one. No clock, no sleeping of its own."""

from __future__ import annotations

import threading
from collections import deque

import attrs

from vox_calls.errors import ConfigurationError

_SECOND = 1.0
_MINUTE = 60.0
_MOST = 1_000_000


def _whole(_: object, attribute: attrs.Attribute[int], value: object) -> None:
    if type(value) is not int or not 1 <= value <= _MOST:
        raise ConfigurationError(f"{attribute.name} takes an integer from 1 to {_MOST:,}")


@attrs.frozen
class RateLimit:
    """How many requests a key has in any second and in any minute. Both hold at once.

    Example:
        >>> RateLimit(per_second=5, per_minute=120)
        RateLimit(per_second=5, per_minute=120)
    """

    per_second: int = attrs.field(validator=_whole)
    per_minute: int = attrs.field(validator=_whole)


class Pacer:
    """Keeps a rate limit over sliding windows, for all the iterations of one client.

    A request counts from its start until a window after its answer: the server counts it when it arrives, which is
    some time in between. Times are seconds of a monotonic clock. Threads may share a pacer.
    """

    def __init__(self, limit: RateLimit | None) -> None:
        self._windows = [] if limit is None else [(_SECOND, limit.per_second), (_MINUTE, limit.per_minute)]
        self._answered: deque[float] = deque(maxlen=max((count for _, count in self._windows), default=0))
        self._running = 0
        self._held_until = 0.0
        self._lock = threading.Lock()

    def acquire(self, now: float) -> float:
        """0 where a request may be sent at once, and it then counts as sent; else the seconds to wait and ask again."""
        with self._lock:
            wait = max(self._held_until - now, *(self._until_free(*window, now) for window in self._windows), 0.0)
            if wait <= 0.0:
                self._running += 1
            return wait

    def release(self, now: float) -> None:
        """Say that a request was answered, or that no answer will come."""
        with self._lock:
            self._running -= 1
            self._answered.append(now)

    def hold(self, until: float) -> None:
        """Let nothing through before this time: the server said so."""
        with self._lock:
            self._held_until = max(self._held_until, until)

    def _until_free(self, window: float, count: int, now: float) -> float:
        free = count - self._running
        if free <= 0:
            return window / count
        if len(self._answered) < free:
            return 0.0
        return self._answered[-free] + window - now
