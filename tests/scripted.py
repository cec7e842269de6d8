"""Drive the sans-I/O steps with scripted responses and a virtual clock."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

import attrs
import httpx

from vox_calls import Call, InvalidResponseError, Page, RateLimit
from vox_calls._exchange import Runtime, Send, Wait
from vox_calls._retry import RetryPolicy
from vox_calls.enums import UnknownValues
from vox_calls.pagination import Fetched, Iteration
from vox_calls.query import Query
from vox_calls.rate_limit import limiter_of

Answer = httpx.Response | httpx.RequestError

NOW = datetime(2026, 11, 1, tzinfo=UTC)
REQUEST = httpx.Request("GET", "https://api.example/v3/calls")


@attrs.define
class World:
    """Scripted responses, and a clock that moves only by waiting."""

    answers: Iterable[Answer]
    retries: int = 0
    limit: RateLimit | None = None
    jitter: float = 0.999
    latency: float = 0.0
    time: float = 1_000.0
    waits: list[float] = attrs.field(factory=list)
    sent: list[dict[str, Any]] = attrs.field(factory=list)
    sent_at: list[float] = attrs.field(factory=list)

    def runtime(self) -> Runtime:
        return Runtime(
            policy=RetryPolicy(retries=self.retries),
            limiter=limiter_of(self.limit),
            clock=lambda: self.time,
            jitter=lambda: self.jitter,
            now=lambda: NOW,
        )

    def fetched(self, iteration: Iteration) -> Iterator[Fetched]:
        """Run the steps as a client does and yield each page."""
        script = iter(self.answers)
        steps = iteration.fetch()
        answer: Answer | None = None
        while True:
            try:
                step = steps.send(answer)
            except StopIteration:
                return
            answer = None
            if isinstance(step, Send):
                self.sent.append(step.request["params"])
                self.sent_at.append(self.time)
                self.time += self.latency
                answer = next(script)
            elif isinstance(step, Wait):
                self.waits.append(step.seconds)
                self.time += step.seconds
            else:
                yield step

    def calls(self, iteration: Iteration, take: Callable[[Call], object]) -> None:
        """Pass each call to `take`, so that those before an error are kept."""
        for fetched in self.fetched(iteration):
            for each in iteration.calls(fetched):
                take(each)

    def pages(self, iteration: Iteration, take: Callable[[Page], object]) -> None:
        """Pass each page to `take`."""
        for fetched in self.fetched(iteration):
            for each in iteration.pages(fetched):
                take(each)


def answer(status: int = 200, body: object = None, **headers: str) -> httpx.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return httpx.Response(status, content=content, headers={k.replace("_", "-"): v for k, v in headers.items()})


def lost(kind: type[httpx.RequestError] = httpx.ReadError, message: str = "connection reset") -> httpx.RequestError:
    return kind(message, request=REQUEST)


def call(call_id: str, **fields: Any) -> dict[str, Any]:
    return {
        "id": call_id,
        "agent": {"agent_id": "7c0a4c61-8a31-4f57-9f0e-2f1d4be0a4d2", "agent_version": "v3"},
        "call_type": "inbound",
        "status": "ended",
        **fields,
    }


def page(*items: object, cursor: object = None, **fields: Any) -> httpx.Response:
    made = [call(item) if isinstance(item, str) else item for item in items]
    return answer(body={"items": made, "total_count": 7, "next_cursor": cursor, **fields})


def listing(
    world: World,
    *,
    strict: bool = False,
    on_invalid: Callable[[InvalidResponseError], None] | None = None,
    page_size: int = 2,
    cursor: str | None = None,
    max_items: int | None = None,
    **filters: object,
) -> Iteration:
    query = Query.of(page_size=page_size, cursor=cursor, max_items=max_items, **filters)
    return Iteration(query, world.runtime(), UnknownValues(strict=strict), on_invalid)
