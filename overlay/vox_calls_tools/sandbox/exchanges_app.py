"""The exchanges as a Starlette application: the list, a base URL for each exchange, and its verdict."""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

import attrs
from msgspec.structs import replace
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from vox_calls_tools.sandbox.app import ENVELOPES
from vox_calls_tools.sandbox.exchanges import BEGINNING, Exchange, Scripted, has_date, moved, read_outcome
from vox_calls_tools.sandbox.faults import Message, Receive, Send, Step, play
from vox_calls_tools.sandbox.parameters import RefusedError

HangUp = Callable[[Message], None]

_NOTHING = Response()


@attrs.define
class _Meeting:
    """A running exchange, and when it started by our clock; None if the client sends its own."""

    exchange: Exchange
    began: float | None

    @property
    def elapsed(self) -> float:
        assert self.began is not None  # noqa: S101 - called in real time only
        return time.monotonic() - self.began


def create_exchanges(scripted: Mapping[str, Scripted], base_url: str, hang_up: HangUp) -> Starlette:
    """Create the application.

    Args:
        scripted: Exchanges by case id.
        base_url: Base URL of the application.
        hang_up: Drops the connection of a request.
    """
    meetings: dict[str, _Meeting] = {}
    listing = json.dumps(
        {"exchanges": [{"base_url": f"{base_url}/exchanges/{name}", "case": scripted[name].case} for name in scripted]}
    )

    def meet(request: Request) -> _Meeting:
        name = request.path_params["name"]
        if name not in scripted:
            raise RefusedError(404, "NOT_FOUND", f"Unknown exchange {name!r}; GET /exchanges lists all.")
        if name not in meetings:
            began = None if "vox-clock" in request.headers else time.monotonic()
            meetings[name] = _Meeting(Exchange(scripted[name]), began)
        return meetings[name]

    async def listed(_: Request) -> Response:
        return Response(listing, media_type="application/json")

    async def verdict(request: Request) -> Response:
        outcome = read_outcome(await request.body())
        meeting = meet(request)
        del meetings[request.path_params["name"]]
        told = meeting.exchange.verdict(outcome, real=meeting.began is not None)
        return Response(json.dumps(told), media_type="application/json")

    async def forget(request: Request) -> Response:
        meet(request)
        del meetings[request.path_params["name"]]
        return Response(status_code=204)

    async def stray(request: Request) -> Response:
        if request.path_params["rest"] == "verdict":
            raise RefusedError(405, "METHOD_NOT_ALLOWED", "Use POST to get the verdict.")
        meet(request).exchange.refuse(f"unexpected request: {request.method} {request.url.path}")

    async def nowhere(request: Request) -> Response:
        raise RefusedError(
            404,
            "NOT_FOUND",
            f"No route for {request.method} {request.url.path}."
            " GET /exchanges lists the exchanges and their base URLs.",
        )

    every = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
    app = Starlette(
        routes=[
            Route("/exchanges", listed, methods=["GET"]),
            Route("/exchanges/{name}/verdict", verdict, methods=["POST"]),
            Route("/exchanges/{name}", forget, methods=["DELETE"]),
            Route("/exchanges/{name}/v3/calls", _Calls(meet, hang_up)),
            Route("/exchanges/{name}/{rest:path}", stray, methods=every),
            Route("/{rest:path}", nowhere, methods=every),
        ],
        exception_handlers=ENVELOPES,
    )
    app.router.redirect_slashes = False  # a wrong path is a failure of the client
    return app


@attrs.frozen
class _Calls:
    """`GET /v3/calls` of an exchange. An ASGI application, because it may hang up in the middle of a response."""

    meet: Callable[[Request], _Meeting]
    hang_up: HangUp

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        request = Request(scope)
        meeting = self.meet(request)
        if request.method != "GET":
            meeting.exchange.refuse(f"unexpected request: {request.method} {request.url.path} instead of GET")
        at = _at(request, meeting)
        step = meeting.exchange.take(request.url.query, request.headers.get("authorization"), at)
        if meeting.began is None:
            step = _at_once(step, meeting.exchange, at)
        else:
            step = await _on_time(step, meeting)

        def mark() -> None:
            if meeting.began is not None:
                meeting.exchange.answered = meeting.elapsed

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                # Some HTTP libraries retry on their own when a kept-alive connection fails.
                message["headers"] = [*message["headers"], (b"connection", b"close")]
                mark()
            await send(message)

        def cut(scope: Message) -> None:
            mark()
            self.hang_up(scope)

        await play(step, scope, receive, marked, usual=_NOTHING, hang_up=cut)
        if step.fault == "timeout":
            mark()


def _at(request: Request, meeting: _Meeting) -> float:
    """Return when a request arrived, in seconds since the exchange started."""
    shown = request.headers.get("vox-clock")
    if (shown is None) != (meeting.began is not None):
        meeting.exchange.refuse("only some requests have Vox-Clock; send it with all or none")
    if shown is None:
        return meeting.elapsed
    try:
        at = float(shown)
    except ValueError:
        at = math.nan
    if not 0 <= at < math.inf:
        meeting.exchange.refuse(f"invalid Vox-Clock {shown!r}; send seconds since the exchange started, such as 1.5")
    return at


def _at_once(step: Step, exchange: Exchange, at: float) -> Step:
    takes = 0.0 if step.fault else step.takes
    exchange.answered = at + takes
    return replace(step, takes=0.0, headers=step.headers | {"Vox-Takes": str(takes)})


async def _on_time(step: Step, meeting: _Meeting) -> Step:
    await asyncio.sleep(step.takes)
    if not has_date(step.headers):
        return replace(step, takes=0.0)
    date_at = BEGINNING + timedelta(seconds=meeting.elapsed)
    await asyncio.sleep(-time.time() % 1)  # an HTTP date has whole seconds only
    return replace(step, takes=0.0, headers=moved(step.headers, datetime.now(UTC) - date_at))
