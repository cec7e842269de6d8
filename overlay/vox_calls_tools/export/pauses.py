"""A rate limit that tells of the pauses that it makes."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from vox_calls.pacing import Limit, Pacing

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

    def pacer(self) -> Pacing:
        """What keeps the limit, for one client."""
        return _WatchedPacer(self.limit.pacer(), self.on_pause)


@attrs.frozen
class _WatchedPacer:
    pacer: Pacing
    on_pause: OnPause

    def acquire(self, now: float) -> float:
        wait = self.pacer.acquire(now)
        if wait > 0:
            self.on_pause(wait)
        return wait

    def release(self, now: float) -> None:
        self.pacer.release(now)

    def hold(self, seconds: float, now: float) -> None:
        self.pacer.hold(seconds, now)
        self.on_pause(seconds)
