"""The API as a Starlette application: `GET /v3/calls`, and the error envelope for everything else."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import inspect
import json
import math
import re
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import Any
from uuid import UUID, uuid4

import attrs
import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from vox_calls import CallStatus, CallType, DisconnectionReason, SortOrder
from vox_calls_raw.api.calls import list_calls
from vox_calls_tools.sandbox.faults import Script
from vox_calls_tools.sandbox.limits import VENDOR_LIMITS, RateLimiter, Window
from vox_calls_tools.sandbox.store import Filters, Position, Store

# Taken from the generated client, so that they match the contract.
ALLOWED_PARAMETERS = tuple(inspect.signature(list_calls._get_kwargs).parameters)  # noqa: SLF001 - the generator's name
DEFAULT_LIMIT = 50
MAX_LIMIT = 100

_INTEGER = re.compile(r"[0-9]{1,19}")
_LARGEST = 2**63 - 1
_NUMBER = re.compile(r"[0-9]{3,12}")
_SECONDS_DIGITS = (10, 11)
_MOST_PAIRS = 20


@attrs.frozen
class SeenRequest:
    """A request that the server received, without its headers, which contain the key.

    Attributes:
        method: Method, such as `GET`.
        path: Path, such as `/v3/calls`.
        query: Values of each parameter, in order.

    Example:
        seen = []
        with Sandbox(settings=Settings(make_key(), on_request=seen.append)) as sandbox:
            ...
        assert seen[0].query["limit"] == ["100"]
    """

    method: str
    path: str
    query: Mapping[str, Sequence[str]]


@attrs.frozen
class Settings:
    """The behaviour of a sandbox.

    Attributes:
        api_key: The only accepted key.
        windows: Rate limits; empty disables rate limiting.
        latency: Delay of each response in seconds.
        clock: Monotonic clock in seconds, for the rate limits.
        now: Returns the current time in unix milliseconds, for calls that progress over time.
        faults: Scripted failures, one per request; None for no failures.
        on_request: Called with each request before it is answered, in the server's thread.

    Example:
        with Sandbox(settings=Settings(make_key(), windows=(), latency=0.3)) as sandbox:  # 0.3 s per response
            ...
    """

    api_key: str = attrs.field(repr=False)
    windows: Sequence[Window] = VENDOR_LIMITS
    latency: float = 0.0
    clock: Callable[[], float] = time.monotonic
    now: Callable[[], int] = lambda: time.time_ns() // 1_000_000
    faults: Script | None = None
    on_request: Callable[[SeenRequest], None] | None = None


class RefusedError(Exception):
    """A response other than 200, in the API's error envelope."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        details: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers
        self.body: dict[str, object] = {"error": {"code": code, "message": message, "details": dict(details or {})}}


@attrs.frozen
class _Asked:
    filters: Filters
    ascending: bool
    cursor: str | None
    limit: int

    @property
    def fingerprint(self) -> str:
        """Identifies the filters that a cursor belongs to."""
        asked = json.dumps([sorted((name, sorted(set(self.filters[name]))) for name in self.filters), self.ascending])
        return hashlib.sha256(asked.encode()).hexdigest()[:12]


def create_app(store: Store, settings: Settings) -> Starlette:
    """Create the application for the calls of a store."""
    limiter = RateLimiter(settings.windows, settings.clock)

    async def calls(request: Request) -> Response:
        if settings.latency:
            await asyncio.sleep(settings.latency)
        _authenticate(request, settings.api_key)
        if wait := limiter.admit():
            raise RefusedError(
                429, "RATE_LIMITED", "Too many requests for this key.", headers={"Retry-After": str(math.ceil(wait))}
            )
        store.go_on(settings.now())
        return Response(_page(store, _read(request)), media_type="application/json", headers=_request_id())

    app = Starlette(
        routes=[Route("/v3/calls", calls, methods=["GET"])],
        exception_handlers=ENVELOPES,
    )
    app.router.redirect_slashes = False  # other paths get the error envelope
    return app


def _page(store: Store, asked: _Asked) -> bytes:
    after = None if asked.cursor is None else _open_cursor(asked.cursor, asked)
    page = store.page(asked.filters, ascending=asked.ascending, after=after, limit=asked.limit)
    return msgspec.json.encode(
        {
            "items": [msgspec.Raw(item) for item in page.items],
            "total_count": page.total_count,
            "next_cursor": None if page.last is None else _make_cursor(page.last, asked),
        }
    )


def _authenticate(request: Request, api_key: str) -> None:
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not secrets.compare_digest(key.encode(), api_key.encode()):
        raise RefusedError(401, "UNAUTHORIZED", "The API key is missing or not valid.")


def _read(request: Request) -> _Asked:
    given: dict[str, list[str]] = {}
    for name, value in request.query_params.multi_items():
        if name not in ALLOWED_PARAMETERS:
            allowed = {"allowed_query_parameters": list(ALLOWED_PARAMETERS)}
            raise _invalid(f"Unsupported query parameter: {name}", allowed)
        given.setdefault(name, []).append(value)
    filters = {name: _FILTERS[name](name, values) for name, values in given.items() if name in _FILTERS}
    if "agent_version" in filters and len(filters.get("agent_id", [])) != 1:
        raise _invalid("agent_version needs exactly one agent_id.", {"parameter": "agent_version"})
    order = _one("sort_order", _among(SortOrder)("sort_order", given.get("sort_order", [SortOrder.DESC.value])))
    limit = _number("limit", given.get("limit", [str(DEFAULT_LIMIT)]))
    if not 1 <= limit <= MAX_LIMIT:
        raise _invalid(f"limit must be an integer from 1 to {MAX_LIMIT}.", {"parameter": "limit"})
    cursor = _one("cursor", given["cursor"]) if "cursor" in given else None
    return _Asked(filters, order == SortOrder.ASC.value, cursor, limit)


def _invalid(message: str, details: Mapping[str, object]) -> RefusedError:
    return RefusedError(400, "VALIDATION_ERROR", message, details=details)


def _one(name: str, values: list[str]) -> str:
    if len(values) != 1:
        raise _invalid(f"{name} may be given only once.", {"parameter": name})
    return values[0]


def _number(name: str, values: list[str]) -> int:
    value = _one(name, values)
    if not _INTEGER.fullmatch(value) or int(value) > _LARGEST:
        raise _invalid(f"{name} must be a 64-bit integer, at least 0.", {"parameter": name})
    return int(value)


def _instant(name: str, values: list[str]) -> list[int]:
    number = _number(name, values)
    return [number * 1_000 if len(str(number)) in _SECONDS_DIGITS else number]


def _among(kind: type[Enum]) -> Callable[[str, list[str]], list[str]]:
    allowed = [member.value for member in kind]

    def check(name: str, values: list[str]) -> list[str]:
        for value in values:
            if value not in allowed:
                raise _invalid(f"{name} has no value {value!r}.", {"parameter": name, "allowed_values": allowed})
        return values

    return check


def _uuids(name: str, values: list[str]) -> list[str]:
    try:
        return [str(UUID(value)) for value in values]
    except ValueError:
        raise _invalid(f"{name} must be a UUID.", {"parameter": name}) from None


def _numbers(name: str, values: list[str]) -> list[str]:
    if not all(_NUMBER.fullmatch(value) for value in values):
        raise _invalid(f"{name} must be a domestic number, digits only.", {"parameter": name})
    return values


def _length(name: str, values: list[str]) -> list[int]:
    return [_number(name, values)]


def _customer(name: str, values: list[str]) -> list[str]:
    return _uuids(name, [_one(name, values)])


def _matching(pattern: str) -> Callable[[str, list[str]], list[str]]:
    def check(name: str, values: list[str]) -> list[str]:
        if not all(re.fullmatch(pattern, value, re.ASCII) for value in values):
            raise _invalid(f"{name} must match {pattern}.", {"parameter": name})
        return values

    return check


def _campaign(name: str, values: list[str]) -> list[str]:
    return _matching(r"[0-9]+")(name, [_one(name, values)])


def _pairs(name: str, values: list[str]) -> list[str]:
    if len(values) > _MOST_PAIRS:
        raise _invalid(f"{name} may be given {_MOST_PAIRS} times.", {"parameter": name})
    return _matching("(?s)[^:]+:.*")(name, values)


_FILTERS: Mapping[str, Callable[[str, list[str]], list[Any]]] = {
    "agent_id": _uuids,
    "agent_version": _matching(r"current|v[0-9]+"),
    "status": _among(CallStatus),
    "call_type": _among(CallType),
    "disconnection_reason": _among(DisconnectionReason),
    "call_from": _numbers,
    "call_to": _numbers,
    "customer_id": _customer,
    "campaign_id": _campaign,
    "metadata": _pairs,
    "dynamic_variables": _pairs,
    "duration_ms_min": _length,
    "duration_ms_max": _length,
    "start_at_after": _instant,
    "start_at_before": _instant,
}


def _make_cursor(position: Position, asked: _Asked) -> str:
    text = json.dumps([*position, asked.fingerprint], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _open_cursor(cursor: str, asked: _Asked) -> Position:
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        at, call_id, fingerprint = msgspec.json.decode(text, type=tuple[int, str, str])
    except (ValueError, msgspec.MsgspecError):
        raise _invalid("cursor was not issued by this server.", {"parameter": "cursor"}) from None
    if fingerprint != asked.fingerprint:
        # Stricter than the vendor is known to be: resuming with other filters would silently lose calls.
        raise _invalid("cursor belongs to other filters.", {"parameter": "cursor"})
    return at, call_id


def _request_id() -> dict[str, str]:
    return {"x-request-id": str(uuid4())}


def _envelope(refusal: RefusedError) -> Response:
    return Response(
        json.dumps(refusal.body, ensure_ascii=False),
        status_code=refusal.status,
        media_type="application/json",
        headers={**(refusal.headers or {}), **_request_id()},
    )


def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, RefusedError)  # noqa: S101 - what it is registered for
    return _envelope(error)


def _no_route(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - what it is registered for
    if error.status_code == 404:  # noqa: PLR2004 - Not Found
        return _envelope(RefusedError(404, "NOT_FOUND", "No such path."))
    return _envelope(RefusedError(error.status_code, "HTTP_ERROR", error.detail, headers=error.headers))


def _failed(_: Request, __: Exception) -> Response:
    return _envelope(RefusedError(500, "INTERNAL_ERROR", "Something went wrong on the server."))


ENVELOPES: Mapping[Any, Callable[[Request, Exception], Response]] = {
    RefusedError: _refused,
    HTTPException: _no_route,
    Exception: _failed,
}
"""Starlette's exception handlers: every error gets the API's error envelope."""
