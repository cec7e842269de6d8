"""A rate limit that tells of the pauses that it makes."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from vox_calls.toolkit import Limit, Limiter

OnPause = Callable[[float], None]


@attrs.frozen
class WatchedLimit:
    """The same limit, for a client whose pauses somebody wants to see.

    Attributes:
        limit: A `RateLimit` or a `SharedRateLimit`.
        on_pause: Called with the seconds of each pause when it begins, in whichever thread is about to wait.

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

    def acquire(self, now: float) -> float:
        wait = self.limiter.acquire(now)
        if wait > 0:
            self.on_pause(wait)
        return wait

    def release(self, now: float) -> None:
        self.limiter.release(now)

    def hold(self, seconds: float, now: float) -> None:
        self.limiter.hold(seconds, now)
        self.on_pause(seconds)
