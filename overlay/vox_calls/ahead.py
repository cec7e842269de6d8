"""Fetching the next page while its reader is busy with this one: in a thread, or in a task.

One page ahead at most, and nothing outlives the iteration that it was begun for.
"""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable, Generator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from vox_calls.exchange import Answer, Send, Start, Wait

if TYPE_CHECKING:
    import asyncio


class _BrokenOffError(Exception):
    """Nobody waits for the page any more."""


class Aside:
    """Runs steps in a thread of its own.

    Args:
        do: Does one step, blocking.
    """

    def __init__(self, do: Callable[[Send | Wait], Answer]) -> None:
        self._do = do
        self._thread: threading.Thread | None = None
        self._broken_off = threading.Event()
        self._result: object = None
        self._error: BaseException | None = None

    def start(self, begin: Start) -> None:
        """Begin to run the steps."""
        self._thread = threading.Thread(target=self._run, args=(begin.steps,), name="vox-calls-prefetch", daemon=True)
        self._thread.start()

    def join(self) -> object:
        """What the steps returned, when they are done; or raise what they raised."""
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        if self._error is not None:
            raise self._error
        return self._result

    def close(self) -> None:
        """Break off, and wait for the thread to end: at once where it waits, else when its request is answered."""
        self._broken_off.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self, steps: Generator[Send | Wait, Answer, object]) -> None:
        answer: Answer = None
        try:
            while True:
                step = steps.send(answer)
                answer = None
                if isinstance(step, Send):
                    answer = self._do(step)
                elif self._broken_off.wait(step.seconds):
                    raise _BrokenOffError
        except StopIteration as end:
            self._result = end.value
        except BaseException as error:  # noqa: BLE001 - it is raised where the page is asked for
            self._error = error
        finally:
            steps.close()


class AsyncAside:
    """Runs steps in a task of its own; where there is no asyncio, when they are asked for.

    Trio has no task without a nursery around it, and an async generator cannot hold one.

    Args:
        do: Does one step, awaiting.
    """

    def __init__(self, do: Callable[[Send | Wait], Awaitable[Answer]]) -> None:
        self._do = do
        self._steps: Generator[Send | Wait, Answer, Any] | None = None
        self._task: asyncio.Task[object] | None = None

    def start(self, begin: Start) -> None:
        """Begin to run the steps."""
        import asyncio  # noqa: PLC0415 - slow to import, and there already where it is of use

        self._steps = begin.steps
        with suppress(RuntimeError):
            loop = asyncio.get_running_loop()
            self._task = loop.create_task(self._run(begin.steps), name="vox-calls-prefetch")

    async def join(self) -> object:
        """What the steps returned, when they are done; or raise what they raised."""
        steps, task, self._steps = self._steps, self._task, None
        if task is not None:
            result = await task
            self._task = None
            return result
        return None if steps is None else await self._run(steps)

    async def aclose(self) -> None:
        """Break off, and wait for the task to end."""
        if self._task is not None:
            import asyncio  # noqa: PLC0415 - as in start

            self._task.cancel()
            # Also where it had failed already: nobody asked for that page.
            await asyncio.gather(self._task, return_exceptions=True)
        if self._steps is not None:
            self._steps.close()

    async def _run(self, steps: Generator[Send | Wait, Answer, object]) -> object:
        answer: Answer = None
        try:
            while True:
                try:
                    step = steps.send(answer)
                except StopIteration as end:
                    return end.value
                answer = await self._do(step)
        finally:
            steps.close()
