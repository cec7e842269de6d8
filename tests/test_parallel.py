"""A stretch of time is read at several places at once: the same calls in the same order, and sooner."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Any

import attrs
import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import parallel_simulation
import virtual
import vox_calls
from broken_rules import edited_copy
from conftest import NOW, Read
from contract import ROOT
from even_history import CALL, LIMIT, Vendor, read_whole, soonest
from parallel_simulation import BEGIN, LoopClock, run_virtually
from vox_calls.parts import Part
from vox_calls.timestamps import READ_AS_SECONDS, to_unix_ms
from vox_calls_tools.sandbox import VENDOR_LIMITS, Sandbox, Script, Settings, Step, make_key
from vox_calls_tools.sandbox.limits import RateLimiter

SEEDS = 200
CHUNK = 50
END = to_unix_ms(NOW)
TIMES: dict[str, Any] = {"start_at_after": END - 90 * 86_400_000, "start_at_before": END}


@pytest.mark.parametrize("first", range(0, SEEDS, CHUNK))
def test_a_stretch_of_time_is_read_whole_whatever_happens(first: int, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("ERROR", "vox_calls")  # the server has a status that nobody knows
    assert parallel_simulation.main(first, first + CHUNK - 1) == 0


@pytest.mark.parametrize(
    ("module", "old", "new"),
    [
        ("parallel.py", "            if item.id in shown:", "            if not shown:"),
        ("parallel.py", "return parts if query.ascending else parts[::-1]", "return parts"),
        ("parallel.py", "yield Take(running[0][1])", "yield Take(running[-1][1])"),
        ("parallel.py", "            place = partial(_place, part,", "            place = partial(_place, query.part,"),
        ("parts.py", "Part(one + 1, other)", "Part(one + 2, other)"),
        ("parts.py", "Part(other.before + 1, self.before)", "Part(other.after, self.before)"),
    ],
)
def test_a_reader_that_is_broken_does_not_get_through(module: str, old: str, new: str, tmp_path: Path) -> None:
    path = f"{edited_copy(tmp_path / 'overlay', module, old, new)}{os.pathsep}{ROOT / 'generated'}"
    done = subprocess.run(
        [sys.executable, "-B", ROOT / "tests" / "parallel_simulation.py", "0", "200"],
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "fails. Again: python tests/parallel_simulation.py" in done.stdout


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("parallel", [2, 5])
def test_the_same_calls_in_the_same_order_over_a_socket(
    sandbox: Sandbox, read: Read, order: str, parallel: int
) -> None:
    filters = {"sort_order": order, "status": ["ended", "error"], "page_size": 37, **TIMES}
    one_by_one = read(sandbox, **filters)
    at_once = read(sandbox, **filters, parallel=parallel)
    assert at_once.ids == one_by_one.ids
    assert at_once.cursor is None
    assert len(at_once.requests) <= len(one_by_one.requests) + 2 + parallel * 2
    assert all(request.params.get_list("status") == ["ended", "error"] for request in at_once.requests)


def test_reading_goes_on_from_each_page(sandbox: Sandbox) -> None:
    with vox_calls.Client(sandbox.api_key, base_url=sandbox.base_url, rate_limit=None) as client:
        whole = [call.id for call in client.list_calls(**TIMES)]
        pages = list(client.list_calls(**TIMES, parallel=3).pages())
        assert [call.id for page in pages for call in page.items] == whole
        assert [page.next_cursor for page in pages if page.next_cursor is None] == [None]
        handed_out = 0
        for page in pages[:-1:4]:
            handed_out = sum(len(one.items) for one in pages[: pages.index(page) + 1])
            for others in (3, 2):
                rest = client.list_calls(**TIMES, parallel=others, cursor=page.next_cursor)
                assert [call.id for call in rest] == whole[handed_out:]


def test_a_server_that_answers_slowly_and_refuses_now_and_then_costs_nothing_but_time(
    calls: list[dict[str, Any]],
) -> None:
    faults = Script([Step(status=503, headers={"Retry-After": "0"}), None, Step(fault="cut"), None, None], repeat=True)
    settings = Settings(make_key(), windows=(), latency=0.005, faults=faults)
    with (
        Sandbox(calls, settings=settings) as box,
        vox_calls.Client(box.api_key, base_url=box.base_url, rate_limit=None) as client,
    ):
        started = sorted((call["start_at"], call["id"]) for call in calls if call["start_at"] is not None)
        read = client.list_calls(**TIMES, sort_order="asc", parallel=4)
        assert [(call.start_at, call.id) for call in read] == started


def test_whoever_breaks_off_leaves_no_thread_behind(sandbox: Sandbox) -> None:
    before = {*threading.enumerate()}
    with vox_calls.Client(sandbox.api_key, base_url=sandbox.base_url, rate_limit=None) as client:
        calls = client.list_calls(**TIMES, page_size=10, parallel=8)
        with closing(calls.pages()) as pages:
            next(pages)
            assert not {*threading.enumerate()} <= before
        assert {*threading.enumerate()} <= before
        assert calls.cursor is not None


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"parallel": 2}, "parallel: .* pass start_at_after and start_at_before too"),
        ({"parallel": 2, "start_at_before": END}, "parallel: .* pass start_at_after too"),
        ({**TIMES, "parallel": 2, "max_items": 10}, "max_items: .* leave one of the two out"),
        ({**TIMES, "parallel": 0}, "parallel: 0 is not an integer from 1 to 16"),
        ({**TIMES, "parallel": 17}, "parallel: 17 is not an integer from 1 to 16"),
        ({**TIMES, "parallel": 2, "cursor": "WzE3"}, "cursor: not one of an iteration over the same time"),
        ({**TIMES, "parallel": 2, "cursor": f"0-{END}:x"}, "cursor: not one of an iteration over the same time"),
    ],
)
def test_what_cannot_be_read_at_several_places_is_refused(arguments: dict[str, Any], told: str) -> None:
    with pytest.raises(vox_calls.InvalidQueryError, match=told):
        vox_calls.Client("key").list_calls(**arguments)


bounds = st.integers(0, 4_000_000_000_000)


@given(st.tuples(bounds, bounds), st.tuples(bounds, bounds), st.integers(1, 50))
@example((0, 200_000_000_000), (0, 200_000_000_000), 50)
@example((5, 5), (5, 5), 3)
def test_parts_have_each_millisecond_once(ends: tuple[int, int], seen: tuple[int, int], count: int) -> None:
    whole = Part(*sorted(ends))
    parts = whole.divide(count, first=min(seen), last=max(seen))
    assert 1 <= len(parts) <= count
    assert (parts[0].after, parts[-1].before) == (whole.after, whole.before)
    assert all(one.before + 1 == other.after for one, other in pairwise(parts))
    assert all(part.after <= part.before and whole.holds(part) for part in parts)
    inner = [end for one, other in pairwise(parts) for end in (one.before, other.after)]
    assert not any(end in READ_AS_SECONDS for end in inner)


@given(st.tuples(bounds, bounds), st.none() | st.text(min_size=1))
def test_a_cursor_names_its_part(ends: tuple[int, int], cursor: str | None) -> None:
    part = Part(*sorted(ends))
    assert Part.of_cursor(part.cursor(cursor)) == (part, cursor)


def test_a_call_that_starts_while_it_is_read_comes_once() -> None:
    """It is started in the part that is handed out first, and not in a page of the other one that came before that."""
    begin, end = BEGIN - 10_000, BEGIN + 10_000
    started = {"id": "it", **CALL, "start_at": BEGIN + 5_000}

    async def answer(request: httpx.Request) -> httpx.Response:
        after, before = (int(request.url.params[name]) for name in ("start_at_after", "start_at_before"))
        if (after, before) == (begin, end):  # a glance
            items = [{"id": "one", **CALL, "start_at": end if request.url.params["sort_order"] == "desc" else begin}]
        else:
            await asyncio.sleep(10.0 if before == end else 1.0)
            items = [started if before == end else {**started, "start_at": None}]
        return httpx.Response(200, json={"items": items, "total_count": 2, "next_cursor": None})

    async def read() -> list[str]:
        transport = httpx.MockTransport(answer)
        async with virtual.awaiting(LoopClock(lambda: 0.5), transport, "key", base_url="https://vendor.test") as client:
            times: dict[str, Any] = {"start_at_after": begin, "start_at_before": end}
            return [call.id async for call in client.list_calls(**times, parallel=2, page_size=1)]

    assert run_virtually(read()) == ["it"]


def test_a_failure_nobody_thought_of_in_one_part_keeps_no_other_waiting() -> None:
    """Each of them had begun a request that never ends, and all of the limit was theirs."""
    times: dict[str, Any] = {"start_at_after": BEGIN - 10**9, "start_at_before": BEGIN + 10**10}

    @attrs.define
    class Failing(Vendor):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if int(request.url.params["start_at_after"]) != times["start_at_after"]:
                raise ArithmeticError("nothing of HTTP")
            return await super().handle_async_request(request)

    seen: list[str] = []

    async def read() -> None:
        clock = LoopClock(lambda: 0.5)
        vendor = Failing(10_000, 0.1, RateLimiter(VENDOR_LIMITS, lambda: clock.time))
        async with (
            asyncio.timeout(3_600),
            virtual.awaiting(clock, vendor, "key", base_url="https://vendor.test", rate_limit=LIMIT) as client,
        ):
            async for page in client.list_calls(**times, sort_order="asc", parallel=16).pages():
                seen.extend(call.id for call in page.items)

    with pytest.raises(ArithmeticError, match="nothing of HTTP"):
        run_virtually(read())
    assert len(seen) > 500


@pytest.mark.parametrize(("pages", "latency"), [(100, 0.3), (500, 0.3), (300, 1.5)])
def test_the_time_falls_to_what_the_limits_allow(pages: int, latency: float) -> None:
    one, four = (read_whole(pages, latency=latency, parallel=parallel) for parallel in (1, 4))
    assert four.seconds < 1.1 * soonest(pages, latency=latency)
    assert four.seconds < 1.01 * one.seconds
    assert (one.refused, four.refused) == (0, 0)
    assert four.requests <= pages + 2 + pages // 20
