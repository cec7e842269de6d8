"""A rate limit that reports its pauses."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from vox_calls.toolkit import Limit, Limiter, Waiter

OnPause = Callable[[float], None]


@attrs.frozen
class WatchedLimit:
    """Wraps a rate limit, and reports each pause that it causes.

    Attributes:
        limit: A `RateLimit` or a `SharedRateLimit`.
        on_pause: Called with the length of each pause in seconds when it starts, in the thread that waits.

    Example:
        with Client(rate_limit=WatchedLimit(RateLimit(per_second=5, per_minute=120), print)) as client:
            ...
    """

    limit: Limit
    on_pause: OnPause

    def limiter(self) -> Limiter:
        """Make the limiter of one client."""
        return _WatchedLimiter(self.limit.limiter(), self.on_pause)


@attrs.frozen
class _WatchedLimiter:
    limiter: Limiter
    on_pause: OnPause

    def acquire(self, now: float, waiter: Waiter) -> float:
        wait = self.limiter.acquire(now, waiter)
        if wait > 0:
            self.on_pause(wait)
        return wait

    def release(self, now: float) -> None:
        self.limiter.release(now)

    def hold(self, seconds: float, now: float) -> None:
        self.limiter.hold(seconds, now)
        self.on_pause(seconds)
