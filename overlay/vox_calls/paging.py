"""Pages become what is handed out, call by call or page by page, and the place to read on. Sans I/O."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import groupby

import attrs

from vox_calls.decoding import EnumWatch
from vox_calls.errors import InvalidResponseError
from vox_calls.exchange import Environment, Steps
from vox_calls.models import Call, Page
from vox_calls.parallel import read_parallel
from vox_calls.query import Query
from vox_calls.reading import Fetched, Item, ahead, next_of, put, read

OnInvalid = Callable[[InvalidResponseError], None]


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
    _left: int = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.cursor = self.query.cursor
        self._left = self.query.most

    def calls(self) -> Steps[list[Call]]:
        """Hand out the calls in runs, each of which may be taken one by one: by its end `cursor` is right for it.

        A call that cannot be decoded is raised when those before it are out.
        """
        with closing(self._source()) as source:
            while (fetched := (yield from next_of(source))) is not None:
                for run in _runs(fetched.items):
                    if isinstance(run, InvalidResponseError):
                        self._refuse(run, fetched)
                        continue
                    del run[self._left :]
                    self._left -= len(run)
                    if run[-1] is fetched.items[-1]:
                        self._turn(fetched.page)
                    yield run
                    if self._left <= 0:
                        return
                self._turn(fetched.page)
                del fetched  # see `read`

    def pages(self) -> Steps[list[Page]]:
        """Hand out page by page, each a run of its own.

        A page with a call that cannot be decoded is raised instead, so that nobody takes the rest for the whole.
        """
        with closing(self._source()) as source:
            while (fetched := (yield from next_of(source))) is not None:
                page = fetched.page
                for item in fetched.items:
                    if isinstance(item, InvalidResponseError):
                        self._refuse(item, fetched)
                page.items = [item for item in fetched.items if isinstance(item, Call)]
                if len(page.items) > self._left:
                    del page.items[self._left :]
                else:
                    self._turn(page)
                self._left -= len(page.items)
                yield [page]
                del page, fetched

    def _source(self) -> Steps[Fetched]:
        if self.query.parallel > 1:
            return read_parallel(self.query, self.world, self.watch)
        pages = read(self.query, self.world, self.watch)
        return ahead(pages, self.query.prefetch) if self.query.prefetch else pages

    def _turn(self, page: Page) -> None:
        self.cursor = page.next_cursor
        self.finished = page.next_cursor is None

    def _refuse(self, error: InvalidResponseError, fetched: Fetched) -> None:
        put(error, fetched.cursor, fetched.received)
        if self.on_invalid is None:
            raise error
        self.on_invalid(error)


def _runs(items: list[Item]) -> Iterator[list[Call] | InvalidResponseError]:
    """The items in their order: what is wrong alone, calls together, but for the last one of the page."""
    for decoded, group in groupby(items[:-1], lambda item: isinstance(item, Call)):
        if decoded:
            yield [*group]  # type: ignore[list-item] # groupby tells nobody what its key has shown
        else:
            yield from group  # type: ignore[misc] # the same
    for item in items[-1:]:
        yield [item] if isinstance(item, Call) else item
