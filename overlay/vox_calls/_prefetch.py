"""Prefetching: one page fetched early, while its reader is busy, in a thread or a task. Leaving early never waits."""

from __future__ import annotations

import asyncio
import os
import queue
import threading
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import closing
from typing import TypeVar

from vox_calls._exchange import Answer, Steps, Wait
from vox_calls.errors import ConfigurationError

T = TypeVar("T")


def prefetched(
    results: Callable[[Steps[T]], Generator[T, None, None]], steps: Steps[T], cursor: Callable[[], str | None]
) -> Generator[T, None, None]:
    """Yield the results of some steps, the next one fetched early, in a background thread.

    Leaving early does not wait for that thread: its request ends by itself, and it sends nothing more.
    """
    wanted = threading.Semaphore()
    ready: queue.SimpleQueue[T | BaseException | None] = queue.SimpleQueue()
    left = threading.Event()
    process = os.getpid()

    def work() -> None:
        try:
            with closing(results(_until(left, steps))) as pages:
                while wanted.acquire() and not left.is_set():
                    ready.put(next(pages, None))
        except BaseException as error:  # noqa: BLE001 - raised where the page is asked for
            ready.put(error)

    threading.Thread(target=work, name="vox-calls-prefetch", daemon=True).start()
    try:
        while True:
            if process != os.getpid():
                error = ConfigurationError(
                    "the iteration belongs to the process before the fork; resume from its cursor"
                )
                error.cursor = cursor()
                raise error
            result = ready.get()
            if isinstance(result, BaseException):
                raise result
            if result is None:
                return
            wanted.release()
            yield result
            del result  # see Iteration.fetch
    finally:
        left.set()
        wanted.release()


def _until(left: threading.Event, steps: Steps[T]) -> Steps[T]:
    """The same steps, until the event is set, which ends a wait at once."""
    answer: Answer = None
    with closing(steps):
        while not left.is_set():
            try:
                step = steps.send(answer)
            except StopIteration:
                return
            answer = None
            if isinstance(step, Wait):
                left.wait(step.seconds)
            else:
                answer = yield step
            del step


def is_asyncio() -> bool:
    """Whether asyncio runs. Trio has no tasks without a nursery, which a generator cannot hold."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


async def async_prefetched(pages: AsyncGenerator[T, None]) -> AsyncGenerator[T, None]:
    """Yield the results of an async generator, the next one fetched early, in a task. Leaving early cancels it."""

    async def following() -> T | None:
        return await anext(pages, None)

    def fetch() -> asyncio.Task[T | None]:
        return asyncio.get_running_loop().create_task(following(), name="vox-calls-prefetch")

    task = fetch()
    try:
        while (result := await task) is not None:
            task = fetch()
            yield result
            del result  # see Iteration.fetch
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)  # also if it failed: nobody asked for that page
        await pages.aclose()
