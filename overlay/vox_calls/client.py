"""The two clients, one blocking and one async. They differ in their I/O alone."""

from __future__ import annotations

import random
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Callable, Generator, Iterable, Mapping
from contextlib import aclosing, closing
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Generic, Self, TypeVar
from uuid import UUID

import anyio
import httpx

from vox_calls._body import Body
from vox_calls._connection import DEFAULT_TIMEOUT, Connection, Http
from vox_calls._exchange import Answer, Runtime, Send, Steps, Wait, exchange
from vox_calls._retry import RetryPolicy
from vox_calls.enums import CallStatus, CallType, DisconnectionReason, SortOrder, UnknownValues
from vox_calls.errors import ConfigurationError, InvalidQueryError
from vox_calls.pagination import AsyncCalls, Calls, Iteration, OnInvalid
from vox_calls.query import DEFAULT_PAGE_SIZE, Query
from vox_calls.rate_limit import DEFAULT_RATE_LIMIT, Limit, limiter_of

T = TypeVar("T")
Result = TypeVar("Result")
Pairs = Mapping[str, str | int | Iterable[str | int]] | str | Iterable[str]


class _Client(ABC, Generic[Http, Result]):
    """A client without its I/O."""

    _http_kind: type[Http]
    _base_url = ""  # for the repr of a client that could not be made

    # The outside, apart from the server. Tests inject their own.
    _clock: Callable[[], float] = staticmethod(time.monotonic)
    _jitter: Callable[[], float] = staticmethod(random.random)
    _now: Callable[[], datetime] = staticmethod(partial(datetime.now, UTC))

    def __init__(
        self,
        api_key: str | None = None,
        *,
        base_url: str | None = None,
        timeout: float | httpx.Timeout = DEFAULT_TIMEOUT,
        retries: int = 4,
        rate_limit: Limit | None = DEFAULT_RATE_LIMIT,
        strict_enums: bool = False,
        http_client: Http | None = None,
    ) -> None:
        try:
            self._connection: Connection[Http] = Connection(
                self._http_kind, api_key, base_url, timeout=timeout, http=http_client
            )
        finally:
            del api_key  # tracebacks may show the locals of frames
        self._base_url = self._connection.base_url
        if type(retries) is not int or retries < 0:
            raise ConfigurationError("retries takes an integer of at least 0")
        limit: object = rate_limit
        if limit is not None and (isinstance(limit, type) or not callable(getattr(limit, "limiter", None))):
            raise ConfigurationError("rate_limit takes a RateLimit, a SharedRateLimit, or None for no limit")
        redact = self._connection.auth.redact
        self._unknown = UnknownValues(strict=strict_enums, redact=redact)
        self._runtime = Runtime(
            policy=RetryPolicy(retries=retries),
            limiter=limiter_of(rate_limit),
            clock=self._clock,
            jitter=self._jitter,
            now=self._now,
            redact=redact,
        )

    def list_calls(
        self,
        *,
        agent_id: UUID | str | Iterable[UUID | str] | None = None,
        agent_version: str | Iterable[str] | None = None,
        status: CallStatus | str | Iterable[CallStatus | str] | None = None,
        call_type: CallType | str | Iterable[CallType | str] | None = None,
        disconnection_reason: DisconnectionReason | str | Iterable[DisconnectionReason | str] | None = None,
        call_from: str | Iterable[str] | None = None,
        call_to: str | Iterable[str] | None = None,
        customer_id: UUID | str | None = None,
        campaign_id: str | int | None = None,
        metadata: Pairs | None = None,
        dynamic_variables: Pairs | None = None,
        duration_ms_min: timedelta | int | None = None,
        duration_ms_max: timedelta | int | None = None,
        start_at_after: datetime | str | float | None = None,
        start_at_before: datetime | str | float | None = None,
        sort_order: SortOrder | str | None = None,
        cursor: str | None = None,
        page_size: int = DEFAULT_PAGE_SIZE,
        max_items: int | None = None,
        prefetch: int = 0,
        on_invalid: OnInvalid | None = None,
    ) -> Result:
        """List the organisation's calls: all, or those that match the filters.

        Validates at once, and sends nothing until iterated. Values of one filter are alternatives; different filters
        must all hold.

        Args:
            agent_id: Agents, as UUIDs.
            agent_version: Versions of the one agent: `"current"`, `"v262"`.
            status: Statuses, such as `"ended"`.
            call_type: Types, such as `"inbound"`.
            disconnection_reason: Reasons, such as `"user_hangup"`.
            call_from: Callers' numbers, as people write them: `"010-1234-5678"`, `"+82 10 1234 5678"`.
            call_to: Called numbers, in the same way.
            customer_id: The customer, as a UUID.
            campaign_id: The number of the campaign.
            metadata: Up to 20 pairs of what was attached: `{"source": ["crm", "web"], "vip": "yes"}`, `"source:crm"`.
            dynamic_variables: The agent's variables, in the same way.
            duration_ms_min: Shortest duration, inclusive: a `timedelta` or milliseconds.
            duration_ms_max: Longest duration, inclusive.
            start_at_after: Earliest connection time, inclusive; see `to_unix_ms`. Calls not connected yet may match.
            start_at_before: Latest connection time, inclusive.
            sort_order: `"desc"`, newest first, is the API's default; or `"asc"`.
            cursor: Where to resume, from `.cursor`, `page.next_cursor` or `error.cursor`, with the same filters.
            page_size: The API's `limit`: calls a page, 1 to 100.
            max_items: How many calls to yield, at most. No page is fetched that is not needed for them.
            prefetch: 1 fetches the next page while you process this one, except on trio; 0, the default, when it is
                needed.
            on_invalid: Called with the InvalidResponseError of each call that cannot be decoded, whose `raw` is its
                JSON; the iteration continues. Without it, the error is raised after the calls before it.

        Raises:
            InvalidQueryError: At once, for invalid filters.
            VoxCallsError: While iterating, any other of them; its `cursor` is where to resume.

        Example:
            client.list_calls(status=["ended", "error"], start_at_after="2026-11-01T00:00:00+09:00")
        """
        query = Query.of(
            agent_id=agent_id,
            agent_version=agent_version,
            status=status,
            call_type=call_type,
            disconnection_reason=disconnection_reason,
            call_from=call_from,
            call_to=call_to,
            customer_id=customer_id,
            campaign_id=campaign_id,
            metadata=metadata,
            dynamic_variables=dynamic_variables,
            duration_ms_min=duration_ms_min,
            duration_ms_max=duration_ms_max,
            start_at_after=start_at_after,
            start_at_before=start_at_before,
            sort_order=sort_order,
            cursor=cursor,
            page_size=page_size,
            max_items=max_items,
            prefetch=prefetch,
        )
        if not (on_invalid is None or callable(on_invalid)):
            raise InvalidQueryError("on_invalid", on_invalid, "pass a function that takes an InvalidResponseError")
        return self._result(query, on_invalid)

    @abstractmethod
    def _result(self, query: Query, on_invalid: OnInvalid | None) -> Result: ...

    def _get(self, path: str, params: Mapping[str, str] | None, accept: Iterable[int]) -> Steps[httpx.Response]:
        if not path.startswith("/"):
            # Anything else could become a part of the host, which gets the key.
            raise InvalidQueryError("path", path, "pass a path that begins with a slash, such as /v3/calls")
        request = {"method": "get", "url": path, "params": dict(params or {})}
        received = yield from exchange(request, self._runtime, lambda response: response, accept=frozenset(accept))
        received.body.request = httpx.Request("GET", received.body.url)  # without the key
        yield received.body

    @property
    def base_url(self) -> str:
        """The server, without `/v3`."""
        return self._base_url

    def __repr__(self) -> str:
        return f"{type(self).__name__}(base_url={self._base_url!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError(f"a {type(self).__name__} holds a key and connections; make one where it is used")


class Client(_Client[httpx.Client, Calls]):
    """Reads an organisation's calls, blocking. Use it as a context manager, or call `close()`. Threads may share it.

    Args:
        api_key: The organisation's key; else from the environment's `VOX_API_KEY`.
        base_url: The server, with or without `/v3`; else from `VOX_BASE_URL`, else the vendor's. https only, except for
            this machine.
        timeout: Seconds for connecting, and for each wait while reading and writing; or an `httpx.Timeout`. Whatever it
            is, a whole body may take 300 seconds.
        retries: How many times a request is retried if that can help: 408, 429, 5xx, no answer.
        rate_limit: A `RateLimit`; None disables rate limiting; a `vox_calls_tools.shared_rate_limit.SharedRateLimit` if
            several processes use one key.
        strict_enums: Whether unknown enum values are errors instead of warnings.
        http_client: An `httpx.Client` of your own, for proxies and certificates. Its timeouts apply, and it stays open
            when this client is closed.

    Raises:
        ConfigurationError: Without a key, or for an invalid option.

    Example:
        with Client() as client:
            for call in client.list_calls(status="ended", max_items=1_000):
                print(call.id, call.started_at, call.duration, call.cost)
    """

    _http_kind = httpx.Client
    _sleep: Callable[[float], None] = staticmethod(time.sleep)

    def request(
        self, path: str, params: Mapping[str, str] | None = None, *, accept: Iterable[int] = (200,)
    ) -> httpx.Response:
        """Send one authorised GET request, rate-limited and retried as `list_calls` does it, for tools of your own.

        Args:
            path: The path at the server, such as `/v3/calls`.
            params: The query.
            accept: The statuses that are not errors.

        Returns:
            The response, read whole.

        Raises:
            InvalidQueryError: For a path that does not begin with a slash.
            ApiError: For any other status.
            TransportError: Without an answer.

        Example:
            client.request("/v3/calls", {"limit": "1"}).headers["Date"]
        """
        with closing(self._results(self._get(path, params, accept))) as responses:
            return next(responses)

    def close(self) -> None:
        """Close the connections. Using the client afterwards raises ClientClosedError."""
        self._connection.is_closed = True
        if self._connection.is_own:
            self._connection.http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _result(self, query: Query, on_invalid: OnInvalid | None) -> Calls:
        return Calls(Iteration(query, self._runtime, self._unknown, on_invalid), self._results)

    def _results(self, steps: Steps[T]) -> Generator[T, None, None]:
        """Do each step, and yield anything else. Every error of a request leaves here, without secrets."""
        with closing(steps):
            answer: Answer = None
            while True:
                handled = sys.exception()
                try:
                    step = steps.send(answer)
                    answer = self._do(step) if isinstance(step, Send | Wait) else None
                except StopIteration:
                    return
                except BaseException as error:
                    self._connection.auth.withhold(error, handled)
                    raise
                if not isinstance(step, Send | Wait):
                    yield step
                del step  # drop our reference so that the page can be freed

    def _do(self, step: Send | Wait) -> Answer:
        if isinstance(step, Wait):
            self._sleep(step.seconds)
            return None
        connection = self._connection
        try:
            response = connection.http.send(**connection.request(step))
            with closing(response):
                if response.is_stream_consumed:  # by a hook of the caller's
                    response.read()
                    return response
                body = Body(response, self._clock)
                for part in response.iter_raw():
                    body.feed(part)
            return body.end()
        except Exception as error:  # noqa: BLE001 - mapped to an answer, or raised again
            return connection.failure(error)


class AsyncClient(_Client[httpx.AsyncClient, AsyncCalls]):
    """Reads an organisation's calls, on asyncio or trio.

    Use it as an async context manager, or await `aclose()`. It takes the arguments of `Client`, `http_client` being an
    `httpx.AsyncClient`.

    Example:
        async with AsyncClient() as client:
            async for call in client.list_calls(status="ended", max_items=1_000):
                print(call.id, call.started_at, call.duration, call.cost)
    """

    _http_kind = httpx.AsyncClient
    _sleep = staticmethod(anyio.sleep)

    async def request(
        self, path: str, params: Mapping[str, str] | None = None, *, accept: Iterable[int] = (200,)
    ) -> httpx.Response:
        """Send one authorised GET request, rate-limited and retried; see `Client.request`."""
        async with aclosing(self._results(self._get(path, params, accept))) as responses:
            return await anext(responses)

    async def aclose(self) -> None:
        """Close the connections. Using the client afterwards raises ClientClosedError."""
        self._connection.is_closed = True
        if self._connection.is_own:
            await self._connection.http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def _result(self, query: Query, on_invalid: OnInvalid | None) -> AsyncCalls:
        return AsyncCalls(Iteration(query, self._runtime, self._unknown, on_invalid), self._results)

    async def _results(self, steps: Steps[T]) -> AsyncGenerator[T, None]:
        """Do each step, and yield anything else. Every error of a request leaves here, without secrets."""
        with closing(steps):
            answer: Answer = None
            while True:
                handled = sys.exception()
                try:
                    step = steps.send(answer)
                    answer = await self._do(step) if isinstance(step, Send | Wait) else None
                except StopIteration:
                    return
                except BaseException as error:
                    self._connection.auth.withhold(error, handled)
                    raise
                if not isinstance(step, Send | Wait):
                    yield step
                del step  # drop our reference so that the page can be freed

    async def _do(self, step: Send | Wait) -> Answer:
        if isinstance(step, Wait):
            await self._sleep(step.seconds)
            return None
        connection = self._connection
        try:
            response = await connection.http.send(**connection.request(step))
            try:
                if response.is_stream_consumed:  # by a hook of the caller's
                    await response.aread()
                    return response
                body = Body(response, self._clock)
                async for part in response.aiter_raw():
                    body.feed(part)
            finally:
                await response.aclose()
            return body.end()
        except Exception as error:  # noqa: BLE001 - mapped to an answer, or raised again
            return connection.failure(error)
