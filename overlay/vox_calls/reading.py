"""One query becomes pages, one after the other: cursors, their faults, and the place to read on. Sans I/O."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator
from typing import Any

import attrs

from vox_calls.decoding import EnumWatch, decoder_of
from vox_calls.errors import InvalidResponseError, PaginationError, VoxCallsError
from vox_calls.exchange import Answer, Environment, Received, Send, Start, Step, Steps, Take, Wait, exchange
from vox_calls.models import Call, Page
from vox_calls.query import Query
from vox_calls_raw.models import CallPage

# U+FFFD stands for bytes that were no UTF-8; the others are halves of surrogate pairs.
_DAMAGED = re.compile("[\ufffd\ud800-\udfff]")

Item = Call | InvalidResponseError
"""What an item of a page became: the call, or what is wrong with it."""

Place = Callable[[str | None], str | None]
"""How a caller names the page at one of the server's cursors; None is the first page."""


@attrs.frozen
class Fetched:
    """A page as it came, with the caller's name for its cursor, and for each of its items the call or what is wrong."""

    page: Page
    items: list[Item]
    cursor: str | None
    received: Received


def read(query: Query, world: Environment, watch: EnumWatch, place: Place = lambda cursor: cursor) -> Steps[Fetched]:
    """Each page of a query, from its cursor on, until there are no more or `max_items` are there.

    Args:
        query: What to ask for.
        world: Pacing, retrying, clocks.
        watch: What happens to enum values that the contract does not list.
        place: What the cursors of pages and errors are called.
    """
    cursor, left = query.cursor, query.most
    seen = {cursor}
    while left > 0:
        fetched = yield from _fetch(query, cursor, seen, world, watch, place)
        cursor = fetched.page.next_cursor
        seen.add(cursor)
        left -= sum(isinstance(item, Call) for item in fetched.items)
        fetched.page.next_cursor = None if cursor is None else place(cursor)
        yield fetched
        del fetched  # a page goes before the next one comes, and that one finds its memory warm
        if cursor is None:
            return


def ahead(source: Steps[Fetched], pages: int) -> Steps[Fetched]:
    """The same pages, of which so many are fetched before they are asked for."""
    begun = Start(source, pages)
    yield begun
    while (fetched := (yield Take(begun))) is not None:
        yield fetched
        del fetched


def next_of(source: Steps[Fetched]) -> Generator[Step, Any, Fetched | None]:
    """The next page of a source, whose steps are done on the way; None at its end."""
    answer: object = None
    while True:
        try:
            step = source.send(answer)
        except StopIteration:
            return None
        if isinstance(step, Fetched):
            return step
        answer = yield step


def _fetch(  # noqa: PLR0913, PLR0917 - what `read` was given, and where it is
    query: Query, cursor: str | None, seen: set[str | None], world: Environment, watch: EnumWatch, place: Place
) -> Generator[Wait | Send, Answer, Fetched]:
    received = None
    try:
        received = yield from exchange(query.request(cursor), world)
        page, items = decode_page(received.body, watch)
        _check(page.next_cursor, seen)
    except VoxCallsError as error:
        put(error, place(cursor), received)
        raise
    return Fetched(page, items, place(cursor), attrs.evolve(received, body=None))


def _check(following: str | None, seen: set[str | None]) -> None:
    # Checked before the page is handed out: reading on from `error.cursor` then repeats nothing.
    if following == "":
        raise InvalidResponseError("next_cursor", "an empty string is neither a cursor nor the end")
    if following is not None and _DAMAGED.search(following):
        raise InvalidResponseError("next_cursor", "not valid Unicode, so it cannot go back as it came")
    if following is not None and following in seen:
        raise PaginationError("the server gave a cursor that it had given before, so the list would never end")


def put(error: VoxCallsError, cursor: str | None, received: Received | None) -> None:
    """Say on an error where to read on, and of which request it is."""
    error.cursor = cursor
    if received is not None:
        error.attempts, error.request_id = received.attempts, received.request_id


def decode_page(body: object, watch: EnumWatch) -> tuple[Page, list[Item]]:
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
