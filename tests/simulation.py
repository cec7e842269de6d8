"""Simulation: read a changing history from a server that fails in every known way.

python tests/simulation.py FIRST [LAST]    read with both drivers for these seeds; print the first that fails

The seed decides everything: the history, its changes while it is read, the faults and the jitter.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
import random
import sys
import zlib
from codecs import BOM_UTF8
from collections import Counter, deque
from contextlib import aclosing
from datetime import timedelta
from email.utils import format_datetime
from typing import Any, Literal

import attrs
import httpx

import virtual
from virtual import Clock, Cut
from vox_calls import (
    ApiError,
    AsyncCalls,
    AsyncClient,
    Call,
    Calls,
    Client,
    InvalidResponseError,
    Page,
    PaginationError,
    RateLimit,
    TransportError,
    VoxCallsError,
)
from vox_calls._exchange import REUSED

KEY = "vox_simulation_key"
AGENT = {"agent_id": "7c0a4c61-8a31-4f57-9f0e-2f1d4be0a4d2", "agent_version": "v3"}
LIMIT = RateLimit(per_second=5, per_minute=120)
MOST_REQUESTS = 3_000
MOST_GROWTH = 60
MOST_ASKED = 60.0  # never exceeds a retry budget
FAULTS = [
    "no connection",
    "time-out",
    "connection lost",
    "body cut",
    "body cut unseen",
    "no page",
    "final",
    "slow",
    "refusal",
    "idle connection closed",
    "unknown coding",
    "proxy login",
    "error in a 200",
    "too many items",
]
ENVELOPE = b'{"error": {"code": "X", "message": "Y", "details": {"a": 9}}}'
RETRIED = (408, 429, 500, 502, 503, 504, 520, 526, 599)
FINAL = (400, 401, 403, 404, 302)
NEVER_RETRIED = ("not asked for (br)", "407 Proxy Authentication Required")
NESTED = "[" * 2_000 + "]" * 2_000
BROKEN_ITEMS: tuple[object, ...] = (None, 5, [], {"id": "?"}, {"id": 5})

Driver = Literal["sync", "async"]
Json = dict[str, Any]


@attrs.define
class Plan:
    """What a seed decides."""

    seed: int
    size: int
    page_size: int
    ascending: bool
    retries: int
    by_page: bool
    skips_invalid: bool
    max_items: int | None
    breaks_off: float
    faults: float
    final_faults: float
    bad_cursors: float
    empty_pages: float
    broken_items: float
    growth: float
    latency: float
    limited: bool

    @classmethod
    def of(cls, seed: int) -> Plan:
        chance = random.Random(seed)
        return cls(
            seed=seed,
            size=chance.choice([0, 1, chance.randint(2, 10), chance.randint(10, 60)]),
            page_size=chance.choice([1, 2, 3, 5, 8, 100]),
            ascending=chance.random() < 0.3,
            retries=chance.choice([0, 1, 2, 4]),
            by_page=chance.random() < 0.4,
            skips_invalid=chance.random() < 0.5,
            max_items=chance.choice([None, None, None, 0, chance.randint(1, 40)]),
            breaks_off=chance.choice([0, 0, 0.05]),
            faults=chance.choice([0, 0.1, 0.3, 0.6]),
            final_faults=chance.choice([0, 0, 0.05]),
            bad_cursors=chance.choice([0, 0, 0.1]),
            empty_pages=chance.choice([0, 0, 0.2]),
            broken_items=chance.choice([0, 0, 0.1]),
            growth=chance.choice([0, 0.5, 2.0]),
            latency=chance.choice([0, 0.01, 0.3, 2.0]),
            limited=chance.random() < 0.5,
        )


@attrs.define
class Watched(Cut):
    """A response body that breaks off and must still be closed."""

    server: Server

    def __attrs_post_init__(self) -> None:
        self.server.open_bodies += 1

    def close(self) -> None:
        self.server.open_bodies -= 1

    async def aclose(self) -> None:
        self.close()


@attrs.define
class Server(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """The API with faults, on a virtual clock."""

    plan: Plan
    clock: Clock
    chance: random.Random
    calls: dict[str, Json] = attrs.field(factory=dict)
    present_throughout: set[str] = attrs.field(factory=set)
    broken: dict[str, object] = attrs.field(factory=dict)
    known: set[str] = attrs.field(factory=set)
    cursors: set[str] = attrs.field(factory=set)
    served: dict[str | None, set[str]] = attrs.field(factory=dict)
    following: str | None = None
    given: list[str] = attrs.field(factory=list)
    arrivals: deque[float] = attrs.field(factory=deque)
    not_before: float = 0.0
    asked: float = 0.0  # seconds of Retry-After since a page was served
    figures: Counter[str] = attrs.field(factory=Counter)
    requests: int = 0
    refused_by_limit: int = 0
    open_bodies: int = 0
    made: int = 0

    def __attrs_post_init__(self) -> None:
        for _ in range(self.plan.size):
            self.make_call()
        self.present_throughout = set(self.calls)

    def make_call(self) -> None:
        self.made += 1
        # Several calls may begin in the same millisecond.
        at = 1_793_491_200_000 + (self.made // 2) * 1_000
        name = f"call-{self.chance.randrange(10**6):06}-{self.made}"
        status = self.chance.choice(["ended", "ended", "error", "ongoing", "ringing"])
        self.known.add(name)
        self.calls[name] = {"id": name, "agent": AGENT, "call_type": "inbound", "status": status, "start_at": at}
        if self.chance.random() < self.plan.broken_items:
            self.broken[name] = self.chance.choice(BROKEN_ITEMS)

    def happen(self) -> None:
        """Change the history between two requests."""
        for _ in range(int(self.chance.random() * 2 * self.plan.growth)):
            if self.made < self.plan.size + MOST_GROWTH:
                self.make_call()
        if self.plan.growth and self.calls and self.chance.random() < 0.2:
            name = self.chance.choice([*self.calls])
            self.calls[name]["status"] = "ended"
        if self.plan.growth and self.calls and self.chance.random() < 0.05:
            name = self.chance.choice([*self.calls])
            del self.calls[name]
            self.present_throughout.discard(name)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.requests += 1
        assert self.requests <= MOST_REQUESTS, "a request too many: this has no end"
        assert self.clock.time >= self.not_before - 1e-6, "sooner than the server asked"
        self.happen()
        arrived = self.clock.time + self.chance.random() * self.plan.latency
        answer = self.fault(request) if self.chance.random() < self.plan.faults else None
        if answer is None:
            answer = self.answer(request, arrived)
        self.clock.time = max(self.clock.time, arrived) + self.chance.random() * self.plan.latency
        return answer

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return self.handle_request(request)

    def fault(self, request: httpx.Request) -> httpx.Response | None:
        kind = self.chance.randrange(len(FAULTS))
        self.figures[FAULTS[kind]] += 1
        match kind:
            case 0:
                raise self.chance.choice([httpx.ConnectError, httpx.ConnectTimeout])("no connection", request=request)
            case 1:
                self.clock.time += 30.0
                raise httpx.ReadTimeout("timed out", request=request)
            case 2:
                raise self.chance.choice([httpx.ReadError, httpx.RemoteProtocolError])("lost", request=request)
            case 3:
                return httpx.Response(200, stream=Watched(self.page(request), self))
            case 4:
                body = self.page(request)
                return httpx.Response(200, content=body[: self.chance.randrange(len(body))])
            case 5:
                return httpx.Response(
                    200, content=self.chance.choice([b"", b"<html>Sign in</html>", b"\xff\xfe", b"{}", b"null"])
                )
            case 6 if self.chance.random() < self.plan.final_faults:
                return httpx.Response(self.chance.choice(FINAL), json={"error": {"code": "NO", "message": "No."}})
            case 7 if self.chance.random() < 0.5:
                self.clock.time += 20.0  # a slow response that arrives in the end
                return None
        return self.odd(FAULTS[kind], request) or self.refusal()

    def odd(self, kind: str, request: httpx.Request) -> httpx.Response | None:
        """What servers and proxies do seldom."""
        match kind:
            case "idle connection closed":
                request.extensions[REUSED] = True
                raise httpx.RemoteProtocolError("Server disconnected", request=request)
            case "unknown coding":
                return httpx.Response(200, stream=httpx.ByteStream(b"?"), headers={"Content-Encoding": "br"})
            case "proxy login":
                raise httpx.ProxyError("407 Proxy Authentication Required", request=request)
            case "error in a 200":
                return httpx.Response(200, json={"error": {"code": "BUSY", "message": "Later.", "details": None}})
            case "too many items":
                return httpx.Response(200, json={"items": [{}] * 1_001, "total_count": 0, "next_cursor": None})
        return None

    def refusal(self) -> httpx.Response:
        status = self.chance.choice(RETRIED)
        self.figures[f"status {status}"] += 1
        headers = {}
        kind = self.chance.randrange(6)
        asked = self.chance.choice([0.25, 1, 7, 60, 119, 500])
        if kind in {0, 1}:
            headers["Retry-After"] = str(asked)
        elif kind == 2:
            headers["Retry-After"] = format_datetime(self.clock.now() + timedelta(seconds=int(asked) + 1), usegmt=True)
        elif kind == 3:
            headers["Retry-After"] = self.chance.choice(["soon", "", "-5", "Sat, 31 Oct 2026 00:00:00 GMT"])
        if kind <= 2:
            self.asked += asked
        if kind <= 2 and asked <= 120:
            self.not_before = self.clock.time + (asked if kind < 2 else int(asked))
        body = self.chance.choice([b"", b"<html>Bad gateway</html>", ENVELOPE, ENVELOPE.replace(b"9", NESTED.encode())])
        return httpx.Response(status, content=body, headers=headers)

    def answer(self, request: httpx.Request, arrived: float) -> httpx.Response:
        if self.plan.limited and not self.admitted(arrived):
            self.refused_by_limit += 1
            return httpx.Response(429, headers={"Retry-After": "1"})
        self.asked = 0.0
        page = self.page(request)
        if self.following:
            self.given.append(self.following)
        return self.encoded(page)

    def encoded(self, page: bytes) -> httpx.Response:
        """The page as some servers and proxies send it."""
        kind = self.chance.choice(["plain", "plain", "mark", "gzip", "x-gzip", "members", "deflate"])
        self.figures[f"page: {kind}"] += 1
        if kind == "mark":
            return httpx.Response(200, stream=httpx.ByteStream(BOM_UTF8 + page))
        cut = self.chance.randrange(len(page))
        coded = {
            "gzip": gzip.compress(page, mtime=0),
            "x-gzip": gzip.compress(page, mtime=0),
            "members": gzip.compress(page[:cut], mtime=0) + gzip.compress(page[cut:], mtime=0),
            "deflate": zlib.compress(page),
        }
        if kind not in coded:
            return httpx.Response(200, stream=httpx.ByteStream(page))
        coding = "gzip" if kind == "members" else kind
        return httpx.Response(200, stream=httpx.ByteStream(coded[kind]), headers={"Content-Encoding": coding})

    def admitted(self, now: float) -> bool:
        for seconds, most in ((1.0, 5), (60.0, 120)):
            if sum(at > now - seconds + 1e-9 for at in self.arrivals) >= most:  # sums of floats are not exact
                return False
        self.arrivals.append(now)
        return True

    def page(self, request: httpx.Request) -> bytes:
        asked = request.url.params
        limit = int(asked["limit"])
        ordered = self.matching(asked)
        if "cursor" in asked:
            assert asked["cursor"] in self.cursors, "an unknown cursor"
            after = json.loads(asked["cursor"].partition("#")[0])
            ordered = [one for one in ordered if self.is_after(self.place(one), (after[0], after[1]))]
        items = ordered[:limit]
        following = None
        if self.chance.random() < self.plan.empty_pages:
            # An empty page with a cursor, as from servers that filter after reading.
            self.figures["empty page"] += 1
            items, following = [], asked.get("cursor", json.dumps(self.before_all())).partition("#")[0]
            following += f"#{self.requests}"
        elif len(ordered) > limit:
            following = json.dumps(self.place(items[-1]))
        if following:
            self.cursors.add(following)
        if following and self.chance.random() < self.plan.bad_cursors:
            self.figures["bad cursor"] += 1
            # Not from an earlier iteration or a lost response: the client cannot have seen those.
            following = self.chance.choice(["", *[one for one in self.given if one != following][:1]])
        self.following = following
        self.served[asked.get("cursor")] = {one["id"] for one in items}
        shown = [self.broken.get(one["id"], one) for one in items]
        return json.dumps({"items": shown, "total_count": self.chance.randrange(99), "next_cursor": following}).encode()

    def matching(self, asked: httpx.QueryParams) -> list[Json]:
        assert asked.get("sort_order") == ("asc" if self.plan.ascending else None), "a filter was left behind"
        return sorted(self.calls.values(), key=self.place, reverse=not self.plan.ascending)

    def before_all(self) -> tuple[int, str]:
        return (0, "") if self.plan.ascending else (10**15, "")

    def place(self, call: Json) -> tuple[int, str]:
        return call["start_at"], call["id"]

    def is_after(self, place: tuple[int, str], other: tuple[int, str]) -> bool:
        return place > other if self.plan.ascending else place < other


@attrs.define
class Reader:
    """A reader that resumes after every error and break until the history is complete."""

    plan: Plan
    server: Server
    clock: Clock
    chance: random.Random
    items: list[str] = attrs.field(factory=list)
    cursor: str | None = None
    finished: bool = False
    broke_off: bool = False
    errors: list[str] = attrs.field(factory=list)
    iterations: int = 0

    def arguments(self) -> Json:
        """The arguments of the next listing."""
        self.iterations += 1
        self.broke_off = False
        assert self.iterations < MOST_REQUESTS, "the iteration does not end"
        # Resuming fetches again the page that was not fully yielded.
        again = self.server.served.get(self.cursor, set())
        while self.items and self.items[-1] in again:
            self.items.pop()
        self.server.given = [self.cursor] if self.cursor else []
        arguments: Json = {"cursor": self.cursor, "page_size": self.plan.page_size}
        if self.plan.ascending:
            arguments["sort_order"] = "asc"
        if self.iterations == 1:
            arguments["max_items"] = self.plan.max_items
        # Resuming from there has to skip the invalid item.
        if self.plan.skips_invalid or self.errors:
            arguments["on_invalid"] = self.skip
        return arguments

    def skip(self, error: InvalidResponseError) -> None:
        assert error.path.startswith("items[")

    def record(self, item: Call | Page) -> bool:
        """Record a yielded call; return whether to break off."""
        self.items += [call.id for call in item.items] if isinstance(item, Page) else [item.id]
        self.broke_off = self.chance.random() < self.plan.breaks_off
        return self.broke_off

    def fail(self, error: VoxCallsError, calls: Calls | AsyncCalls) -> None:
        """Check an error and wait as long as it says."""
        assert isinstance(error, ApiError | TransportError | InvalidResponseError | PaginationError), repr(error)
        assert error.cursor == calls.cursor
        assert not calls.finished
        assert 1 <= error.attempts <= self.plan.retries + 1
        assert KEY not in f"{error}{error!r}{vars(error)}"
        self.errors.append(type(error).__name__)
        passing = isinstance(error, TransportError) or (isinstance(error, ApiError) and error.status_code in RETRIED)
        passing = passing or (isinstance(error, InvalidResponseError) and "not JSON" in error.reason)
        passing = passing and not any(reason in str(error) for reason in NEVER_RETRIED)
        if passing and self.server.asked < MOST_ASKED:
            assert error.attempts == self.plan.retries + 1, "given up too early"
        if isinstance(error, ApiError):
            self.clock.sleep(error.retry_after or 0.0)

    def end(self, calls: Calls | AsyncCalls) -> None:
        self.cursor, self.finished = calls.cursor, calls.finished

    def read(self, client: Client) -> None:
        while not self.finished:
            arguments = self.arguments()
            calls = client.list_calls(**arguments)
            try:
                steps = calls.pages() if self.plan.by_page else iter(calls)
                for item in steps:
                    if self.record(item):
                        break
                assert calls.finished or self.broke_off or arguments.get("max_items") is not None, "ended too early"
            except VoxCallsError as error:
                self.fail(error, calls)
            self.end(calls)

    async def read_async(self, client: AsyncClient) -> None:
        while not self.finished:
            arguments = self.arguments()
            calls = client.list_calls(**arguments)
            try:
                results: Any = calls.pages() if self.plan.by_page else aiter(calls)
                async with aclosing(results) as steps:
                    async for item in steps:
                        if self.record(item):
                            break
                assert calls.finished or self.broke_off or arguments.get("max_items") is not None, "ended too early"
            except VoxCallsError as error:
                self.fail(error, calls)
            self.end(calls)


def run(plan: Plan, driver: Driver) -> Reader:
    """Read a whole history with one driver.

    Raises:
        AssertionError: If a call is lost or yielded twice, a wait is too short, an error is wrong, the server rejects a
            request, the iteration does not end, or something is left open.
    """
    chance = random.Random(plan.seed)
    clock = Clock(random.Random(plan.seed).random)
    server = Server(plan, clock, chance)
    reader = Reader(plan, server, clock, random.Random(plan.seed + 1))
    options: Json = {
        "base_url": "https://simulation.test",
        "retries": plan.retries,
        "rate_limit": LIMIT if plan.limited else None,
    }
    if driver == "sync":
        with virtual.blocking(clock, server, KEY, **options) as client:
            reader.read(client)
            pacer: Any = client._runtime.limiter
    else:

        async def main() -> Any:
            async with virtual.awaiting(clock, server, KEY, **options) as client:
                await reader.read_async(client)
                return client._runtime.limiter

        pacer = asyncio.run(main())

    yielded = Counter(reader.items)
    assert not [name for name, times in yielded.items() if times > 1], "yielded twice"
    assert not server.present_throughout - server.broken.keys() - yielded.keys(), "lost"
    assert not yielded.keys() - server.known, "made up"
    assert server.refused_by_limit == 0, "more requests than the limit"
    assert pacer._in_flight == 0, "a request is still counted as under way"
    assert server.open_bodies == 0, "a body was left open"
    return reader


def check(seed: int) -> Counter[str]:
    """Both drivers read the same history with the same result. Returns its events."""
    plan = Plan.of(seed)
    one, other = run(plan, "sync"), run(plan, "async")
    assert (one.items, one.errors, one.clock.time) == (other.items, other.errors, other.clock.time)
    figures = one.server.figures
    figures["requests"] += one.server.requests
    figures["calls yielded"] += len(one.items)
    figures["resumptions"] += one.iterations - 1
    figures["errors"] += len(one.errors)
    figures["virtual seconds"] += int(one.clock.time)
    return figures


def main(first: int, last: int) -> int:
    """Run every seed and print a summary.

    Raises:
        AssertionError: If a seed fails, after it is printed.
    """
    figures: Counter[str] = Counter()
    for seed in range(first, last + 1):
        try:
            figures += check(seed)
        except BaseException:
            print(f"seed {seed} fails. Again: python tests/simulation.py {seed}\n{Plan.of(seed)}", flush=True)
            raise
    told = ", ".join(f"{name} {count:,}" for name, count in sorted(figures.items()))
    print(f"seeds {first} to {last} passed, by both drivers. Each: {told}")
    return 0


if __name__ == "__main__":
    logging.disable()  # the server sends an unknown status
    sys.exit(main(int(sys.argv[1]), int(sys.argv[-1])))
