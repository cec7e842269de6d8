"""The server of `simulation`, read at several places at once, in a loop whose clock only waiting moves.

python tests/parallel_simulation.py FIRST [LAST]    read with these seeds; the first that fails is printed
"""

from __future__ import annotations

import asyncio
import logging
import random
import selectors
import sys
from collections import Counter
from collections.abc import Coroutine
from contextlib import aclosing
from typing import Any, Literal, TypeVar

import attrs
import httpx

import virtual
from simulation import KEY, LIMIT, Json, Plan, Server
from vox_calls import AsyncCalls, Call, Page, VoxCallsError
from vox_calls.parts import Part

T = TypeVar("T")

BEGIN = 1_793_491_200_000
WAITING = 0.3
MOST_REQUESTS = 50_000  # parts are many where a page is small, and each of them may show all that waits

Shown = Literal["in every part", "where it was made", "nowhere"]


class _Jump(selectors.DefaultSelector):
    """Does not wait: the time is over at once. Whatever happens takes a nanosecond, or a float could stand still."""

    now = 0.0

    def select(self, timeout: float | None = None) -> Any:
        assert timeout is not None, "everybody waits, and nothing will ever happen"
        self.now += max(timeout, 1e-9)
        return super().select(0)


class Loop(asyncio.SelectorEventLoop):
    """An event loop with a clock of its own."""

    def __init__(self) -> None:
        self.jump = _Jump()
        super().__init__(self.jump)

    def time(self) -> float:
        return self.jump.now


def run_virtually(main: Coroutine[Any, Any, T]) -> T:
    with asyncio.Runner(loop_factory=Loop) as runner:
        return runner.run(main)


class LoopClock(virtual.Clock):
    """The loop's clock. What somebody adds to it is waited for by whoever takes it."""

    owed = 0.0

    @property
    def time(self) -> float:
        return asyncio.get_running_loop().time()

    @time.setter
    def time(self, value: float) -> None:
        self.owed += max(value - self.time, 0.0)

    def take(self) -> float:
        owed, self.owed = self.owed, 0.0
        return owed

    async def sleep_async(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


@attrs.define
class ParallelServer(Server):
    """The same server, whose requests overlap. Calls have a place in time, and some of them no start yet."""

    shown: Shown = "in every part"
    after: int = BEGIN
    before: int = BEGIN
    made_at: dict[str, int] = attrs.field(factory=dict)
    changed: set[str] = attrs.field(factory=set)
    given_in: dict[tuple[int, int], list[str]] = attrs.field(factory=dict)
    served_in: dict[tuple[tuple[int, int], str | None], set[str]] = attrs.field(factory=dict)
    asked_ascending: bool = False
    under_way: int = 0
    most_under_way: int = 0

    def make_call(self) -> None:
        super().make_call()
        name = next(reversed(self.calls))
        # Those of the beginning are of the past.
        self.calls[name]["start_at"] -= (self.plan.size + 1) * 500
        self.made_at[name] = self.calls[name]["start_at"]
        if self.chance.random() < WAITING:
            self.calls[name]["start_at"] = None

    def happen(self) -> None:
        super().happen()
        waiting = [name for name, call in self.calls.items() if call["start_at"] is None]
        if self.plan.growth and waiting and self.chance.random() < 0.5:
            name = self.chance.choice(waiting)
            self.calls[name]["start_at"] = self.made_at[name] = BEGIN + int(self.clock.time * 1_000)
            self.changed.add(name)

    def place(self, call: Json) -> tuple[int, str]:
        return self.made_at[call["id"]], call["id"]

    def is_after(self, place: tuple[int, str], other: tuple[int, str]) -> bool:
        return place > other if self.asked_ascending else place < other

    def matching(self, asked: httpx.QueryParams) -> list[Json]:
        after, before = int(asked["start_at_after"]), int(asked["start_at_before"])
        assert self.after <= after <= before <= self.before, "more than was asked for"
        self.asked_ascending = asked.get("sort_order") == "asc"
        if "cursor" not in asked:  # another way through the same part begins
            self.given_in.pop((after, before), None)
        self.given = self.given_in.setdefault((after, before), [])
        found = [call for call in self.calls.values() if self.is_shown(call, after, before)]
        return sorted(found, key=self.place, reverse=not self.asked_ascending)

    def is_shown(self, call: Json, after: int, before: int) -> bool:
        if call["start_at"] is None and self.shown != "where it was made":
            return self.shown == "in every part"
        return after <= self.made_at[call["id"]] <= before

    def page(self, request: httpx.Request) -> bytes:
        body = super().page(request)
        asked = request.url.params
        bounds = int(asked["start_at_after"]), int(asked["start_at_before"])
        self.served_in[bounds, asked.get("cursor")] = self.served[asked.get("cursor")]
        return body

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        clock = self.clock
        assert isinstance(clock, LoopClock)
        self.requests += 1
        assert self.requests <= MOST_REQUESTS, "a request too many: this has no end"
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            await asyncio.sleep(self.chance.random() * self.plan.latency)
            self.happen()
            try:
                answer = self.fault(request) if self.chance.random() < self.plan.faults else None
                answer = answer or self.answer(request, clock.time)
            except httpx.RequestError:
                await asyncio.sleep(clock.take())
                raise
            try:
                await asyncio.sleep(clock.take() + self.chance.random() * self.plan.latency)
            except asyncio.CancelledError:
                await answer.aclose()  # it never reached its reader
                raise
            return answer
        finally:
            self.under_way -= 1


@attrs.define
class Reader:
    """A program that reads a time whole, going on from wherever an error or a break says."""

    plan: Plan
    server: ParallelServer
    parallel: int
    chance: random.Random
    items: list[tuple[str, int | None]] = attrs.field(factory=list)
    cursor: str | None = None
    finished: bool = False
    errors: int = 0
    iterations: int = 0

    def take(self, thing: Call | Page) -> bool:
        """Keep what was handed out; whether to break off here."""
        new = thing.items if isinstance(thing, Page) else [thing]
        self.items += [(call.id, call.start_at) for call in new]
        return self.chance.random() < self.plan.breaks_off

    def fail(self, error: VoxCallsError, calls: AsyncCalls) -> None:
        assert error.cursor == calls.cursor
        assert not calls.finished
        self.errors += 1

    def go_back(self) -> None:
        """Reading on gives a page that was not handed out whole once more."""
        self.server.given_in = {}
        named = None if self.cursor is None else Part.of_cursor(self.cursor)
        if named is None:
            self.items.clear()
            return
        bounds = (named[0].after, named[0].before)
        if named[1] is not None:
            self.server.given_in[bounds] = [named[1]]
        again = set() if self.plan.by_page else self.server.served_in.get((bounds, named[1]), set())
        while self.items and self.items[-1][0] in again:
            self.items.pop()

    async def read(self, client: Any) -> None:
        while not self.finished:
            self.iterations += 1
            assert self.iterations < MOST_REQUESTS, "this has no end"
            self.go_back()
            begun = len(self.items)
            calls = client.list_calls(
                start_at_after=self.server.after,
                start_at_before=self.server.before,
                sort_order="asc" if self.plan.ascending else None,
                page_size=self.plan.page_size,
                parallel=self.parallel,
                cursor=self.cursor,
                on_invalid=(lambda _: None) if self.plan.skips_invalid or self.errors else None,
            )
            broke_off = False
            try:
                async with aclosing(calls.pages() if self.plan.by_page else aiter(calls)) as steps:
                    async for thing in steps:
                        broke_off = self.take(thing)
                        if broke_off:
                            break
                assert calls.finished or broke_off, "ended too early"
            except VoxCallsError as error:
                self.fail(error, calls)
            once = Counter(name for name, _ in self.items[begun:])
            assert not [name for name, times in once.items() if times > 1], "handed out twice"
            self.cursor, self.finished = calls.cursor, calls.finished
            assert len(asyncio.all_tasks()) == 1, "a task was left behind"


async def read_history(seed: int) -> Reader:
    """Read a stretch of a history, at several places at once.

    Raises:
        AssertionError: Where a call is lost, handed out twice or out of order, the server has to refuse a request,
            there is no end, or something is left behind.
    """
    chance = random.Random(seed)
    plan = attrs.evolve(Plan.of(seed), size=chance.choice([0, 1, 20, 60, 150]), max_items=None)
    if plan.retries == 0:
        plan.faults /= 3  # each error costs the two requests more with which reading on begins
    clock = LoopClock(random.Random(seed).random)
    server = ParallelServer(plan, clock, chance, shown=chance.choice(["in every part", "where it was made", "nowhere"]))
    if server.shown != "nowhere":
        # Call by call, a reader cannot tell what it has had of a page from what another page has had before.
        plan.by_page = True
    length = plan.size * 500
    server.after = BEGIN - chance.choice([10**9, length, length // 2])
    server.before = server.after + chance.choice([0, length // 2, length, 2 * 10**9])
    server.present_throughout = {name for name, at in server.made_at.items() if server.after <= at <= server.before}
    reader = Reader(plan, server, chance.choice([2, 3, 4, 16]), random.Random(seed + 1))
    limit = LIMIT if plan.limited else None
    options: Json = {"base_url": "https://simulation.test", "retries": plan.retries, "rate_limit": limit}
    async with virtual.awaiting(clock, server, KEY, **options) as client:
        await reader.read(client)
        pacer: Any = client._world.pacer

    missing = server.present_throughout - server.broken.keys() - {name for name, _ in reader.items}
    started = {name for name in missing if server.calls[name]["start_at"] is not None}
    assert not started - server.changed, "lost"
    if server.shown != "nowhere":
        assert not missing - server.changed, "lost before it started"
    starts = Counter(name for name, start in reader.items if start is not None and name not in server.changed)
    assert not [name for name, times in starts.items() if times > 1], "handed out twice"
    order = [start for _, start in reader.items if start is not None]
    assert order == sorted(order, reverse=not plan.ascending), "out of order"
    assert server.refused_by_limit == 0, "more requests than the limit"
    assert pacer._running == 0, "a request is still counted as under way"
    assert server.open_bodies == 0, "a body was left open"
    return reader


def main(first: int, last: int) -> int:
    """Try every seed, and print what was in them.

    Raises:
        AssertionError: Where one fails, when it has been printed.
    """
    figures: Counter[str] = Counter()
    for seed in range(first, last + 1):
        try:
            reader = run_virtually(read_history(seed))
        except BaseException:
            print(f"seed {seed} fails. Again: python tests/parallel_simulation.py {seed}", flush=True)
            raise
        figures += reader.server.figures
        figures["requests"] += reader.server.requests
        figures["calls handed out"] += len(reader.items)
        figures["resumptions"] += reader.iterations - 1
        figures["errors"] += reader.errors
        figures["most requests under way"] = max(figures["most requests under way"], reader.server.most_under_way)
    told = ", ".join(f"{name} {count:,}" for name, count in sorted(figures.items()))
    print(f"seeds {first} to {last} passed: {told}")
    return 0


if __name__ == "__main__":
    logging.disable()  # the server has a status that nobody knows
    sys.exit(main(int(sys.argv[1]), int(sys.argv[-1])))
