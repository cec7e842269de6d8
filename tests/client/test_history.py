"""A large history: every call once and in order, one request per page, flat memory."""

from __future__ import annotations

import hashlib
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from conftest import NOW
from vox_calls.timestamps import to_unix_ms
from vox_calls_tools.sandbox import Sandbox, Settings, make_key, synthetic_calls

CALLS = 201_312
PAGES = 2_014
GROWTH = 10 * 2**20  # bytes

# Runs in a new process, so that only the client's memory is measured.
READER = """
import asyncio, hashlib, json, os, sys
import httpx, vox_calls

requests, seen, taken = [0], hashlib.sha256(), [0, 0]

def count(request): requests[0] += 1
async def acount(request): requests[0] += 1

def resident():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

def take(call):
    seen.update(call.id.encode())
    taken[0] += 1
    if taken[0] == 100:
        taken[1] = resident()

def blocking():
    with httpx.Client(event_hooks={"request": [count]}) as http:
        with vox_calls.Client(rate_limit=None, http_client=http) as client:
            for call in client.list_calls():
                take(call)

async def awaiting():
    async with httpx.AsyncClient(event_hooks={"request": [acount]}) as http:
        async with vox_calls.AsyncClient(rate_limit=None, http_client=http) as client:
            async for call in client.list_calls():
                take(call)

if sys.argv[1] == "Client":
    blocking()
else:
    asyncio.run(awaiting())
growth = resident() - taken[1]
print(json.dumps({"calls": taken[0], "requests": requests[0], "ids": seen.hexdigest(), "growth": growth}))
"""


@pytest.fixture(scope="module")
def expected_ids() -> str:
    """A hash of the ids, newest first, computed without the sandbox."""
    at, order = 0, []
    for call in synthetic_calls(CALLS, seed=1, until=NOW):
        at = next((when for when in (call["start_at"], call["end_at"]) if when is not None), at)
        order.append((at, call["id"]))
    seen = hashlib.sha256()
    for _, call_id in sorted(order, reverse=True):
        seen.update(call_id.encode())
    return seen.hexdigest()


@pytest.fixture(scope="module")
def history() -> Iterator[Sandbox]:
    began = time.monotonic()
    calls = synthetic_calls(CALLS, seed=1, until=NOW)
    with Sandbox(calls, settings=Settings(make_key(), windows=())) as sandbox:
        print(f"{CALLS:,} calls loaded in {time.monotonic() - began:.1f} s")
        yield sandbox


@pytest.mark.parametrize("client", ["Client", "AsyncClient"])
def test_a_long_history_arrives_in_order_with_flat_memory(client: str, history: Sandbox, expected_ids: str) -> None:
    environment = {"VOX_BASE_URL": history.base_url, "VOX_API_KEY": history.api_key}
    done = subprocess.run(
        [sys.executable, "-c", READER, client], env=environment, capture_output=True, text=True, check=True
    )

    result: dict[str, Any] = json.loads(done.stdout)
    print(client, result)
    assert result["calls"] == CALLS
    assert result["ids"] == expected_ids
    assert result["requests"] == PAGES
    assert result["growth"] < GROWTH


@pytest.mark.parametrize(
    "bounds", [{}, {"start_at_after": 1, "start_at_before": to_unix_ms(NOW)}], ids=["all", "bounded"]
)
def test_the_sandbox_serves_any_page_in_under_10_ms(history: Sandbox, bounds: dict[str, int]) -> None:
    times: list[float] = []
    cursor = None
    with httpx.Client(base_url=history.base_url, headers={"Authorization": f"Bearer {history.api_key}"}) as http:
        for _ in range(PAGES + 1):
            if times and cursor is None:
                break
            parameters: dict[str, Any] = {"limit": "100", **bounds} | ({} if cursor is None else {"cursor": cursor})
            began = time.perf_counter()
            answer = http.get("/v3/calls", params=parameters)
            times.append(time.perf_counter() - began)
            cursor = answer.json()["next_cursor"]
    assert cursor is None
    # Medians, because the machine may be busy for a moment.
    tenths = [statistics.median(times[begin : begin + PAGES // 10]) for begin in range(0, len(times), PAGES // 10)]
    print("ms a page, by tenths of the depth:", *(f"{tenth * 1e3:.1f}" for tenth in tenths))
    assert max(tenths) < 0.010
