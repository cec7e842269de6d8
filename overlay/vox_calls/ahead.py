"""Running steps aside while their reader is busy: each in a thread, or in a task.

Only so far ahead as was asked for, and nothing outlives the iteration that it was begun for.
"""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from vox_calls.errors import ConfigurationError
from vox_calls.exchange import Answer, Send, Start, Wait

if TYPE_CHECKING:
    import asyncio


class _End:
    """Nothing more comes; `error` is why, where something is wrong."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


class _Thread:
    """Steps in a thread."""

    def __init__(self, begin: Start, do: Callable[[Send | Wait], Answer], broken_off: threading.Event) -> None:
        self._steps = begin.steps
        self._do = do
        self._broken_off = broken_off
        self._room = threading.Semaphore(begin.most - 1)
        self._things: queue.SimpleQueue[object] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="vox-calls-ahead", daemon=True)
        self._thread.start()

    def take(self) -> object:
        thing = self._things.get()
        self._room.release()
        return thing

    def join(self) -> None:
        self._room.release()
        self._thread.join()

    def _run(self) -> None:
        answer: Answer = None
        try:
            while not self._broken_off.is_set():
                thing = self._steps.send(answer)
                answer = None
                if isinstance(thing, Send):
                    answer = self._do(thing)
                elif isinstance(thing, Wait):
                    self._broken_off.wait(thing.seconds)
                else:
                    self._things.put(thing)
                    del thing  # it is its taker's alone
                    self._room.acquire()
        except StopIteration:
            self._things.put(_End())
        except BaseException as error:  # noqa: BLE001 - it is raised where the thing is asked for
            self._things.put(_End(error))
        finally:
            self._steps.close()


class Asides:
    """Runs steps in threads of their own.

    Args:
        do: Does one step, blocking.
        place: The cursor to read on from.
    """

    def __init__(self, do: Callable[[Send | Wait], Answer], place: Callable[[], str | None]) -> None:
        self._do = do
        self._place = place
        self._process = os.getpid()
        self._broken_off = threading.Event()
        self._threads: dict[Start, _Thread] = {}

    def start(self, begin: Start) -> None:
        """Begin to run the steps."""
        self._threads[begin] = _Thread(begin, self._do, self._broken_off)

    def take(self, begun: Start) -> object:
        """The next thing that the steps handed out, None at their end; or raise what they raised.

        Raises:
            ConfigurationError: After a fork: the threads are those of the other process, and nothing would ever come.
        """
        if self._process != os.getpid():
            error = ConfigurationError("the iteration is that of the process before the fork; read on from its cursor")
            error.cursor = self._place()
            raise error
        return _thing(self._threads[begun].take())

    def close(self) -> None:
        """Break off, and wait for the threads to end; those that are sending end when their requests are answered."""
        self._broken_off.set()
        for thread in self._threads.values():
            thread.join()


class _Task:
    """Steps in a task; where there is no asyncio, when something of them is asked for.

    Trio has no task without a nursery around it, and an async generator cannot hold one.
    """

    _task: asyncio.Task[None] | None = None

    def __init__(self, begin: Start, do: Callable[[Send | Wait], Awaitable[Answer]]) -> None:
        import asyncio  # noqa: PLC0415 - slow to import, and there already where it is of use

        self._steps = begin.steps
        self._do = do
        with suppress(RuntimeError):
            loop = asyncio.get_running_loop()
            self._room = asyncio.Semaphore(begin.most - 1)
            self._things: asyncio.Queue[object] = asyncio.Queue()
            self._task = loop.create_task(self._run(), name="vox-calls-ahead")

    async def take(self) -> object:
        if self._task is None:
            return await self._next()
        thing = await self._things.get()
        self._room.release()
        return thing

    def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def join(self) -> None:
        if self._task is not None:
            import asyncio  # noqa: PLC0415 - as above

            # Also where it had failed already: nobody asked for that page.
            await asyncio.gather(self._task, return_exceptions=True)
        self._steps.close()

    async def _run(self) -> None:
        thing: object = None
        try:
            while not isinstance(thing, _End):
                thing = None  # it is its taker's alone
                thing = await self._next()
                self._things.put_nowait(thing)
                await self._room.acquire()
        except BaseException as error:
            self._steps.close()  # it holds a place in the rate limit, which others wait for
            self._things.put_nowait(_End(error))
            raise

    async def _next(self) -> object:
        answer: Answer = None
        while True:
            try:
                thing = self._steps.send(answer)
            except StopIteration:
                return _End()
            if not isinstance(thing, (Send, Wait)):
                return thing
            answer = await self._do(thing)


class AsyncAsides:
    """Runs steps in tasks of their own.

    Args:
        do: Does one step, awaiting.
    """

    def __init__(self, do: Callable[[Send | Wait], Awaitable[Answer]]) -> None:
        self._do = do
        self._tasks: dict[Start, _Task] = {}

    def start(self, begin: Start) -> None:
        """Begin to run the steps."""
        self._tasks[begin] = _Task(begin, self._do)

    async def take(self, begun: Start) -> object:
        """The next thing that the steps handed out, None at their end; or raise what they raised."""
        return _thing(await self._tasks[begun].take())

    async def aclose(self) -> None:
        """Break off, and wait for the tasks to end."""
        for task in self._tasks.values():
            task.stop()
        for task in self._tasks.values():
            await task.join()


def _thing(taken: object) -> object:
    if not isinstance(taken, _End):
        return taken
    if taken.error is not None:
        raise taken.error
    return None
