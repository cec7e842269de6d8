"""What Python programs do around an iteration: event loops of all sorts, and asking again after an error."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from raw_server import serving
from vox_calls import (
    AsyncClient,
    AuthenticationError,
    Client,
    ClientClosedError,
    ConfigurationError,
    InvalidQueryError,
    PaginationError,
    RateLimit,
    TransportError,
)
from vox_calls_tools.sandbox import Sandbox, Script, Settings, Step, make_key

LOOPS = """
import asyncio, contextlib, sys, threading, trio, vox_calls

kinds = {}
with contextlib.suppress(ImportError):  # there is none for Windows
    import uvloop
    kinds["uvloop"] = uvloop

async def count(reader):
    return len([call async for call in reader.list_calls(max_items=150)])

def run(kind, reader):
    if kind == "trio":
        return trio.run(count, reader)
    with asyncio.Runner(loop_factory=getattr(kinds.get(kind), "new_event_loop", None)) as runner:
        return runner.run(count(reader))

def after(order):
    reader = vox_calls.AsyncClient(rate_limit=None)
    print(*(run(kind, reader) for kind in order))
    asyncio.run(reader.aclose())
    asyncio.run(reader.aclose())
    try:
        asyncio.run(count(reader))
    except vox_calls.ClientClosedError:
        print("closed")

def together():
    reader = vox_calls.AsyncClient(rate_limit=None)
    counted = []
    threads = [threading.Thread(target=lambda: counted.append(run("asyncio", reader))) for _ in range(4)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    print(*counted)
    asyncio.run(reader.aclose())

def across():
    reader = vox_calls.AsyncClient(rate_limit=None)
    listed = reader.list_calls(max_items=500)
    iterator = aiter(listed)

    async def some():
        return [await anext(iterator) for _ in range(200)]

    print(len(asyncio.run(some())))
    try:
        asyncio.run(some())
    except vox_calls.PaginationError as error:
        print(error, error.cursor == listed.cursor is not None)

across() if sys.argv[1] == "across" else together() if sys.argv[1] == "together" else after(sys.argv[1:])
"""


def in_loops(sandbox: Sandbox, *arguments: str) -> list[str]:
    # In a process of its own: connections that are left to a loop which is gone make Python warn, here as an error.
    environment = os.environ | {"VOX_BASE_URL": sandbox.base_url, "VOX_API_KEY": sandbox.api_key}
    command = [sys.executable, "-c", LOOPS, *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=60)
    assert done.stderr == ""
    return done.stdout.splitlines()


@pytest.mark.parametrize(
    "order",
    [
        ["asyncio", "asyncio"],
        ["asyncio", "trio", "asyncio"],
        ["trio", "trio", "asyncio"],
        ["uvloop", "uvloop", "asyncio"],
        ["trio", "uvloop", "asyncio", "uvloop"],
    ],
)
def test_a_client_serves_one_event_loop_after_another(order: list[str], sandbox: Sandbox) -> None:
    assert in_loops(sandbox, *order) == [" ".join(["150"] * len(order)), "closed"]


def test_event_loops_may_share_a_client_at_once(sandbox: Sandbox) -> None:
    assert in_loops(sandbox, "together") == ["150 150 150 150"]


def test_an_error_is_raised_again(calls: list[dict[str, Any]]) -> None:
    settings = Settings(make_key(), windows=(), faults=Script([None, Step(status=401)]))
    with (
        Sandbox(calls[:250], settings=settings) as sandbox,
        Client(sandbox.api_key, base_url=sandbox.base_url) as reader,
    ):
        listed = reader.list_calls()
        iterator = iter(listed)
        for _ in range(100):
            next(iterator)
        for _ in range(3):
            with pytest.raises(AuthenticationError) as caught:
                next(iterator)
            assert caught.value.cursor == listed.cursor is not None
        assert not listed.finished


def test_an_interrupted_iteration_does_not_look_complete(calls: list[dict[str, Any]]) -> None:
    async def read(sandbox: Sandbox) -> None:
        async with AsyncClient(sandbox.api_key, base_url=sandbox.base_url, rate_limit=None) as reader:
            listed = reader.list_calls()
            iterator = aiter(listed)
            for _ in range(100):
                await anext(iterator)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(anext(iterator), 0.2)
            for _ in range(2):
                with pytest.raises(
                    PaginationError, match="interrupted by CancelledError; resume from its cursor"
                ) as caught:
                    await anext(iterator)
                assert caught.value.cursor == listed.cursor is not None
            rest = [call async for call in reader.list_calls(cursor=listed.cursor)]
            assert len(rest) == 150

    settings = Settings(make_key(), windows=(), faults=Script([None, Step(takes=5.0)]))
    with Sandbox(calls[:250], settings=settings) as sandbox:
        asyncio.run(read(sandbox))


def test_a_finished_iteration_stays_finished(sandbox: Sandbox) -> None:
    with Client(sandbox.api_key, base_url=sandbox.base_url, rate_limit=None) as reader:
        iterator = iter(reader.list_calls(max_items=3))
        assert len(list(iterator)) == 3
        assert next(iterator, None) is None
        assert next(iterator, None) is None


def test_an_iteration_that_outlives_its_loop_raises(sandbox: Sandbox) -> None:
    count, told = in_loops(sandbox, "across")
    assert count == "200"
    assert told == "the iteration was interrupted by the end of its event loop; resume from its cursor True"


def test_an_iteration_that_was_closed_just_ends(sandbox: Sandbox) -> None:
    async def read() -> None:
        async with AsyncClient(sandbox.api_key, base_url=sandbox.base_url, rate_limit=None) as reader:
            iterator = reader.list_calls().pages()
            await anext(iterator)
            await iterator.aclose()
            assert await anext(iterator, None) is None

    asyncio.run(read())


@pytest.mark.parametrize("options", [{"rate_limit": RateLimit}, {"timeout": httpx.Timeout(5, connect="x")}])  # type: ignore[arg-type] # on purpose
def test_odd_options_are_configuration_errors(options: Any) -> None:
    with pytest.raises(ConfigurationError):
        Client("key", **options)


def test_an_on_invalid_that_cannot_be_called_is_rejected_at_once() -> None:
    with Client("key") as reader, pytest.raises(InvalidQueryError, match="on_invalid"):
        reader.list_calls(on_invalid=5)  # type: ignore[arg-type] # on purpose


def test_threads_of_one_client_get_equal_shares(sandbox: Sandbox) -> None:
    pages: Counter[int] = Counter()
    with Client(
        sandbox.api_key, base_url=sandbox.base_url, rate_limit=RateLimit(per_second=20, per_minute=10_000)
    ) as reader:
        start = threading.Barrier(32)
        ends = time.monotonic() + 5.0

        def read(number: int) -> None:
            start.wait()
            for _ in reader.list_calls(page_size=1).pages():
                if time.monotonic() > ends:
                    return
                pages[number] += 1

        threads = [threading.Thread(target=read, args=[number]) for number in range(32)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(pages) == 32
    assert max(pages.values()) - min(pages.values()) <= 2, pages
    assert sum(pages.values()) > 5 * 20 * 0.7


@pytest.mark.parametrize("stage", ["waiting for the answer", "reading the body"])
def test_a_client_closed_by_another_thread_says_so(stage: str) -> None:
    sent = threading.Event()

    def parts() -> Iterator[bytes]:
        if stage == "reading the body":
            yield b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"
        sent.set()
        time.sleep(1.0)
        yield b"{"

    with serving(parts) as url, Client("key", base_url=url, rate_limit=None, retries=0) as reader:

        def close() -> None:
            sent.wait()
            time.sleep(0.1)
            reader.close()

        closing = threading.Thread(target=close)
        closing.start()
        with pytest.raises((ClientClosedError, TransportError)):
            list(reader.list_calls())
        closing.join()


def consume(response: httpx.Response) -> None:
    list(response.iter_bytes())


def read(response: httpx.Response) -> None:
    response.read()


def test_a_hook_that_consumes_bodies_is_named(sandbox: Sandbox) -> None:
    for hook, told in ((read, None), (consume, "let it call response.read")):
        with (
            httpx.Client(event_hooks={"response": [hook]}) as http,
            Client(sandbox.api_key, base_url=sandbox.base_url, http_client=http) as reader,
        ):
            if told is None:
                assert len(list(reader.list_calls(max_items=5))) == 5
            else:
                with pytest.raises(ConfigurationError, match=told):
                    list(reader.list_calls())
