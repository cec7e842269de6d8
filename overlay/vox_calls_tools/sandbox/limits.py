"""The server's side of the rate limit: a sliding count of requests for each key and window."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

import attrs


@attrs.frozen
class Window:
    """So many `requests` in so many `seconds`, whenever those begin.

    Example:
        >>> Window(seconds=60.0, requests=120)
        Window(seconds=60.0, requests=120)
    """

    seconds: float
    requests: int


VENDOR_LIMITS = (Window(1.0, 5), Window(60.0, 120))
"""What the vendor is said to let through: 5 requests in a second and 120 in a minute."""


class RateLimiter:
    """Admits requests while every window has room. One that is refused does not count.

    Args:
        windows: All of them hold at once.
        clock: Seconds that only grow.
    """

    def __init__(self, windows: Sequence[Window], clock: Callable[[], float]) -> None:
        self._clock = clock
        self._admitted = [(window, deque[float](maxlen=window.requests)) for window in windows]

    def admit(self) -> float:
        """0 where the request is admitted, else the seconds until one would be."""
        now = self._clock()
        wait = max(
            (times[0] + window.seconds - now for window, times in self._admitted if len(times) == window.requests),
            default=0.0,
        )
        if wait > 0:
            return wait
        for _, times in self._admitted:
            times.append(now)
        return 0.0
