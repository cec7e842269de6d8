"""How many requests may be sent, so that the server never answers 429. No clock and no waiting of its own.

`RateLimit` is what a client is given; `Limiter` what it asks before each request. A limit that several processes share
implements the same two methods: see `vox_calls_tools.shared_rate_limit`.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections import deque
from collections.abc import Sequence
from typing import Protocol

import attrs

from vox_calls.errors import ConfigurationError

_SECOND = 1.0
_MINUTE = 60.0
_MOST = 1_000_000
_LATE = 5.0  # seconds

Window = tuple[float, int]
"""Seconds, and how many requests may be sent in them."""


class Waiter:
    """A request that waits until it may be sent; made before it asks first, and dropped when it gives up."""


class Limiter(Protocol):
    """What a client asks before it sends a request, and tells afterwards. Threads may share it."""

    def acquire(self, now: float, waiter: Waiter) -> float:
        """Return 0 if a request may be sent now, which then counts as in flight; else the seconds to wait."""

    def release(self, now: float) -> None:
        """Note that a request in flight was answered, or that it will not be."""

    def hold(self, seconds: float, now: float) -> None:
        """Let no request through for some seconds, because the server answered 429."""


class Limit(Protocol):
    """A rate limit for `Client(rate_limit=...)`: makes one limiter for each client."""

    def limiter(self) -> Limiter:
        """Make the limiter of one client."""


def _check(_: object, attribute: attrs.Attribute[int], value: object) -> None:
    if type(value) is not int or not 1 <= value <= _MOST:
        raise ConfigurationError(f"{attribute.name} takes an integer from 1 to {_MOST:,}")


@attrs.frozen
class RateLimit:
    """How many requests a key may send in any second and in any minute. Both hold at once.

    Example:
        >>> RateLimit(per_second=5, per_minute=120)
        RateLimit(per_second=5, per_minute=120)
    """

    per_second: int = attrs.field(validator=_check)
    per_minute: int = attrs.field(validator=_check)

    @property
    def windows(self) -> tuple[Window, ...]:
        """The seconds of each window, and how many requests may be sent in it."""
        return (_SECOND, self.per_second), (_MINUTE, self.per_minute)

    def limiter(self) -> Limiter:
        """Make the limiter of one client."""
        return _SlidingWindows(self.windows)


DEFAULT_RATE_LIMIT = RateLimit(per_second=5, per_minute=120)
"""The vendor's limit, as far as it is known."""


def required_wait(answered: Sequence[float], in_flight: int, windows: Sequence[Window], now: float) -> float:
    """Return the seconds until a request may be sent; not above 0 if it may be now.

    A request counts from its start until one window after its answer, for the server counts it when it arrives, some
    time in between.

    Args:
        answered: When the latest requests were answered, earliest first, in seconds by the clock of `now`.
        in_flight: How many requests have no answer yet.
        windows: The limits, which all have to hold.
        now: The time.
    """
    wait = 0.0
    for seconds, most in windows:
        free = most - in_flight
        if free <= 0:
            wait = max(wait, seconds / most)
        elif len(answered) >= free:
            wait = max(wait, answered[-free] + seconds - now)
    return wait


def limiter_of(limit: Limit | None) -> Limiter:
    """Make the limiter of one client; None disables rate limiting."""
    return _SlidingWindows(()) if limit is None else limit.limiter()


class _SlidingWindows:
    """Keeps limits over sliding windows, for all the iterations of one client, first come, first served."""

    def __init__(self, windows: Sequence[Window]) -> None:
        self._windows = windows
        self._answered: deque[float] = deque(maxlen=max((most for _, most in windows), default=0))
        self._in_flight = 0
        self._held_until = 0.0
        self._queue: list[tuple[weakref.ref[Waiter], float]] = []  # and when each will ask again
        # A lock that another thread held during a fork would stay locked, so each process has its own.
        self._locks = {os.getpid(): threading.Lock()}

    def acquire(self, now: float, waiter: Waiter) -> float:
        with self._lock():
            # Those that gave up or ask late lose their place.
            queue = [each for each in self._queue if each[0]() is waiter or (each[0]() and now < each[1] + _LATE)]
            before = next((number for number, each in enumerate(queue) if each[0]() is waiter), len(queue))
            # As if those before it were in flight: it may be sent early, but never in their stead.
            wait = required_wait(self._answered, self._in_flight + before, self._windows, now)
            wait = max(wait, self._held_until - now)
            queue[before : before + 1] = [(weakref.ref(waiter), now + wait)] if wait > 0.0 else []
            self._queue = queue
            if wait <= 0.0:
                self._in_flight += 1
            return wait

    def release(self, now: float) -> None:
        with self._lock():
            self._in_flight = max(self._in_flight - 1, 0)
            self._answered.append(now)

    def hold(self, seconds: float, now: float) -> None:
        with self._lock():
            self._held_until = max(self._held_until, now + seconds)

    def _lock(self) -> threading.Lock:
        process = os.getpid()
        if process in self._locks:
            return self._locks[process]
        self._in_flight, self._queue = 0, []  # the other threads are not in this process
        return self._locks.setdefault(process, threading.Lock())
