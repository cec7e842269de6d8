"""What a user iterates over: two thin drivers, one that blocks and one that awaits, over the same steps."""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Iterator
from contextlib import aclosing, closing
from typing import Any, TypeVar

from vox_calls.ahead import Asides, AsyncAsides
from vox_calls.exchange import Answer, Send, Start, Steps, Take, Wait
from vox_calls.models import Call, Page
from vox_calls.paging import Listing

T = TypeVar("T")

Clean = Callable[[BaseException, BaseException | None], None]
"""Removes secrets from an error that is about to leave, but not from the one that its caller was handling."""


class _Resumable:
    """What the two kinds of result have in common: each iteration is a Listing of its own."""

    def __init__(self, begin: Callable[[], Listing], clean: Clean) -> None:
        self._begin = begin
        self._clean = clean
        self._listing = begin()

    @property
    def cursor(self) -> str | None:
        """Where to read on: the cursor of the first page that the newest iteration has not handed out whole.

        Pass it as `cursor=` with the same filters. None where that is page one; and None when nothing is left, which
        `finished` tells.
        """
        return self._listing.cursor

    @property
    def finished(self) -> bool:
        """Whether the newest iteration has handed out all there is, so that there is nothing to read on from."""
        return self._listing.finished

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError("what list_calls gives belongs to its client; keep the arguments and the cursor instead")

    def _restart(self) -> Listing:
        self._listing = self._begin()
        return self._listing


class Calls(_Resumable):
    """The calls that a query asks for. Iterate over it as often as you like; each time begins anew.

    Nothing is sent before the first call is asked for, and pages are fetched as they are needed.

    Example:
        calls = client.list_calls(status="ended")
        for page in calls.pages():
            save(page.items, calls.cursor)  # the place to read on from, None at the end
    """

    def __init__(self, begin: Callable[[], Listing], do: Callable[[Send | Wait], Answer], clean: Clean) -> None:
        super().__init__(begin, clean)
        self._do = do

    def __iter__(self) -> Iterator[Call]:
        return self._drive(self._restart().calls())

    def pages(self) -> Generator[Page, None, None]:
        """The same, page by page. Where `max_items` cuts the last page short, read on from `.cursor`."""
        return self._drive(self._restart().pages())

    def _drive(self, steps: Steps[list[T]]) -> Generator[T, None, None]:
        with closing(steps), closing(Asides(self._do, lambda: self.cursor)) as asides:
            answer: Any = None
            while True:
                outer = sys.exception()
                try:
                    step = steps.send(answer)
                    answer = None
                    if isinstance(step, Start):
                        asides.start(step)
                        continue
                    if isinstance(step, Take):
                        answer = asides.take(step.begun)
                        continue
                    if isinstance(step, Send | Wait):
                        answer = self._do(step)
                        continue
                except StopIteration:
                    return
                except BaseException as error:
                    self._clean(error, outer)
                    raise
                yield from step
                del step  # a run is its taker's alone


class AsyncCalls(_Resumable):
    """The calls that a query asks for, for `async for`. Each iteration begins anew.

    Nothing is sent before the first call is asked for, and pages are fetched as they are needed.

    Example:
        async with aclosing(aiter(client.list_calls(prefetch=1))) as calls:  # of contextlib; for loops that may be left
            async for call in calls:
                if call.status == "error":
                    break
    """

    def __init__(
        self, begin: Callable[[], Listing], do: Callable[[Send | Wait], Awaitable[Answer]], clean: Clean
    ) -> None:
        super().__init__(begin, clean)
        self._do = do

    def __aiter__(self) -> AsyncGenerator[Call, None]:  # noqa: PYI058 - whoever breaks off can close it
        return self._drive(self._restart().calls())

    def pages(self) -> AsyncGenerator[Page, None]:
        """The same, page by page. Where `max_items` cuts the last page short, read on from `.cursor`."""
        return self._drive(self._restart().pages())

    async def _drive(self, steps: Steps[list[T]]) -> AsyncGenerator[T, None]:
        with closing(steps):
            async with aclosing(AsyncAsides(self._do)) as asides:
                answer: Any = None
                while True:
                    outer = sys.exception()
                    try:
                        step = steps.send(answer)
                        answer = None
                        if isinstance(step, Start):
                            asides.start(step)
                            continue
                        if isinstance(step, Take):
                            answer = await asides.take(step.begun)
                            continue
                        if isinstance(step, Send | Wait):
                            answer = await self._do(step)
                            continue
                    except StopIteration:
                        return
                    except BaseException as error:
                        self._clean(error, outer)
                        raise
                    for thing in step:
                        yield thing
                    del step  # as above
