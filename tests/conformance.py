"""Run the cases of openapi/conformance/ against this client: blocking and awaiting, in a virtual world.

python tests/conformance.py [RULE ...]    exit status 1, and the cases that fail, where one does
"""

from __future__ import annotations

import asyncio
import base64
import heapq
import json
import logging
import sys
from collections.abc import Callable
from contextlib import aclosing
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from itertools import count, islice
from typing import Any, Literal
from urllib.parse import parse_qs
from uuid import UUID
from zoneinfo import ZoneInfo

import attrs
import httpx

import virtual
import vox_calls
from contract import ROOT
from virtual import Clock, Cut
from vox_calls import InvalidQueryError, InvalidResponseError, RateLimit, VoxCallsError
from vox_calls.decoding import EnumWatch, logger, parse
from vox_calls.pacing import Pacer
from vox_calls.query import Query
from vox_calls.retrying import parse_retry_after

FOLDER = ROOT / "openapi" / "conformance"
KEY = "vox_conformance_key"
SERVER = "https://conformance.test"
DRIVERS: tuple[Literal["sync", "async"], ...] = ("sync", "async")
# The least, the middle and the most that chance gives.
JITTERS = (0.0, 0.5, 0.999_999_999)
DEFAULTS = {"page_size": 100, "cursor": None, "max_items": None}

Case = dict[str, Any]
Json = dict[str, Any]

NAMES: dict[type[VoxCallsError], str] = {
    vox_calls.BadRequestError: "bad-request",
    vox_calls.AuthenticationError: "authentication",
    vox_calls.PermissionDeniedError: "permission-denied",
    vox_calls.NotFoundError: "not-found",
    vox_calls.RateLimitError: "rate-limit",
    vox_calls.ServerError: "server",
    vox_calls.ApiError: "api",
    vox_calls.TransportError: "transport",
    vox_calls.InvalidResponseError: "invalid-response",
    vox_calls.UnknownEnumValueError: "unknown-enum-value",
    vox_calls.PaginationError: "pagination",
}
ATTRIBUTES = {
    "status": "status_code",
    **{
        name: name for name in ("code", "message", "details", "request_id", "retry_after", "attempts", "cursor", "path")
    },
}


@cache
def files() -> dict[str, Json]:
    """Each file of cases, by its name."""
    found = {path.name: json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.json"))}
    return {name: content for name, content in found.items() if name != "cases.schema.json"}


@cache
def cases() -> dict[str, Case]:
    """Each case of each file, by its id."""
    return {case["id"]: case for content in files().values() for case in content["cases"]}


TAGS: dict[str, Callable[[Any], Any]] = {
    "integer": int,
    "float": float,
    "text": str,
    "date": date.fromisoformat,
    "surrogate": lambda code: chr(int(code, 16)),
}


def held(value: Any) -> Any:
    """What a caller holds, from how the case writes it."""
    if isinstance(value, list):
        return [held(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "local" in value:
        local = datetime.fromisoformat(value["local"] + value.get("offset", ""))
        if "zone" in value:
            return local.replace(tzinfo=ZoneInfo(value["zone"]), fold=int(value.get("second", False)))
        return local
    tag = next(iter(value), "")
    return TAGS[tag](value[tag]) if len(value) == 1 and tag in TAGS else {key: held(value[key]) for key in value}


def wire(value: Any) -> Any:
    """What was read, as JSON has it."""
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if isinstance(value, list):
        return [wire(item) for item in value]
    return wire(value.to_dict()) if hasattr(value, "to_dict") else value


def to_unix_ms(given: Json, _: Json) -> Json:
    try:
        return {"unix_ms": vox_calls.to_unix_ms(held(given["value"]), round_up=given["round"] == "up")}
    except InvalidQueryError:
        return {"refused": True}


def from_unix_ms(given: Json, _: Json) -> Json:
    try:
        return {"instant": wire(vox_calls.from_unix_ms(held(given["unix_ms"])))}
    except InvalidQueryError:
        return {"refused": True}


def retry_after(given: Json, _: Json) -> Json:
    return {"seconds": parse_retry_after(given["header"], now=datetime.fromisoformat(given["now"]))}


def query(given: Json, expected: Json) -> Json:
    try:
        made = Query.of(**DEFAULTS | held(given["arguments"]))
    except InvalidQueryError as error:
        return {"refused": refusals(error, expected.get("refused", []))}
    request = httpx.Request("GET", SERVER, params=made.request(made.cursor)["params"])
    return {"query": parse_qs(request.url.query.decode(), keep_blank_values=True)}


def refusals(error: InvalidQueryError, expected: list[Json]) -> list[Json]:
    """What was refused; the nearest value where one is expected, for a message may name another one as well."""
    told = []
    for position, one in enumerate(error.errors or [error]):
        assert one.field in str(error)
        assert one.reason in str(error)
        told.append({"argument": one.field})
        if position < len(expected) and "nearest" in expected[position]:
            told[-1]["nearest"] = one.reason.partition("did you mean ")[2].strip("?'")
    return told


def decode(given: Json, expected: Json) -> Json:
    seen: list[str] = []

    class Watch(EnumWatch):
        def unknown(self, path: str, *rest: Any) -> None:
            seen.append(path)
            super().unknown(path, *rest)

    try:
        item: Any = parse(base64.b64decode(given["text"])) if "text" in given else given["item"]
        before = json.dumps(item)
        call = vox_calls.Call.decode(item, watch=Watch(strict=given.get("strict", False)))
        assert json.dumps(call.to_dict()) == before == json.dumps(item)
        result: Json = {}
        if "fields" in expected:
            result["fields"] = {name: wire(getattr(call, name)) for name in expected["fields"]}
        if "unknown_fields" in expected:
            result["unknown_fields"] = {
                path: reach(call, path.rpartition(".")[0]).additional_properties[path.rpartition(".")[2]]
                for path in expected["unknown_fields"]
            }
        if "unknown_values" in expected:
            result["unknown_values"] = seen
            assert not any(reach(call, path).is_known for path in seen)
        told = {name: derived(getattr(call, name)) for name in given.get("ask", ())}
        if "derived" in expected:
            result["derived"] = told
    except InvalidResponseError as error:
        result = {"error": {"name": NAMES[type(error)], "path": error.path}}
    return result


def reach(value: Any, path: str) -> Any:
    for part in path.split(".") if path else ():
        value = getattr(value, part)
    return value


def derived(value: Any) -> Any:
    if isinstance(value, Decimal):
        return str(value)
    return value / timedelta(seconds=1) if isinstance(value, timedelta) else wire(value)


def pace(given: Json, _: Json) -> Json:
    """When each request is sent, of those that become ready at their times, whatever the others do."""
    limits, requests = given["rate_limit"], given["requests"]
    pacer = Pacer(None if limits is None else RateLimit(**limits))
    starts = [-1.0] * len(requests)
    order = count()
    events = [(float(request["ready"]), next(order), number, True) for number, request in enumerate(requests)]
    heapq.heapify(events)
    while events:
        now, _tie, number, begins = heapq.heappop(events)
        request = requests[number]
        if not begins:
            pacer.release(now)
            if "refuses" in request:
                pacer.hold(request["refuses"], now)
        elif (wait := pacer.acquire(now)) > 0:
            heapq.heappush(events, (now + wait, next(order), number, True))
        else:
            starts[number] = now
            heapq.heappush(events, (now + request.get("takes", 0.0), next(order), number, False))
    return {"starts": starts}


OPERATIONS: dict[str, Callable[[Json, Json], Json]] = {
    "query": query,
    "to_unix_ms": to_unix_ms,
    "from_unix_ms": from_unix_ms,
    "decode": decode,
    "retry_after": retry_after,
    "pace": pace,
}


@attrs.define
class Script(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """The server of an exchange."""

    steps: list[Json]
    call: Json
    clock: Clock
    answered: float = 0.0
    requests: list[Json] = attrs.field(factory=list)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        assert request.url.host == "conformance.test"
        assert request.headers["Authorization"] == f"Bearer {KEY}"
        assert len(self.requests) < len(self.steps), "a request too many"
        step = self.steps[len(self.requests)]
        sent = parse_qs(request.url.query.decode(), keep_blank_values=True)
        self.requests.append({"query": sent, "wait": self.clock.time - self.answered})
        self.clock.time += step.get("takes", 0.0)
        self.answered = self.clock.time
        match step.get("fault"):
            case "refuse":
                raise httpx.ConnectError("connection refused", request=request)
            case "reset":
                raise httpx.ReadError("connection reset", request=request)
            case "timeout":
                raise httpx.ReadTimeout("timed out", request=request)
            case "cut":
                return httpx.Response(200, stream=Cut(self.body(step)))
        headers = {name: str(value) for name, value in step.get("headers", {}).items()}
        return httpx.Response(step.get("status", 200), content=self.body(step), headers=headers)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return self.handle_request(request)

    def body(self, step: Json) -> bytes:
        if "base64" in step:
            return base64.b64decode(step["base64"])
        if "text" in step:
            return str(step["text"]).encode()
        if "page" in step:
            items = [{**self.call, "id": one} if isinstance(one, str) else one for one in step["page"]["items"]]
            return json.dumps({"total_count": 7, "next_cursor": None, **step["page"], "items": items}).encode()
        return json.dumps(step["json"]).encode() if "json" in step else b""


@attrs.define
class Outcome:
    items: list[str] = attrs.field(factory=list)
    pages: list[list[str]] = attrs.field(factory=list)
    skipped: list[str] = attrs.field(factory=list)
    reported: list[str] = attrs.field(factory=list)
    error: VoxCallsError | None = None
    cursor: str | None = None
    finished: bool = False

    def take(self, thing: vox_calls.Call | vox_calls.Page) -> None:
        if isinstance(thing, vox_calls.Page):
            self.pages.append([call.id for call in thing.items])
        else:
            self.items.append(thing.id)


class Reports(logging.Handler):
    """Keeps the values that the client reports as unknown."""

    def __init__(self, values: list[str]) -> None:
        super().__init__(logging.WARNING)
        self.values = values

    def emit(self, record: logging.LogRecord) -> None:
        assert isinstance(record.args, tuple)
        self.values.append(str(record.args[1]).strip("'"))


def run_exchange(case: Case, call: Json, *, driver: Literal["sync", "async"], jitter: float) -> tuple[Outcome, Script]:
    """Do what the case says, by one driver, with chance always giving the same number."""
    clock = Clock(lambda: jitter)
    script = Script(case["server"], call, clock)
    outcome = Outcome()
    settings = case.get("client", {})
    options = {
        "base_url": SERVER,
        "retries": settings.get("retries", 4),
        "rate_limit": RateLimit(**settings["rate_limit"]) if settings.get("rate_limit") else None,
        "strict_enums": settings.get("strict", False),
    }
    reports = Reports(outcome.reported)
    logger.addHandler(reports)
    try:
        if driver == "sync":
            read(virtual.blocking(clock, script, KEY, **options), case.get("list", {}), outcome)
        else:
            asyncio.run(read_async(virtual.awaiting(clock, script, KEY, **options), case.get("list", {}), outcome))
    except VoxCallsError as error:
        outcome.error = error
    finally:
        logger.removeHandler(reports)
    return outcome, script


def listed(client: Any, asked: Json, outcome: Outcome) -> Any:
    arguments = held(asked.get("arguments", {}))
    if asked.get("skip_invalid"):
        arguments["on_invalid"] = lambda error: outcome.skipped.append(error.path)
    return client.list_calls(**arguments)


def read(client: vox_calls.Client, asked: Json, outcome: Outcome) -> None:
    with client:
        calls = listed(client, asked, outcome)
        try:
            for _ in range(asked.get("times", 1)):
                for thing in islice(calls.pages() if asked.get("by") == "page" else calls, asked.get("take")):
                    outcome.take(thing)
        finally:
            outcome.cursor, outcome.finished = calls.cursor, calls.finished


async def read_async(client: vox_calls.AsyncClient, asked: Json, outcome: Outcome) -> None:
    async with client:
        calls = listed(client, asked, outcome)
        try:
            for _ in range(asked.get("times", 1)):
                left = asked.get("take", float("inf"))
                async with aclosing(calls.pages() if asked.get("by") == "page" else aiter(calls)) as steps:
                    async for thing in steps:
                        outcome.take(thing)
                        left -= 1
                        if left == 0:
                            break
        finally:
            outcome.cursor, outcome.finished = calls.cursor, calls.finished


def check(case: Case) -> None:
    """Run a case every way there is.

    Raises:
        AssertionError: Where something else comes of it than it says.
    """
    if "operation" in case:
        actual = OPERATIONS[case["operation"]](case["input"], case["expect"])
        assert actual == case["expect"], f"{actual} is not {case['expect']}"
        return
    content = next(content for content in files().values() if case in content["cases"])
    for driver in DRIVERS:
        for jitter in JITTERS:
            outcome, script = run_exchange(case, content["call"], driver=driver, jitter=jitter)
            compare(case["expect"], outcome, script, jitter)


def compare(expected: Json, outcome: Outcome, script: Script, jitter: float) -> None:
    for name in ("items", "pages", "skipped", "reported", "cursor", "finished"):
        if name in expected:
            actual = getattr(outcome, name)
            assert actual == expected[name], f"{name}: {actual} is not {expected[name]}"
    if "requests" in expected:
        sent = [{**request["query"]} for request in script.requests]
        wanted = [request["query"] for request in expected["requests"]]
        assert sent == wanted, f"{sent} is not {wanted}"
        for actual, request in zip(script.requests, expected["requests"], strict=True):
            wait = request.get("wait", 0)
            least, most = wait if isinstance(wait, list) else (wait, wait)
            exactly = max(least, most * jitter) if isinstance(wait, list) else least
            assert abs(actual["wait"] - exactly) < 1e-6, f"waited {actual['wait']}, not {exactly}"
    compare_error(expected.get("error"), outcome.error)


def compare_error(expected: Json | None, error: VoxCallsError | None) -> None:
    if expected is None or error is None:
        assert error is None, f"unexpected: {error!r}"
        assert expected is None, f"no error, and not {expected}"
        return
    # `raw` is the item itself, for whoever has to mend it: the server's words, not the error's.
    told_by_error = {name: value for name, value in vars(error).items() if name != "raw"}
    everything = json.dumps([str(error), repr(error), repr(told_by_error)])
    assert KEY not in everything, "the key is in the error"
    told = {"name": NAMES[type(error)]}
    told |= {name: getattr(error, ATTRIBUTES[name]) for name in expected if name != "name"}
    assert told == expected, f"{told} is not {expected}"


def main(rules: list[str]) -> int:
    """Run the cases of some rules, or all."""
    failed = 0
    for name, case in cases().items():
        if rules and not set(rules) & set(case["rules"]):
            continue
        try:
            check(case)
        except Exception as error:  # noqa: BLE001 - whatever a broken client does, the case has failed
            print(f"{name}: {type(error).__name__}: {error}"[:300])
            failed += 1
    print(f"{failed} failed")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
