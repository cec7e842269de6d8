"""Both clients with an in-memory transport and a virtual clock."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import httpx

import vox_calls

NOW = datetime(2026, 11, 1, tzinfo=UTC)
"""The time at which a clock starts."""


@attrs.define
class Clock:
    """Seconds since the start, and the jitter."""

    jitter: Callable[[], float]
    time: float = 0.0

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0
        self.time += seconds

    async def sleep_async(self, seconds: float) -> None:
        self.sleep(seconds)

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.time)

    def outside(self) -> dict[str, Any]:
        return {
            "_clock": staticmethod(lambda: self.time),
            "_jitter": staticmethod(self.jitter),
            "_now": staticmethod(self.now),
        }


def blocking(clock: Clock, transport: httpx.BaseTransport, api_key: str, **options: Any) -> vox_calls.Client:
    kind = type("Client", (vox_calls.Client,), {**clock.outside(), "_sleep": staticmethod(clock.sleep)})
    client = kind(api_key, http_client=httpx.Client(transport=transport), **options)
    assert isinstance(client, vox_calls.Client)
    return client


def awaiting(clock: Clock, transport: httpx.AsyncBaseTransport, api_key: str, **options: Any) -> vox_calls.AsyncClient:
    kind = type("AsyncClient", (vox_calls.AsyncClient,), {**clock.outside(), "_sleep": staticmethod(clock.sleep_async)})
    client = kind(api_key, http_client=httpx.AsyncClient(transport=transport), **options)
    assert isinstance(client, vox_calls.AsyncClient)
    return client


@attrs.define
class Cut(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A response body that breaks off."""

    body: bytes

    def __iter__(self) -> Iterator[bytes]:
        yield self.body[: len(self.body) // 2]
        raise httpx.RemoteProtocolError("peer closed connection without sending complete message body")

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for part in self:
            yield part
