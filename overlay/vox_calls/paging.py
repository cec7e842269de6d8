"""A query becomes pages and pages become calls: cursors, their faults, and the place to read on. Sans I/O."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator
from typing import Any

import attrs

from vox_calls.decoding import EnumWatch, decoder_of
from vox_calls.errors import InvalidResponseError, PaginationError, VoxCallsError
from vox_calls.exchange import Answer, Environment, Join, Received, Send, Start, Step, Steps, Wait, exchange
from vox_calls.models import Call, Page
from vox_calls.query import Query
from vox_calls_raw.models import CallPage

# U+FFFD stands for bytes that were no UTF-8; the others are halves of surrogate pairs.
_DAMAGED = re.compile("[\ufffd\ud800-\udfff]")

OnInvalid = Callable[[InvalidResponseError], None]


@attrs.frozen
class Fetched:
    """A page as it came, with its cursor, and for each of its items the call or what is wrong with it."""

    page: Page
    items: list[Call | InvalidResponseError]
    cursor: str | None
    received: Received


@attrs.define
class Listing:
    """One way through the pages of a query, from its beginning. Made anew for each iteration.

    Attributes:
        cursor: The cursor of the first page that has not been handed out whole; None for page one.
        finished: Whether every page has been handed out; `cursor` is None again.
    """

    query: Query
    world: Environment
    watch: EnumWatch
    on_invalid: OnInvalid | None = None
    cursor: str | None = attrs.field(init=False)
    finished: bool = attrs.field(init=False, default=False)
    _left: float = attrs.field(init=False)
    _seen: set[str] = attrs.field(init=False, factory=set)
    _ahead: bool = attrs.field(init=False, default=False)

    def __attrs_post_init__(self) -> None:
        self.cursor = self.query.cursor
        self._left = float("inf") if self.query.max_items is None else self.query.max_items
        if self.cursor is not None:
            self._seen.add(self.cursor)

    def calls(self) -> Steps[Call]:
        """Hand out call by call. A call that cannot be decoded is raised when those before it are out."""
        more = self._left > 0
        while more:
            fetched = yield from self._next()
            for position, item in enumerate(fetched.items, start=1):
                if isinstance(item, InvalidResponseError):
                    self._refuse(item, fetched)
                else:
                    self._left -= 1
                if position == len(fetched.items):
                    self._turn(fetched.page)
                if isinstance(item, Call):
                    yield item
                if self._left <= 0:
                    return
            self._turn(fetched.page)
            more = not self.finished
            del fetched  # a page goes before the next one comes, and that one finds its memory warm

    def pages(self) -> Steps[Page]:
        """Hand out page by page.

        A page with a call that cannot be decoded is raised instead, so that nobody takes the rest for the whole.
        """
        more = self._left > 0
        while more:
            fetched = yield from self._next()
            page = fetched.page
            for item in fetched.items:
                if isinstance(item, InvalidResponseError):
                    self._refuse(item, fetched)
            page.items = [item for item in fetched.items if isinstance(item, Call)]
            if len(page.items) > self._left:
                del page.items[int(self._left) :]
            else:
                self._turn(page)
            self._left -= len(page.items)
            more = not self.finished and self._left > 0
            yield page

    def _next(self) -> Generator[Step, Any, Fetched]:
        if self._ahead:
            self._ahead = False
            fetched: Fetched = yield Join()
        else:
            fetched = yield from self._fetch(self.cursor)
        following = fetched.page.next_cursor
        wanted = sum(isinstance(item, Call) for item in fetched.items) < self._left
        if self.query.prefetch and following is not None and wanted:
            self._ahead = True
            yield Start(self._fetch(following))
        return fetched

    def _fetch(self, cursor: str | None) -> Generator[Wait | Send, Answer, Fetched]:
        received = None
        try:
            received = yield from exchange(self.query.request(cursor), self.world)
            page, items = decode_page(received.body, self.watch)
            self._check(page.next_cursor)
        except VoxCallsError as error:
            _place(error, cursor, received)
            # Without the frames below, whose locals have whole pages in them, recordings too: tools for tracebacks like
            # to show those.
            raise error.with_traceback(None) from error.__cause__
        return Fetched(page, items, cursor, attrs.evolve(received, body=None))

    def _turn(self, page: Page) -> None:
        self.cursor = page.next_cursor
        self.finished = page.next_cursor is None

    def _check(self, following: str | None) -> None:
        # Checked before the page is handed out: reading on from `error.cursor` then repeats nothing.
        if following == "":
            raise InvalidResponseError("next_cursor", "an empty string is neither a cursor nor the end")
        if following is not None and _DAMAGED.search(following):
            raise InvalidResponseError("next_cursor", "not valid Unicode, so it cannot go back as it came")
        if following in self._seen:
            raise PaginationError("the server gave a cursor that it had given before, so the list would never end")
        if following is not None:
            self._seen.add(following)

    def _refuse(self, error: InvalidResponseError, fetched: Fetched) -> None:
        _place(error, fetched.cursor, fetched.received)
        # Without the frames of decoding, whose locals have whole calls in them: see _fetch.
        error.__traceback__ = None
        if self.on_invalid is None:
            raise error
        self.on_invalid(error)


def _place(error: VoxCallsError, cursor: str | None, received: Received | None) -> None:
    error.cursor = cursor
    if received is not None:
        error.attempts, error.request_id = received.attempts, received.request_id


def decode_page(body: object, watch: EnumWatch) -> tuple[Page, list[Call | InvalidResponseError]]:
    """The page of a body, and for each of its items the call or what is wrong with it.

    Raises:
        InvalidResponseError: Where it is no page at all.
    """
    raw_items = None
    if isinstance(body, dict):
        # Absent lists are empty elsewhere. Here that would end an iteration that has not come to its end.
        if "items" not in body:
            raise InvalidResponseError("items", "the field is missing")
        raw_items = body["items"]
        if isinstance(raw_items, list):
            body = {**body, "items": []}
    envelope = decoder_of(CallPage).decode(body)
    page = Page(items=[], total_count=envelope.total_count, next_cursor=envelope.next_cursor)
    page.additional_properties = envelope.additional_properties
    return page, Call.decode_all(raw_items or [], path="items", watch=watch)
