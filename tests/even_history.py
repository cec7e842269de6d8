"""A history of calls one second apart, over a network that takes its time, by a clock that only waiting moves."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from typing import Any

import attrs
import httpx

import virtual
from parallel_simulation import BEGIN, LoopClock, run_virtually
from vox_calls import RateLimit
from vox_calls.pacing import Pacer
from vox_calls_tools.sandbox.limits import VENDOR_LIMITS, RateLimiter

PAGE_SIZE = 100
LIMIT = RateLimit(per_second=5, per_minute=120)
CALL = {
    "agent": {"agent_id": "7c0a4c61-8a31-4f57-9f0e-2f1d4be0a4d2", "agent_version": "v3"},
    "call_type": "inbound",
    "status": "ended",
}


@attrs.define
class Vendor(httpx.AsyncBaseTransport):
    """A server that keeps the vendor's limits and counts what it refuses. Half of the latency is the way there."""

    calls: int
    latency: float
    limiter: RateLimiter
    requests: int = 0
    refused: int = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests += 1
        await asyncio.sleep(self.latency / 2)
        wait = self.limiter.admit()
        await asyncio.sleep(self.latency / 2)
        if wait:
            self.refused += 1
            return httpx.Response(429, headers={"Retry-After": "1"}, json={})
        asked = request.url.params
        first = max(0, -(-(int(asked["start_at_after"]) - BEGIN) // 1_000))
        last = min(self.calls - 1, (int(asked["start_at_before"]) - BEGIN) // 1_000)
        numbers = range(first, last + 1)
        if asked.get("sort_order") != "asc":
            numbers = numbers[::-1]
        begin = int(asked.get("cursor", 0))
        page = numbers[begin : begin + int(asked["limit"])]
        items = [{"id": str(number), **CALL, "start_at": BEGIN + number * 1_000} for number in page]
        following = str(begin + len(page)) if begin + len(page) < len(numbers) else None
        body = {"items": items, "total_count": len(numbers), "next_cursor": following}
        return httpx.Response(200, content=json.dumps(body))


@attrs.frozen
class Taken:
    """How long it took, and what the server saw."""

    seconds: float
    requests: int
    refused: int


def read_whole(pages: int, *, latency: float, parallel: int) -> Taken:
    """Read a history of so many pages, and see that each call came in its order.

    Raises:
        AssertionError: Where one did not.
    """

    async def read() -> Taken:
        clock = LoopClock(lambda: 0.5)
        vendor = Vendor(pages * PAGE_SIZE, latency, RateLimiter(VENDOR_LIMITS, lambda: clock.time))
        options: dict[str, Any] = {"base_url": "https://vendor.test", "rate_limit": LIMIT}
        async with virtual.awaiting(clock, vendor, "key", **options) as client:
            times: dict[str, Any] = {"start_at_after": BEGIN - 10**9, "start_at_before": BEGIN + 10**10}
            calls = client.list_calls(**times, sort_order="asc", parallel=parallel)
            expected = 0
            async for call in calls:
                assert call.id == str(expected)
                expected += 1
        assert expected == vendor.calls
        return Taken(clock.time, vendor.requests, vendor.refused)

    return run_virtually(read())


def soonest(pages: int, *, latency: float) -> float:
    """Seconds that nobody can beat who counts a request until a window after its answer: rule PACE-4."""
    now, pacer, answers = 0.0, Pacer(LIMIT), deque[float]()
    for _ in range(pages):
        while (wait := pacer.acquire(now)) > 0:
            now += wait
            while answers and answers[0] <= now:
                pacer.release(answers.popleft())
        answers.append(now + latency)
    return answers[-1]
