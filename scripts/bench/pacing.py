"""How near a paced reading of a whole history comes to what the limits allow, without a single refusal.

On a clock that only waiting and the network move, against the limiter of the sandbox.
"""

from __future__ import annotations

import sys
from random import Random

import httpx

from bench.figures import COUNT, Figure
from bench.models import ROOT
from vox_calls_tools.sandbox.limits import VENDOR_LIMITS, RateLimiter

sys.path.append(str(ROOT / "tests"))  # the clock below is theirs

from virtual import Clock, blocking

GROUP = "A paced history of 2,014 pages, 5 a second and 120 a minute"
PAGES = 2_014
MOST_BEYOND = 1.0  # %
# Seconds that a request or an answer is on its way, drawn anew each time: that is what makes requests bunch up.
WAY = (0.005, 0.08)
KEY = "key"


class Vendor(httpx.BaseTransport):
    """A server that keeps the limits, and counts what it refuses."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._random = Random(1)  # noqa: S311 - the same each time
        self._limiter = RateLimiter(VENDOR_LIMITS, lambda: clock.time)
        self.refused = 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """One page, or 429."""
        self._travel()
        wait = self._limiter.admit()
        self._travel()
        if wait:
            self.refused += 1
            return httpx.Response(429, headers={"Retry-After": "1"}, json={})
        number = int(request.url.params.get("cursor", "0")) + 1
        following = None if number == PAGES else str(number)
        return httpx.Response(200, json={"items": [], "total_count": 0, "next_cursor": following})

    def _travel(self) -> None:
        self._clock.sleep(self._random.uniform(*WAY))


def soonest() -> float:
    """Seconds that nobody can beat: each request arrives as soon as the limits let it."""
    clock = Clock(jitter=float)
    limiter = RateLimiter(VENDOR_LIMITS, lambda: clock.time)
    for _ in range(PAGES):
        while wait := limiter.admit():
            clock.sleep(wait)
    return clock.time


def pacing() -> list[Figure]:
    """The time beyond the least there can be, and the refusals."""
    clock = Clock(jitter=float)
    vendor = Vendor(clock)
    with blocking(clock, vendor, KEY, base_url="https://vendor.invalid") as client:
        pages = sum(1 for _ in client.list_calls().pages())
    if pages != PAGES:
        raise ValueError(f"{pages} pages came, not {PAGES}")
    least = soonest()
    return [
        Figure(
            GROUP,
            "time beyond what the limits allow",
            (clock.time / least - 1) * 100,
            "%",
            f"{clock.time:,.1f} s, {least:,.1f} s",
            MOST_BEYOND,
        ),
        Figure(GROUP, "429s", vendor.refused, COUNT, at_most=0),
    ]
