"""Run the cases of openapi/conformance/ against both clients, in virtual time.

python tests/conformance.py [RULE ...]    print the cases that fail; exit status 1 if any
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
from functools import cache, partial
from itertools import count, islice
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID
from zoneinfo import ZoneInfo

import attrs
import httpx
from msgspec import UNSET

import virtual
import vox_calls
from contract import ROOT
from virtual import Clock, Cut
from vox_calls import InvalidQueryError, InvalidResponseError, RateLimit, VoxCallsError
from vox_calls._decoding import decoder_of
from vox_calls._retry import parse_retry_after
from vox_calls.enums import UnknownValues, logger
from vox_calls.query import Query
from vox_calls.rate_limit import limiter_of
from vox_calls.toolkit import Waiter, parse_json
from vox_calls_tools.sandbox.exchanges import Exchange, script
from vox_calls_tools.sandbox.parameters import RefusedError
from vox_calls_tools.sandbox.verdicts import KEY, Json, Outcome, ToldError

FOLDER = ROOT / "openapi" / "conformance"
SERVER = "https://conformance.test"
# The least, the middle and the most jitter.
JITTERS = (0.0, 0.5, 0.999_999_999)
DEFAULTS = {"page_size": 100, "cursor": None, "max_items": None}

Case = dict[str, Any]

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
    "duration": lambda seconds: timedelta(microseconds=int(Decimal(seconds) * 1_000_000)),
    "surrogate": lambda code: chr(int(code, 16)),
    "object": lambda value: {key: held(item) for key, item in value.items()},
}


def held(value: Any) -> Any:
    """The Python value of a case's argument."""
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
    """What was read, as JSON."""
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
        return {"refused": rejections(error, expected.get("refused", []))}
    request = httpx.Request("GET", SERVER, params=made.request(made.cursor)["params"])
    return {"query": parse_qs(request.url.query.decode(), keep_blank_values=True)}


def rejections(error: InvalidQueryError, expected: list[Json]) -> list[Json]:
    """The rejected filters; with the nearest value if one is expected, as a message may name another too."""
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

    class Seen(UnknownValues):
        def report(self, path: str, *rest: Any) -> None:
            seen.append(path)
            super().report(path, *rest)

    try:
        item: Any = parse_json(base64.b64decode(given["text"])) if "text" in given else given["item"]
        before = json.dumps(item)
        call = decoder_of(vox_calls.Call).decode(item, unknown=Seen(strict=given.get("strict", False)))
        call._keep(item)
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
        return f"{value:f}"
    return value / timedelta(seconds=1) if isinstance(value, timedelta) else wire(value)


def pace(given: Json, _: Json) -> Json:
    """When each request is sent, given when each becomes ready."""
    limits, requests = given["rate_limit"], given["requests"]
    pacer = limiter_of(None if limits is None else RateLimit(**limits))
    starts = [-1.0] * len(requests)
    waiters = [Waiter() for _ in requests]
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
        elif (wait := pacer.acquire(now, waiters[number])) > 0:
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
class Server(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """The server of an exchange, without a socket."""

    exchange: Exchange
    clock: Clock

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        assert request.url.host == "conformance.test"
        try:
            step = self.exchange.take(
                request.url.query.decode(), request.headers.get("Authorization"), at=self.clock.time
            )
        except RefusedError as refused:
            return httpx.Response(refused.status, json=refused.body)
        self.clock.time += step.takes
        self.exchange.answered = self.clock.time
        match step.fault:
            case "refuse":
                raise httpx.ConnectError("connection refused", request=request)
            case "reset":
                raise httpx.ReadError("connection reset", request=request)
            case "timeout":
                raise httpx.ReadTimeout("timed out", request=request)
            case "cut":
                return httpx.Response(200, stream=Cut(step.body or b""))
        return httpx.Response(step.status or 200, content=step.body, headers=step.headers)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return self.handle_request(request)


def error_of(error: VoxCallsError) -> ToldError:
    """An error in the form of the cases, with everything it shows."""
    # `raw` is the item itself: the server's text, not the error's.
    shown = {name: value for name, value in vars(error).items() if name != "raw"}
    attributes = {name: getattr(error, attribute, UNSET) for name, attribute in ATTRIBUTES.items()}
    return ToldError(NAMES[type(error)], json.dumps([str(error), repr(error), repr(shown)]), **attributes)


class Reports(logging.Handler):
    """Record the values that the client reports as unknown."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(logging.WARNING)
        self.outcome = outcome

    def emit(self, record: logging.LogRecord) -> None:
        assert isinstance(record.args, tuple)
        self.outcome.reported = [*(self.outcome.reported or ()), str(record.args[1]).strip("'")]


def options(case: Case) -> Json:
    """The client arguments of a case."""
    settings = case.get("client", {})
    return {
        "retries": settings.get("retries", 4),
        "rate_limit": RateLimit(**settings["rate_limit"]) if settings.get("rate_limit") else None,
        "strict_enums": settings.get("strict", False),
    }


def outcome_of(case: Case, client: vox_calls.Client | vox_calls.AsyncClient) -> Outcome:
    """Run the actions of a case with a client."""
    outcome = Outcome(items=[], pages=[], skipped=[], reported=[])
    asked = case.get("list", {})
    reports = Reports(outcome)
    logger.addHandler(reports)
    try:
        if isinstance(client, vox_calls.Client):
            read(client, asked, outcome)
        else:
            asyncio.run(read_async(client, asked, outcome))
    except VoxCallsError as error:
        outcome.error = error_of(error)
    finally:
        logger.removeHandler(reports)
    return outcome


def record(item: vox_calls.Call | vox_calls.Page, outcome: Outcome) -> None:
    if isinstance(item, vox_calls.Page):
        outcome.pages = [*(outcome.pages or ()), [call.id for call in item.items]]
    else:
        outcome.items = [*(outcome.items or ()), item.id]


def listed(client: Any, asked: Json, outcome: Outcome) -> Any:
    arguments = held(asked.get("arguments", {}))
    if asked.get("skip_invalid"):

        def skip(error: InvalidResponseError) -> None:
            outcome.skipped = [*(outcome.skipped or ()), error.path]

        arguments["on_invalid"] = skip
    return client.list_calls(**arguments)


def read(client: vox_calls.Client, asked: Json, outcome: Outcome) -> None:
    with client:
        calls = listed(client, asked, outcome)
        try:
            for _ in range(asked.get("times", 1)):
                for item in islice(calls.pages() if asked.get("by") == "page" else calls, asked.get("take")):
                    record(item, outcome)
        finally:
            outcome.cursor, outcome.finished = calls.cursor, calls.finished


async def read_async(client: vox_calls.AsyncClient, asked: Json, outcome: Outcome) -> None:
    async with client:
        calls = listed(client, asked, outcome)
        try:
            for _ in range(asked.get("times", 1)):
                left = asked.get("take", float("inf"))
                async with aclosing(calls.pages() if asked.get("by") == "page" else aiter(calls)) as steps:
                    async for item in steps:
                        record(item, outcome)
                        left -= 1
                        if left == 0:
                            break
        finally:
            outcome.cursor, outcome.finished = calls.cursor, calls.finished


def check(case: Case) -> None:
    """Run a case in every way.

    Raises:
        AssertionError: If the outcome is not the expected one.
    """
    if "operation" in case:
        actual = OPERATIONS[case["operation"]](case["input"], case["expect"])
        assert actual == case["expect"], f"{actual} is not {case['expect']}"
        return
    content = next(content for content in files().values() if case in content["cases"])
    for make in (virtual.blocking, virtual.awaiting):
        for jitter in JITTERS:
            clock = Clock(partial(float, jitter))
            exchange = Exchange(script(case, content["call"]))
            outcome = outcome_of(case, make(clock, Server(exchange, clock), KEY, base_url=SERVER, **options(case)))
            outcome.chance = jitter
            verdict = exchange.verdict(outcome)
            assert verdict["passed"], "; ".join(verdict["failures"])


def main(rules: list[str]) -> int:
    """Run the cases of some rules, or all."""
    failed = 0
    for name, case in cases().items():
        if rules and not set(rules) & set(case["rules"]):
            continue
        try:
            check(case)
        except Exception as error:  # noqa: BLE001 - any error of a broken client fails the case
            print(f"{name}: {type(error).__name__}: {error}"[:300])
            failed += 1
    print(f"{failed} failed")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
