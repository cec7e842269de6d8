"""The server side of the rate limit: sliding windows."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

import attrs


@attrs.frozen
class Window:
    """A sliding window of the rate limit.

    Attributes:
        seconds: Length of the window in seconds.
        requests: Maximum number of requests in any window.

    Example:
        >>> Window(seconds=60.0, requests=120)
        Window(seconds=60.0, requests=120)
    """

    seconds: float
    requests: int


VENDOR_LIMITS = (Window(1.0, 5), Window(60.0, 120))
"""The vendor's limits, as far as they are known: 5 requests a second and 120 a minute."""


class RateLimiter:
    """Admits a request if every window has room. Rejected requests do not count.

    Args:
        windows: The windows. All apply at once.
        clock: Monotonic clock in seconds.
    """

    def __init__(self, windows: Sequence[Window], clock: Callable[[], float]) -> None:
        self._clock = clock
        self._admitted = [(window, deque[float](maxlen=window.requests)) for window in windows]

    def admit(self) -> float:
        """Admit a request and return 0; else return the seconds until one would be admitted."""
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
