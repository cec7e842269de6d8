"""A long history is read at several places at once, and handed out in the order that was asked for. Sans I/O.

Cursors are sequential, so one way through a history is never faster than the answers come. Here the time asked for is
divided into parts, each a query of its own, and the next few parts are read while one is handed out:

- Parts share no millisecond, so a call that has a start is in one of them alone.
- A server may show a call that has not started in any part, and once more when it has started meanwhile: it is handed
  out where it comes first, and passed over afterwards.
- The cursor of a page names its part as well, so that reading on needs nothing else.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator
from functools import partial
from typing import Any

import attrs

from vox_calls.decoding import EnumWatch
from vox_calls.exchange import Environment, Start, Step, Steps, Take
from vox_calls.models import Call, SortOrder
from vox_calls.parts import Part
from vox_calls.query import Query
from vox_calls.reading import Fetched, Item, next_of, read
from vox_calls.timestamps import to_unix_ms

PAGES = 20
"""How many pages a part has, where calls are spread evenly: so few that some parts fit into memory, and so many that
the last page of each, which is not full, costs little."""

_AHEAD = 2 * PAGES
_CLOCKS_APART = 600_000  # milliseconds that the server's clock may be behind this machine's


def read_parallel(query: Query, world: Environment, watch: EnumWatch) -> Steps[Fetched]:
    """Each page of a query for a stretch of time, by `query.parallel` ways at once; see `read`."""
    named = None if query.cursor is None else Part.of_cursor(query.cursor)
    rest: Part | None = query.part
    waiting: deque[tuple[Part, str | None]] = deque()
    if named is not None:
        waiting.append(named)
        rest = query.part.beyond(named[0], ascending=query.ascending)
    if rest is not None:
        waiting.extend((part, None) for part in (yield from _parts(query, rest, world, watch)))
    running: deque[tuple[Part, Start]] = deque()
    shown, recent = set[str](), to_unix_ms(world.now()) - _CLOCKS_APART
    first = True
    while waiting or running:
        while waiting and len(running) < query.parallel:
            part, cursor = waiting.popleft()
            place = partial(_place, part, query.cursor if first else part.cursor(None))
            begun = Start(read(query.within(part, cursor=cursor), world, watch, place), _AHEAD)
            first = False
            yield begun
            running.append((part, begun))
        fetched: Fetched | None = yield Take(running[0][1])
        if fetched is None:
            running.popleft()
            continue
        if fetched.page.next_cursor is None:
            following = running[1][0] if len(running) > 1 else waiting[0][0] if waiting else None
            fetched.page.next_cursor = None if following is None else following.cursor(None)
        yield attrs.evolve(fetched, items=_once(fetched.items, shown, recent))
        del fetched


def _place(part: Part, beginning: str | None, cursor: str | None) -> str | None:
    return beginning if cursor is None else part.cursor(cursor)


def _once(items: list[Item], shown: set[str], recent: int) -> list[Item]:
    """The items without those that were shown. Of these, calls that may be in other parts too are shown from now on."""
    new: list[Item] = []
    for item in items:
        if isinstance(item, Call):
            if item.id in shown:
                continue
            # One that started when reading had begun may be in a page that was fetched before that.
            if item.start_at is None or item.start_at >= recent:
                shown.add(item.id)
        new.append(item)
    return new


def _parts(query: Query, whole: Part, world: Environment, watch: EnumWatch) -> Generator[Step, Any, list[Part]]:
    """What a stretch of time is divided into, in the order of reading."""
    glance = partial(_glance, query, whole, world, watch)
    total, last = yield from glance(SortOrder.DESC)
    pages = -(-total // query.page_size)
    if pages <= 1:
        return [whole]
    _, first = yield from glance(SortOrder.ASC)
    count = min(pages, max(query.parallel, -(-pages // PAGES)))
    parts = whole.divide(
        count,
        first=whole.after if first is None else first,
        last=whole.before if last is None else last,
    )
    return parts if query.ascending else parts[::-1]


def _glance(
    query: Query, whole: Part, world: Environment, watch: EnumWatch, order: SortOrder
) -> Generator[Step, Any, tuple[int, int | None]]:
    """How many calls there are, roughly, and when the first of them in an order started."""
    glance = query.within(whole, cursor=None)
    glance = attrs.evolve(glance, filters={**glance.filters, "sort_order": order})
    fetched = yield from next_of(read(glance, world, watch, lambda _: query.cursor))
    assert fetched is not None  # noqa: S101 - every query has a first page
    starts = (item.start_at for item in fetched.items if isinstance(item, Call) and item.start_at is not None)
    return fetched.page.total_count, next(starts, None)
