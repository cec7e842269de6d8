"""The API as a Starlette application: `GET /v3/calls`, and the error envelope for everything else."""

from __future__ import annotations

import asyncio
import base64
import json
import math
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import uuid4

import attrs
import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from vox_calls_tools.sandbox.faults import Script
from vox_calls_tools.sandbox.limits import VENDOR_LIMITS, RateLimiter, Window
from vox_calls_tools.sandbox.parameters import Asked, RefusedError, invalid, read
from vox_calls_tools.sandbox.store import Position, Store


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
        return Response(
            _page(store, read(request.query_params.multi_items())), media_type="application/json", headers=_request_id()
        )

    app = Starlette(
        routes=[Route("/v3/calls", calls, methods=["GET"])],
        exception_handlers=ENVELOPES,
    )
    app.router.redirect_slashes = False  # other paths get the error envelope
    return app


def _page(store: Store, asked: Asked) -> bytes:
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


def _make_cursor(position: Position, asked: Asked) -> str:
    text = json.dumps([*position, asked.fingerprint], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _open_cursor(cursor: str, asked: Asked) -> Position:
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        at, call_id, fingerprint = msgspec.json.decode(text, type=tuple[int, str, str])
    except (ValueError, msgspec.MsgspecError):
        raise invalid("cursor was not issued by this server.", {"parameter": "cursor"}) from None
    if fingerprint != asked.fingerprint:
        # Stricter than the vendor is known to be: resuming with other filters would silently lose calls.
        raise invalid("cursor belongs to other filters.", {"parameter": "cursor"})
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
