"""How much memory a whole history takes beyond its first page, for somebody who keeps no call."""

from __future__ import annotations

import asyncio
import multiprocessing
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

import vox_calls
from bench import server
from bench.figures import Figure
from bench.pages import PAGE_SIZE

GROUP = "Memory over 201,312 calls, beyond the first page"
CALLS = 201_312
MOST = 10.0  # MB
_STATUS = Path("/proc/self/status")
_FORGET_PEAK = Path("/proc/self/clear_refs")


def memory(address: str) -> list[Figure]:
    """One figure for each client, each in a process of its own."""
    if not _STATUS.is_file():
        return [Figure(GROUP, "vox_calls", None, note="skipped: it takes Linux's /proc", at_most=MOST)]
    ways: dict[str, Callable[[str, Connection], None]] = {"Client": _blocking, "AsyncClient": _awaiting}
    return [
        Figure(GROUP, f"vox_calls.{name}", _grown(read, address), "MB", "peak, resident", MOST)
        for name, read in ways.items()
    ]


def _grown(read: Callable[[str, Connection], None], address: str) -> float:
    ours, theirs = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("spawn").Process(
        target=read, args=(server.history(address, CALLS), theirs), daemon=True
    )
    process.start()
    theirs.close()
    grown: float = ours.recv()
    process.join()
    return grown


class _Gauge:
    """Counts the calls, and how far the peak has risen since the first page."""

    def __init__(self) -> None:
        self._calls = 0
        self._first = 0.0

    def take(self, _: vox_calls.Call) -> None:
        self._calls += 1
        if self._calls == PAGE_SIZE:
            _FORGET_PEAK.write_text("5", encoding="ascii")
            self._first = _peak()

    def grown(self) -> float:
        if self._calls != CALLS:
            raise ValueError(f"{self._calls} calls came, not {CALLS}")
        return _peak() - self._first


def _peak() -> float:
    lines = _STATUS.read_text(encoding="ascii", errors="replace").splitlines()
    return next(int(line.split()[1]) / 1_024 for line in lines if line.startswith("VmHWM"))


def _blocking(base_url: str, told: Connection) -> None:
    gauge = _Gauge()
    with vox_calls.Client("key", base_url=base_url, rate_limit=None) as client:
        for call in client.list_calls(page_size=PAGE_SIZE):
            gauge.take(call)
    told.send(gauge.grown())


def _awaiting(base_url: str, told: Connection) -> None:
    async def read() -> None:
        async with vox_calls.AsyncClient("key", base_url=base_url, rate_limit=None) as client:
            async for call in client.list_calls(page_size=PAGE_SIZE):
                gauge.take(call)

    gauge = _Gauge()
    asyncio.run(read())
    told.send(gauge.grown())
