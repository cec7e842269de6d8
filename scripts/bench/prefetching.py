"""What prefetching saves, and whether anything of it is left behind."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable

import vox_calls
from bench import server
from bench.figures import COUNT, Figure
from bench.pages import PAGE_SIZE

GROUP = "Prefetching, 60 ms of latency and 60 ms of work a page"
PAGES = 20
ROUNDS = 3
LATENCY_MS = 60
WORK = 0.06  # seconds
MOST = 0.6
ENDING = 0.2  # seconds until a thread of the background has ended


def prefetching(address: str) -> list[Figure]:
    """For each client, prefetch=1 against prefetch=0; and what is still running when they are closed."""
    base_url = server.history(address, PAGES * PAGE_SIZE, latency_ms=LATENCY_MS)
    ways: dict[str, Callable[[str, int], int]] = {"Client": _blocking, "AsyncClient": _awaiting}
    figures = []
    for name, read in ways.items():
        taken: dict[int, list[float]] = {0: [], 1: []}
        left = 0
        for prefetch in (0, 1) * ROUNDS:
            seconds, remaining = _timed(read, base_url, prefetch)
            taken[prefetch].append(seconds)
            left += remaining
        without, ahead = (min(seconds) for seconds in taken.values())
        figures += [
            Figure(
                GROUP,
                f"{name}, prefetch=1 to prefetch=0",
                ahead / without,
                note=f"{ahead:.2f} s, {without:.2f} s for {PAGES} pages",
                at_most=MOST,
            ),
            Figure(GROUP, f"{name}, threads and tasks left behind", left, COUNT, at_most=0),
        ]
    return figures


def _timed(read: Callable[[str, int], int], base_url: str, prefetch: int) -> tuple[float, int]:
    before = threading.active_count()
    began = time.perf_counter()
    tasks = read(base_url, prefetch)
    taken = time.perf_counter() - began
    time.sleep(ENDING)
    return taken, tasks + threading.active_count() - before


def _blocking(base_url: str, prefetch: int) -> int:
    with vox_calls.Client("key", base_url=base_url, rate_limit=None) as client:
        for _ in client.list_calls(page_size=PAGE_SIZE, prefetch=prefetch).pages():
            time.sleep(WORK)
    return 0


def _awaiting(base_url: str, prefetch: int) -> int:
    async def read() -> int:
        async with vox_calls.AsyncClient("key", base_url=base_url, rate_limit=None) as client:
            async for _ in client.list_calls(page_size=PAGE_SIZE, prefetch=prefetch).pages():
                await asyncio.sleep(WORK)
        return len(asyncio.all_tasks()) - 1

    return asyncio.run(read())
