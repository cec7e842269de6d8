"""Job 1, cursor iteration: a query becomes pages and calls, with a cursor to resume from at any point.

The cursor is opaque and goes back byte for byte, with the same filters. A page without calls is not the end; a null
cursor is. An empty, damaged or repeated cursor is an error, raised before its page is yielded, so that resuming repeats
nothing. The rules are PAGE-1 to PAGE-16 of `openapi/conformance/`.

`Iteration` is sans I/O. `Calls` and `AsyncCalls` drive it, with the steps done by their client.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Callable, Generator, Iterator
from typing import Any, Generic, Self, TypeVar

import attrs

from vox_calls._decoding import parse_json
from vox_calls._exchange import Answer, Received, Runtime, Send, Steps, Wait, exchange
from vox_calls._prefetch import async_prefetched, is_asyncio, prefetched
from vox_calls.enums import UnknownValues
from vox_calls.errors import InvalidResponseError, PaginationError, VoxCallsError
from vox_calls.models import Call, Page, read_page
from vox_calls.query import Query

T = TypeVar("T")

OnInvalid = Callable[[InvalidResponseError], None]

# U+FFFD stands for bytes that were not UTF-8; the others are halves of surrogate pairs.
_DAMAGED = re.compile("[\ufffd\ud800-\udfff]")
_MOST_EMPTY = 10_000  # a server may look through a million calls for a rare one, a hundred a page


@attrs.frozen
class Fetched:
    """A page as it came: without its calls, and for each item the call or its fault. The cursor is its own."""

    page: Page
    items: list[Call | InvalidResponseError]
    cursor: str | None
    attempts: int
    request_id: str | None


@attrs.define
class Iteration:
    """One way through the pages of a query, from its beginning.

    Attributes:
        cursor: The cursor of the first page not fully yielded; None for page one.
        finished: Whether every page was yielded; `cursor` is None again.
    """

    query: Query
    runtime: Runtime
    unknown: UnknownValues
    on_invalid: OnInvalid | None = None
    cursor: str | None = attrs.field(init=False)
    finished: bool = attrs.field(init=False, default=False)
    _left: int = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.cursor = self.query.cursor
        self._left = self.query.max_items

    @property
    def is_over(self) -> bool:
        """Whether it came to its end, or to `max_items`."""
        return self.finished or not self._left

    def restart(self) -> Iteration:
        """Return an iteration of which no step was done."""
        return Iteration(self.query, self.runtime, self.unknown, self.on_invalid)

    def fetch(self) -> Steps[Fetched]:
        """Yield the steps to each page, and the page, until there are no more or `max_items` are there.

        Changes nothing of the iteration, so that a background thread can run it.
        """
        cursor, left = self.query.cursor, self.query.max_items
        seen, empty = {cursor}, 0
        while left > 0:
            fetched = yield from self._fetch(cursor, seen)
            empty = 0 if fetched.items else empty + 1
            if empty > _MOST_EMPTY:
                error = PaginationError(f"the server sent {_MOST_EMPTY:,} pages without a call, one after the other")
                _attach(error, cursor, fetched)
                raise error
            cursor = fetched.page.next_cursor
            seen.add(cursor)
            left -= sum(isinstance(item, Call) for item in fetched.items)
            yield fetched
            del fetched  # the page is freed before the next one is read, into warm memory
            if cursor is None:
                return

    def calls(self, fetched: Fetched) -> Iterator[Call]:
        """Yield the calls of a page. The cursor moves with the last one, before it is yielded.

        Raises:
            InvalidResponseError: For an item that cannot be decoded, after the calls before it.
        """
        items = fetched.items
        for item in items:
            if isinstance(item, InvalidResponseError):
                self._reject(item, fetched)
                continue
            self._left -= 1
            if item is items[-1]:
                self._advance(fetched.page)
            yield item
            if not self._left:
                return
        self._advance(fetched.page)

    def pages(self, fetched: Fetched) -> Iterator[Page]:
        """Yield a page with its calls.

        Raises:
            InvalidResponseError: For an item that cannot be decoded: the other calls are not the whole page.
        """
        page = fetched.page
        for item in fetched.items:
            if isinstance(item, InvalidResponseError):
                self._reject(item, fetched)
        page.items = [item for item in fetched.items if isinstance(item, Call)]
        if len(page.items) > self._left:
            del page.items[self._left :]
        else:
            self._advance(page)
        self._left -= len(page.items)
        yield page

    def _fetch(self, cursor: str | None, seen: set[str | None]) -> Generator[Wait | Send, Answer, Fetched]:
        received = None
        try:
            request = self.query.request(cursor)
            received = yield from exchange(request, self.runtime, lambda response: parse_json(response.content))
            page, items = read_page(received.body, self.unknown)
            _check_cursor(page.next_cursor, seen)
        except VoxCallsError as error:
            _attach(error, cursor, received)
            raise
        return Fetched(page, items, cursor, received.attempts, received.request_id)

    def _advance(self, page: Page) -> None:
        self.cursor = page.next_cursor
        self.finished = page.next_cursor is None

    def _reject(self, error: InvalidResponseError, fetched: Fetched) -> None:
        _attach(error, fetched.cursor, fetched)
        if self.on_invalid is None:
            raise error
        self.on_invalid(error)


Spread = Callable[[Iteration, Fetched], Iterator[T]]
"""Yields what a page holds: its calls, or itself."""


def _check_cursor(cursor: str | None, seen: set[str | None]) -> None:
    if cursor == "":
        raise InvalidResponseError("next_cursor", "an empty string is neither a cursor nor the end")
    if cursor is not None and _DAMAGED.search(cursor):
        raise InvalidResponseError("next_cursor", "not valid Unicode, so it cannot go back as it came")
    if cursor is not None and cursor in seen:
        raise PaginationError("the server repeated a cursor, so the list would never end")


def _attach(error: VoxCallsError, cursor: str | None, source: Received[object] | Fetched | None) -> None:
    """Attach the cursor and the request ID to an error."""
    error.cursor = cursor
    if source is not None:
        error.attempts, error.request_id = source.attempts, source.request_id


class _Results(Generic[T]):
    """What both iterators have in common: they raise their error again, for else the rest would look complete."""

    def __init__(self, iteration: Iteration, spread: Spread[T]) -> None:
        self._iteration = iteration
        self._spread = spread
        self._ready: Iterator[T] = iter(())
        self._error: VoxCallsError | None = None

    def _raise_again(self) -> None:
        if self._error is not None:
            raise self._error

    def _keep(self, error: BaseException) -> None:
        if not isinstance(error, VoxCallsError):
            ended = isinstance(error, StopAsyncIteration)
            name = "the end of its event loop" if ended else type(error).__name__
            error = PaginationError(f"the iteration was interrupted by {name}; resume from its cursor")
            error.cursor = self._iteration.cursor
        self._error = error


class Results(_Results[T]):
    """Iterates over calls or pages."""

    def __init__(self, iteration: Iteration, spread: Spread[T], pages: Generator[Fetched, None, None]) -> None:
        super().__init__(iteration, spread)
        self._pages = pages

    def close(self) -> None:
        """End the iteration early."""
        self._ready = iter(())
        self._pages.close()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> T:
        self._raise_again()
        try:
            while True:
                for result in self._ready:
                    return result
                self._ready = self._spread(self._iteration, next(self._pages))
        except StopIteration:
            raise
        except BaseException as error:
            self._keep(error)
            raise


class AsyncResults(_Results[T]):
    """Iterates over calls or pages."""

    def __init__(self, iteration: Iteration, spread: Spread[T], pages: AsyncGenerator[Fetched, None]) -> None:
        super().__init__(iteration, spread)
        self._pages = pages
        self._is_closed = False

    async def aclose(self) -> None:
        """End the iteration early."""
        self._is_closed = True
        self._ready = iter(())
        await self._pages.aclose()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        self._raise_again()
        try:
            while True:
                for result in self._ready:
                    return result
                self._ready = self._spread(self._iteration, await anext(self._pages))
        except StopAsyncIteration as end:
            if not (self._iteration.is_over or self._is_closed):  # an event loop that ends closes all generators
                self._keep(end)
                self._raise_again()
            raise
        except BaseException as error:
            self._keep(error)
            raise


class _Resumable:
    """What both results of `list_calls` have in common."""

    def __init__(self, iteration: Iteration) -> None:
        self._iteration = iteration

    @property
    def cursor(self) -> str | None:
        """Where to resume: the cursor of the first page that the newest iteration has not fully yielded.

        Pass it as `cursor=` with the same filters. None for page one, and None again when `finished`.
        """
        return self._iteration.cursor

    @property
    def finished(self) -> bool:
        """Whether the newest iteration has yielded everything, so that there is nothing to resume."""
        return self._iteration.finished

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError("the result of list_calls belongs to its client; keep the arguments and the cursor instead")


class Calls(_Resumable):
    """The calls that match a query. Each iteration begins anew.

    Nothing is sent before the first call is asked for, and pages are fetched as they are needed.

    Example:
        calls = client.list_calls(status="ended")
        for page in calls.pages():
            save(page.items, calls.cursor)  # where to resume; None at the end
    """

    def __init__(self, iteration: Iteration, run: Callable[[Steps[Fetched]], Generator[Fetched, None, None]]) -> None:
        super().__init__(iteration)
        self._run = run

    def __iter__(self) -> Results[Call]:
        return self._results(Iteration.calls)

    def pages(self) -> Results[Page]:
        """Yield the same page by page. If `max_items` cuts the last page short, resume from `.cursor`."""
        return self._results(Iteration.pages)

    def _results(self, spread: Spread[T]) -> Results[T]:
        self._iteration = begun = self._iteration.restart()
        steps = begun.fetch()
        if begun.query.prefetch:
            return Results(begun, spread, prefetched(self._run, steps, lambda: begun.cursor))
        return Results(begun, spread, self._run(steps))


class AsyncCalls(_Resumable):
    """The calls that match a query, for `async for`; see `Calls`.

    Example:
        async with aclosing(aiter(client.list_calls(prefetch=1))) as calls:  # contextlib.aclosing, if you may `break`
            async for call in calls:
                if call.status == "error":
                    break
    """

    def __init__(self, iteration: Iteration, run: Callable[[Steps[Fetched]], AsyncGenerator[Fetched, None]]) -> None:
        super().__init__(iteration)
        self._run = run

    def __aiter__(self) -> AsyncResults[Call]:
        return self._results(Iteration.calls)

    def pages(self) -> AsyncResults[Page]:
        """Yield the same page by page. If `max_items` cuts the last page short, resume from `.cursor`."""
        return self._results(Iteration.pages)

    def _results(self, spread: Spread[T]) -> AsyncResults[T]:
        self._iteration = begun = self._iteration.restart()
        pages = self._run(begun.fetch())
        if begun.query.prefetch and is_asyncio():
            pages = async_prefetched(pages)
        return AsyncResults(begun, spread, pages)
