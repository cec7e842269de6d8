"""The two clients: one that blocks and one that awaits, the same in all but their I/O."""

from __future__ import annotations

import os
import random
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import partial
from types import TracebackType
from typing import Any, Generic, Self, TypeVar
from uuid import UUID

import httpx

from vox_calls.calls import AsyncCalls, Calls
from vox_calls.decoding import EnumWatch
from vox_calls.errors import ClientClosedError, ConfigurationError, VoxCallsError
from vox_calls.exchange import Answer, Environment, Send, Wait
from vox_calls.models import CallStatus, CallType, DisconnectionReason, SortOrder
from vox_calls.pacing import Limit, Pacer, RateLimit
from vox_calls.paging import Listing, OnInvalid
from vox_calls.query import MAX_PAGE_SIZE, Query
from vox_calls.retrying import RetryPolicy
from vox_calls.settings import HEADERS, Bearer, Http, connect, resolve_api_key, resolve_base_url

T = TypeVar("T")
Iteration = TypeVar("Iteration")

DEFAULT_TIMEOUT = httpx.Timeout(30.0, connect=10.0)
DEFAULT_RATE_LIMIT = RateLimit(per_second=5, per_minute=120)


class _Client(ABC, Generic[Http, Iteration]):
    """Everything about a client but its I/O."""

    _http_kind: type[Http]
    _base_url = ""  # until it is known

    # The outside, apart from the server: a test puts its own in the place of these.
    _clock: Callable[[], float] = staticmethod(time.monotonic)
    _jitter: Callable[[], float] = staticmethod(random.random)
    _now: Callable[[], datetime] = staticmethod(partial(datetime.now, UTC))

    def __init__(  # noqa: PLR0913 - one keyword for each thing that can be chosen
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
            self._auth = Bearer(resolve_api_key(api_key))
        finally:
            del api_key  # a traceback may show the locals of its frames
        self._base_url = resolve_base_url(base_url)
        if type(retries) is not int or retries < 0:
            raise ConfigurationError("retries takes an integer of at least 0")
        if rate_limit is not None and not callable(getattr(rate_limit, "pacer", None)):
            raise ConfigurationError("rate_limit takes a RateLimit, a SharedRateLimit, or None for no limit")
        self._watch = EnumWatch(strict=strict_enums, redact=self._auth.redact)
        self._world = Environment(
            policy=RetryPolicy(retries=retries),
            pacer=Pacer(None) if rate_limit is None else rate_limit.pacer(),
            clock=self._clock,
            jitter=self._jitter,
            now=self._now,
            redact=self._auth.redact,
        )
        self._owns_http = http_client is None
        self._timeout = timeout
        self._process = os.getpid()
        self._http: Http = http_client or self._connect()
        if not isinstance(self._http, self._http_kind):
            raise ConfigurationError(f"http_client takes an httpx.{self._http_kind.__name__}")

    def list_calls(  # noqa: PLR0913 - the API's filters, each under its own name
        self,
        *,
        agent_id: UUID | str | Iterable[UUID | str] | None = None,
        status: CallStatus | str | Iterable[CallStatus | str] | None = None,
        call_type: CallType | str | Iterable[CallType | str] | None = None,
        disconnection_reason: DisconnectionReason | str | Iterable[DisconnectionReason | str] | None = None,
        call_from: str | Iterable[str] | None = None,
        call_to: str | Iterable[str] | None = None,
        start_at_after: datetime | str | float | None = None,
        start_at_before: datetime | str | float | None = None,
        sort_order: SortOrder | str | None = None,
        cursor: str | None = None,
        page_size: int = MAX_PAGE_SIZE,
        max_items: int | None = None,
        prefetch: int = 0,
        parallel: int = 1,
        on_invalid: OnInvalid | None = None,
    ) -> Iteration:
        """The organisation's calls, narrowed by any filters. Checks them at once, and sends nothing until iterated.

        Values of one filter are alternatives; different filters must all hold. For example
        `list_calls(status=["ended", "error"], call_to="010-1234-5678", start_at_after="2026-11-01T00:00+09:00")`.

        Args:
            agent_id: Agents, as UUIDs.
            status: States, such as `"ended"`.
            call_type: Types, such as `"inbound"`.
            disconnection_reason: Reasons, such as `"user_hangup"`.
            call_from: Callers' numbers, as people write them: `"010-1234-5678"`, `"+82 10 1234 5678"`.
            call_to: Called numbers, in the same way.
            start_at_after: Earliest connection time, inclusive; see `to_unix_ms`. Calls not connected yet may come too.
            start_at_before: Latest connection time, inclusive.
            sort_order: `"desc"`, newest first, is the API's default; or `"asc"`.
            cursor: Where to read on, from `.cursor`, `page.next_cursor` or `error.cursor`, with the same arguments.
            page_size: The API's `limit`: calls in a page, 1 to 100.
            max_items: How many calls to hand out at most. No page is fetched that is not needed for them.
            prefetch: 1 fetches the next page while you are busy with this one; 0, the default, when it is needed.
            parallel: How many parts of the time between both bounds, 16 at most, to read at once, without `max_items`;
                for servers whose answers take longer than the rate limit asks to wait.
            on_invalid: Called with the InvalidResponseError of a call that cannot be decoded, whose `raw` holds its
                JSON; the iteration then goes on. Without it, the error is raised after the calls before it.

        Raises:
            InvalidQueryError: At once, for a filter that the API would not take.
            VoxCallsError: While iterating, any other of them; its `cursor` is where to read on.
        """
        query = Query.of(
            agent_id=agent_id,
            status=status,
            call_type=call_type,
            disconnection_reason=disconnection_reason,
            call_from=call_from,
            call_to=call_to,
            start_at_after=start_at_after,
            start_at_before=start_at_before,
            sort_order=sort_order,
            cursor=cursor,
            page_size=page_size,
            max_items=max_items,
            prefetch=prefetch,
            parallel=parallel,
        )
        return self._iteration(lambda: Listing(query, self._world, self._watch, on_invalid))

    @abstractmethod
    def _iteration(self, begin: Callable[[], Listing]) -> Iteration: ...

    def _connect(self) -> Http:
        return connect(self._http_kind, self._base_url, timeout=self._timeout)

    def _request(self, step: Send) -> httpx.Request | httpx.RequestError | VoxCallsError:
        if self._http.is_closed:
            return ClientClosedError("the client is closed; make a new one")
        if self._process != os.getpid():
            # Two processes on one connection would read each other's answers.
            if not self._owns_http:
                return ConfigurationError("http_client is that of the process before the fork; make one in each")
            self._http, self._process = self._connect(), os.getpid()
        parts = step.request
        try:
            return self._http.build_request(
                parts["method"], self._base_url + parts["url"], params=parts["params"], headers=HEADERS
            )
        except (httpx.InvalidURL, UnicodeError) as error:
            # A cursor of any length comes from the server; a URL of any length does not go back to it.
            reason = f"the request cannot be written: {error}"
            return httpx.LocalProtocolError(reason, request=httpx.Request(parts["method"], self._base_url))

    def _lost(self, error: BaseException, request: httpx.Request) -> Answer:
        """What the steps are told of an error while sending. Any other than httpx's own is raised again."""
        if isinstance(error, RuntimeError) and self._http.is_closed:
            return ClientClosedError("the client was closed while it was in use; make a new one")
        if isinstance(error, RuntimeError) and str(error) == "Event loop is closed":
            # A connection of another asyncio.run. It is not used again.
            error = httpx.ReadError(str(error), request=request)
        if isinstance(error, httpx.RequestError):
            self._auth.clean_message(error)  # a local of the frame that sends, from here on
            return error
        raise error

    @property
    def base_url(self) -> str:
        """The server, without `/v3`."""
        return self._base_url

    def __repr__(self) -> str:
        return f"{type(self).__name__}(base_url={self._base_url!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError(f"a {type(self).__name__} holds a key and connections; make one where it is used")


class Client(_Client[httpx.Client, Calls]):
    """Reads an organisation's calls, blocking. A context manager, or else closed by `close()`; threads may share it.

    Args:
        api_key: The organisation's key; else from the environment's `VOX_API_KEY`.
        base_url: The server, with or without `/v3`; else from `VOX_BASE_URL`, else the vendor's. https only, but for
            this machine.
        timeout: Seconds for connecting, and for each part of reading and writing; or an `httpx.Timeout`.
        retries: How many times one request is sent again when that can help: 408, 429, 5xx, no answer.
        rate_limit: How many requests to send in a second and in a minute, a `RateLimit`; None for as many as there
            are; a `vox_calls_tools.shared_rate_limit.SharedRateLimit` where several processes use one key.
        strict_enums: Whether an enum value that this version does not know is an error, not a warning.
        http_client: An `httpx.Client` of your own, for proxies and certificates. Its time-outs hold, and it stays
            open when this client is closed.

    Raises:
        ConfigurationError: Where there is no key, or the base URL is not allowed.

    Example:
        with Client() as client:
            for call in client.list_calls(status="ended", max_items=1_000):
                print(call.id, call.started_at, call.duration, call.cost)
    """

    _http_kind = httpx.Client
    _sleep: Callable[[float], None] = staticmethod(time.sleep)

    def close(self) -> None:
        """Close the connections. Using the client afterwards is a ClientClosedError."""
        if self._owns_http:
            self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _iteration(self, begin: Callable[[], Listing]) -> Calls:
        return Calls(begin, self._do, self._auth.clean)

    def _do(self, step: Send | Wait) -> Answer:
        if isinstance(step, Wait):
            self._sleep(step.seconds)
            return None
        request = self._request(step)
        if not isinstance(request, httpx.Request):
            return request
        try:
            return self._http.send(request, auth=self._auth, follow_redirects=False)
        except BaseException as error:  # noqa: BLE001 - raised again, but for those that are an answer
            return self._lost(error, request)


class AsyncClient(_Client[httpx.AsyncClient, AsyncCalls]):
    """Reads an organisation's calls, awaiting; on asyncio or trio.

    Use it as an async context manager, or await `aclose()`. Its arguments are those of `Client`, `http_client` being
    an `httpx.AsyncClient`.

    Example:
        async with AsyncClient() as client:
            async for call in client.list_calls(status="ended", max_items=1_000):
                print(call.id, call.started_at, call.duration, call.cost)
    """

    _http_kind = httpx.AsyncClient

    @staticmethod
    async def _sleep(seconds: float) -> None:
        import anyio  # noqa: PLC0415 - costs more than all of this package, and only this client needs it

        await anyio.sleep(seconds)

    async def aclose(self) -> None:
        """Close the connections. Using the client afterwards is a ClientClosedError."""
        if self._owns_http:
            await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    def _iteration(self, begin: Callable[[], Listing]) -> AsyncCalls:
        return AsyncCalls(begin, self._do, self._auth.clean)

    async def _do(self, step: Send | Wait) -> Answer:
        if isinstance(step, Wait):
            await self._sleep(step.seconds)
            return None
        request = self._request(step)
        if not isinstance(request, httpx.Request):
            return request
        try:
            return await self._http.send(request, auth=self._auth, follow_redirects=False)
        except BaseException as error:  # noqa: BLE001 - raised again, but for those that are an answer
            return self._lost(error, request)
