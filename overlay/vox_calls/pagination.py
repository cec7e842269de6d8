"""Job 1, cursor iteration: a query becomes pages and calls, with a cursor to resume from at any point.

The cursor is opaque and goes back byte for byte, with the same filters. A page without calls is not the end; a null
cursor is. An empty, damaged or repeated cursor is an error, raised before its page is yielded, so that resuming repeats
nothing. The rules are PAGE-1 to PAGE-16 of `openapi/conformance/`.

`Iteration` is sans I/O. `Calls` and `AsyncCalls` drive it, with the steps done by their client.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator
from contextlib import aclosing, closing
from typing import Any, Generic, Self, TypeVar

import attrs

from vox_calls._exchange import Answer, Received, Runtime, Send, Steps, Wait, exchange, read_json
from vox_calls._prefetch import Prefetched, is_asyncio, prefetched
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
        is_over: Whether it came to its end, or to `max_items`.
    """

    query: Query
    runtime: Runtime
    unknown: UnknownValues
    on_invalid: OnInvalid | None = None
    cursor: str | None = attrs.field(init=False)
    finished: bool = attrs.field(init=False, default=False)
    is_over: bool = attrs.field(init=False, default=False)
    _left: int = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.cursor = self.query.cursor
        self._left = self.query.max_items

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

    def page(self, fetched: Fetched) -> Page:
        """Return a page with its calls.

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
        return page

    def _fetch(self, cursor: str | None, seen: set[str | None]) -> Generator[Wait | Send, Answer, Fetched]:
        received = None
        try:
            received = yield from exchange(self.query.request(cursor), self.runtime, read_json)
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


class _Lasting:
    """What two iterators have in common: they raise their error again, for else the rest would look complete."""

    def __init__(self, of: _Resumable) -> None:
        self._of = of
        self._error: VoxCallsError | None = None

    def _check(self) -> None:
        if self._error is not None:
            raise self._error

    def _keep(self, error: BaseException) -> None:
        if not isinstance(error, VoxCallsError):
            ended = isinstance(error, StopAsyncIteration)
            name, cursor = "the end of its event loop" if ended else type(error).__name__, self._of.cursor
            error = PaginationError(f"the iteration was interrupted by {name}; resume from its cursor")
            error.cursor = cursor
        self._error = error


class Results(_Lasting, Generic[T]):
    """Iterates over calls or pages. `close()` ends it early."""

    def __init__(self, of: Calls, inner: Generator[T, None, None]) -> None:
        super().__init__(of)
        self._inner = inner
        self.close: Callable[[], None] = inner.close

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> T:
        self._check()
        try:
            return next(self._inner)
        except StopIteration:
            raise
        except BaseException as error:
            self._keep(error)
            raise


class AsyncResults(_Lasting, Generic[T]):
    """Iterates over calls or pages. `await aclose()` ends it early."""

    def __init__(self, of: AsyncCalls, iteration: Iteration, inner: AsyncGenerator[T, None]) -> None:
        super().__init__(of)
        self._iteration = iteration
        self._inner = inner

    async def aclose(self) -> None:
        """End the iteration early."""
        self._iteration.is_over = True
        await self._inner.aclose()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        self._check()
        try:
            return await anext(self._inner)
        except StopAsyncIteration as end:
            if not self._iteration.is_over:  # an event loop that ends closes all generators
                self._keep(end)
                self._check()
            raise
        except BaseException as error:
            self._keep(error)
            raise


class _Resumable:
    """What both results of `list_calls` have in common."""

    def __init__(self, iteration: Iteration) -> None:
        self._iteration = iteration  # of which no step was done

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

    def _restart(self) -> Iteration:
        begun = self._iteration
        self._iteration = Iteration(begun.query, begun.runtime, begun.unknown, begun.on_invalid)
        return self._iteration


class Calls(_Resumable):
    """The calls that match a query. Each iteration begins anew.

    Nothing is sent before the first call is asked for, and pages are fetched as they are needed.

    Example:
        calls = client.list_calls(status="ended")
        for page in calls.pages():
            save(page.items, calls.cursor)  # where to resume; None at the end
    """

    def __init__(
        self, iteration: Iteration, results: Callable[[Steps[Fetched]], Generator[Fetched, None, None]]
    ) -> None:
        super().__init__(iteration)
        self._results = results

    def __iter__(self) -> Results[Call]:
        return Results(self, self._calls(self._restart()))

    def pages(self) -> Results[Page]:
        """Yield the same page by page. If `max_items` cuts the last page short, resume from `.cursor`."""
        return Results(self, self._pages(self._restart()))

    def _calls(self, iteration: Iteration) -> Generator[Call, None, None]:
        with closing(self._fetched(iteration)) as pages:
            for fetched in pages:
                yield from iteration.calls(fetched)
                del fetched  # see Iteration.fetch

    def _pages(self, iteration: Iteration) -> Generator[Page, None, None]:
        with closing(self._fetched(iteration)) as pages:
            for fetched in pages:
                yield iteration.page(fetched)
                del fetched  # see Iteration.fetch

    def _fetched(self, iteration: Iteration) -> Generator[Fetched, None, None]:
        if iteration.query.prefetch:
            return prefetched(self._results, iteration.fetch(), lambda: iteration.cursor)
        return self._results(iteration.fetch())


class AsyncCalls(_Resumable):
    """The calls that match a query, for `async for`. Each iteration begins anew.

    Nothing is sent before the first call is asked for, and pages are fetched as they are needed.

    Example:
        async with aclosing(aiter(client.list_calls(prefetch=1))) as calls:  # contextlib.aclosing, if you may `break`
            async for call in calls:
                if call.status == "error":
                    break
    """

    def __init__(
        self, iteration: Iteration, results: Callable[[Steps[Fetched]], AsyncGenerator[Fetched, None]]
    ) -> None:
        super().__init__(iteration)
        self._results = results

    def __aiter__(self) -> AsyncIterator[Call]:
        iteration = self._restart()
        return AsyncResults(self, iteration, self._calls(iteration))

    def pages(self) -> AsyncResults[Page]:
        """Yield the same page by page. If `max_items` cuts the last page short, resume from `.cursor`."""
        iteration = self._restart()
        return AsyncResults(self, iteration, self._pages(iteration))

    async def _calls(self, iteration: Iteration) -> AsyncGenerator[Call, None]:
        async with aclosing(self._fetched(iteration)) as pages:
            async for fetched in pages:
                for call in iteration.calls(fetched):
                    yield call
                del fetched  # see Iteration.fetch
        iteration.is_over = True

    async def _pages(self, iteration: Iteration) -> AsyncGenerator[Page, None]:
        async with aclosing(self._fetched(iteration)) as pages:
            async for fetched in pages:
                yield iteration.page(fetched)
                del fetched  # see Iteration.fetch
        iteration.is_over = True

    def _fetched(self, iteration: Iteration) -> AsyncGenerator[Fetched, None] | Prefetched[Fetched]:
        pages = self._results(iteration.fetch())
        return Prefetched(pages) if iteration.query.prefetch and is_asyncio() else pages
