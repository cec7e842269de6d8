"""When the next request may be sent, so that the server never has to refuse one. No clock, no sleeping of its own."""

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

Window = tuple[float, int]
"""Seconds, and how many requests may be in them."""


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

    @property
    def windows(self) -> tuple[Window, ...]:
        """How many seconds each window has, and how many requests may be in it."""
        return (_SECOND, self.per_second), (_MINUTE, self.per_minute)

    def pacer(self) -> Pacer:
        """What keeps the limit, for one client."""
        return Pacer(self)


class Pacing(Protocol):
    """What a client asks before it sends a request, and tells afterwards."""

    def acquire(self, now: float) -> float:
        """0 where a request may be sent at once, and it then counts as sent; else the seconds to wait and ask again."""

    def release(self, now: float) -> None:
        """Say that a request was answered, or that no answer will come."""

    def hold(self, seconds: float, now: float) -> None:
        """Let nothing through for some seconds: the server said so."""


class Limit(Protocol):
    """A limit that a client can be given: this module's, or one that several processes share."""

    def pacer(self) -> Pacing:
        """What keeps the limit, for one client."""


def pause(answered: Sequence[float], running: int, windows: Sequence[Window], now: float) -> float:
    """Seconds until a request may be sent; not above 0 where it may be at once.

    A request counts from its start until a window after its answer: the server counts it when it arrives, which is
    some time in between.

    Args:
        answered: When the requests of late were answered, earliest first.
        running: How many requests have no answer yet.
        windows: The limits, all of which have to hold.
        now: The time, by the same clock.
    """
    wait = 0.0
    for seconds, most in windows:
        free = most - running
        if free <= 0:
            wait = max(wait, seconds / most)
        elif len(answered) >= free:
            wait = max(wait, answered[-free] + seconds - now)
    return wait


class Pacer:
    """Keeps a rate limit over sliding windows, for all the iterations of one client.

    Times are seconds of a monotonic clock. Threads may share a pacer.
    """

    def __init__(self, limit: RateLimit | None) -> None:
        self._windows = limit.windows if limit is not None else ()
        self._answered: deque[float] = deque(maxlen=max((most for _, most in self._windows), default=0))
        self._running = 0
        self._held_until = 0.0
        self.lock: threading.Lock = threading.Lock()
        expect_forks(self)

    def acquire(self, now: float) -> float:
        """0 where a request may be sent at once, and it then counts as sent; else the seconds to wait and ask again."""
        with self.lock:
            wait = max(self._held_until - now, pause(self._answered, self._running, self._windows, now))
            if wait <= 0.0:
                self._running += 1
            return wait

    def release(self, now: float) -> None:
        """Say that a request was answered, or that no answer will come."""
        with self.lock:
            self._running -= 1
            self._answered.append(now)

    def hold(self, seconds: float, now: float) -> None:
        """Let nothing through for some seconds: the server said so."""
        with self.lock:
            self._held_until = max(self._held_until, now + seconds)

    def begin_anew(self) -> None:
        """Forget the threads of the process that this one was forked from: they are not here to release anything."""
        self._running = 0


class Forked(Protocol):
    """What has a lock, and something to forget when it finds itself in another process."""

    lock: threading.Lock

    def begin_anew(self) -> None:
        """In the new process: forget what only the threads of the old one could finish."""


_forked: weakref.WeakSet[Forked] = weakref.WeakSet()
_locked: list[Forked] = []


def expect_forks(pacer: Forked) -> None:
    """Take its lock around each fork, so that no thread is in the middle of something, and have it begin anew."""
    _forked.add(pacer)


def _before() -> None:
    for pacer in list(_forked):
        pacer.lock.acquire()
        _locked.append(pacer)


def _after_in_parent() -> None:
    while _locked:
        _locked.pop().lock.release()


def _after_in_child() -> None:
    while _locked:
        pacer = _locked.pop()
        pacer.begin_anew()
        pacer.lock.release()


if hasattr(os, "register_at_fork"):  # Windows does not fork
    os.register_at_fork(before=_before, after_in_parent=_after_in_parent, after_in_child=_after_in_child)
