"""Prefetch: one page early, and leaving the loop never waits for the request in flight."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import aclosing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import trio

import vox_calls
from faulty import IDS, failing
from scripted import call, page
from vox_calls import AsyncClient, Client
from vox_calls_tools.sandbox import Sandbox, Settings, Step, make_key

AT_ONCE = 0.2
"""How long leaving the loop may take, in seconds."""


@contextmanager
def dripping() -> Iterator[str]:
    """A server that sends the first page at once and the second one byte per second."""
    first = page(*(str(number) for number in range(3)), cursor="next").content
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    ended = threading.Event()

    def answer(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            while request := connection.recv(65_536):
                connection.sendall(head % len(first))
                if b"cursor=" not in request:
                    connection.sendall(first)
                    continue
                for byte in first:
                    connection.sendall(bytes([byte]))
                    if ended.wait(1.0):
                        return

    def serve(listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=answer, args=(connection,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, args=(listener,), daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        ended.set()
        listener.shutdown(socket.SHUT_RDWR)


def options(base_url: str) -> dict[str, Any]:
    return {"api_key": "key", "base_url": base_url, "rate_limit": None}


def test_break_does_not_wait_for_the_request_in_flight() -> None:
    with dripping() as base_url, Client(**options(base_url)) as client:
        for _ in client.list_calls(prefetch=1):
            time.sleep(0.3)  # the second page is being fetched
            began = time.monotonic()
            break
        assert time.monotonic() - began < AT_ONCE
    assert time.monotonic() - began < AT_ONCE


def test_an_exception_does_not_wait_for_the_request_in_flight() -> None:
    def read() -> None:
        with Client(**options(base_url)) as client:
            for _ in client.list_calls(prefetch=1).pages():
                time.sleep(0.3)
                began.append(time.monotonic())
                raise ZeroDivisionError

    began: list[float] = []
    with dripping() as base_url, pytest.raises(ZeroDivisionError):
        read()
    assert time.monotonic() - began[0] < 2 * AT_ONCE


@pytest.mark.parametrize("run", [asyncio.run, trio.run])
def test_closing_async_pages_does_not_wait_for_the_request(run: Any) -> None:
    async def read() -> float:
        async with AsyncClient(**options(base_url)) as client:
            async with aclosing(client.list_calls(prefetch=1).pages()) as pages:
                await anext(pages)
                if run is asyncio.run:
                    await asyncio.sleep(0.3)
                    assert len(asyncio.all_tasks()) == 2
                began = time.monotonic()
            if run is asyncio.run:
                assert len(asyncio.all_tasks()) == 1
        return began

    with dripping() as base_url:
        assert time.monotonic() - run(read) if run is trio.run else time.monotonic() - run(read()) < AT_ONCE


def test_an_abandoned_request_frees_its_rate_limit_slot() -> None:
    with dripping() as base_url, Client(**options(base_url), timeout=0.5) as client:
        pages = client.list_calls(prefetch=1).pages()
        next(pages)
        time.sleep(0.2)
        limiter: Any = client._runtime.limiter
        assert limiter._in_flight == 1
        pages.close()
        for _ in range(50):
            if limiter._in_flight == 0:
                break
            time.sleep(0.1)
        assert limiter._in_flight == 0


def test_program_exit_does_not_wait_for_a_prefetch() -> None:
    code = """
import sys, time
from vox_calls import Client
client = Client("key", base_url=sys.argv[1], rate_limit=None)
for _ in client.list_calls(prefetch=1):
    time.sleep(0.3)
    break
print(time.time())
"""
    with dripping() as base_url:
        done = subprocess.run(
            [sys.executable, "-c", code, base_url], capture_output=True, text=True, timeout=30, check=True
        )
        assert time.time() - float(done.stdout) < 1.0
        assert done.stderr == ""


@pytest.mark.parametrize("command", [["export", "calls.jsonl"], ["stats"]])
def test_commands_end_at_the_first_ctrl_c(command: list[str], tmp_path: Path) -> None:
    program = Path(sys.executable).with_name("vox-calls")
    with dripping() as base_url:
        environment = {"VOX_BASE_URL": base_url, "VOX_API_KEY": "key", "PATH": ""}
        with subprocess.Popen(
            [program, *command, "--no-rate-limit"],
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            time.sleep(3.0)  # the second page is being fetched
            process.send_signal(signal.SIGINT)
            began = time.monotonic()
            process.communicate(timeout=20)
            assert time.monotonic() - began < 1.0
    assert process.returncode == 130


async def read_async(sandbox: Sandbox) -> list[str]:
    async with AsyncClient(sandbox.api_key, base_url=sandbox.base_url, rate_limit=None) as client:
        return [call.id async for call in client.list_calls(prefetch=1)]


def read_sync(sandbox: Sandbox) -> list[str]:
    with Client(sandbox.api_key, base_url=sandbox.base_url, rate_limit=None) as client:
        return [call.id for page in client.list_calls(prefetch=1).pages() for call in page.items]


READERS = [
    read_sync,
    lambda sandbox: asyncio.run(read_async(sandbox)),
    lambda sandbox: trio.run(read_async, sandbox),
]


@pytest.mark.parametrize("read", READERS)
def test_prefetch_loses_nothing_and_leaves_no_thread(read: Any) -> None:
    before = {*threading.enumerate()}
    with failing(None, Step(status=503), None, Step(fault="cut")) as sandbox:
        assert read(sandbox) == IDS
    assert {*threading.enumerate()} <= before


def test_prefetch_overlaps_with_the_callers_work() -> None:
    took = []
    with failing(Step(takes=0.2), repeat=True) as sandbox:
        for prefetch in (0, 1):
            with Client(sandbox.api_key, base_url=sandbox.base_url, rate_limit=None) as client:
                began = time.monotonic()
                for _ in client.list_calls(prefetch=prefetch).pages():
                    time.sleep(0.2)
                took.append(time.monotonic() - began)
    assert took[1] < 0.85 * took[0]  # five pages: 2.0 s against 1.2 s at best


def test_prefetch_never_fetches_an_unneeded_page() -> None:
    with failing() as sandbox, Client(sandbox.api_key, base_url=sandbox.base_url, rate_limit=None) as client:
        requests: list[Any] = []
        client._connection.http.event_hooks = {"request": [requests.append]}
        assert len(list(client.list_calls(prefetch=1, max_items=100))) == 100
        assert len(requests) == 1
        assert len(list(client.list_calls(prefetch=1, max_items=101))) == 101
        assert len(requests) == 3


def test_a_prefetch_error_is_raised_after_the_page_before_it() -> None:
    with (
        failing(None, None, Step(status=401)) as sandbox,
        Client(sandbox.api_key, base_url=sandbox.base_url, rate_limit=None) as client,
    ):
        ids: list[str] = []
        calls = client.list_calls(prefetch=1)
        with pytest.raises(vox_calls.AuthenticationError) as caught:
            ids.extend(call.id for call in calls)
        assert ids == IDS[:200]
        assert caught.value.cursor == calls.cursor is not None
        assert ids + [call.id for call in client.list_calls(cursor=calls.cursor)] == IDS


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
def test_a_forked_child_does_not_wait_for_the_parents_prefetch() -> None:
    code = """
import os, sys
from vox_calls import Client, ConfigurationError
client = Client(rate_limit=None)
calls = client.list_calls(page_size=10, prefetch=1)
steps = iter(calls)
first = [next(steps).id for _ in range(15)]
if os.fork() == 0:
    try:
        list(steps)
    except ConfigurationError as error:
        assert error.cursor == calls.cursor is not None
        print(error, flush=True)
    os._exit(0)
os.wait()
print(len(first) + sum(1 for _ in steps))
"""
    made_up = [call(f"call-{number:03}", start_at=1_793_491_200_000 + number) for number in range(100)]
    with Sandbox(made_up, settings=Settings(make_key(), windows=())) as box:
        environment = os.environ | {"VOX_BASE_URL": box.base_url, "VOX_API_KEY": box.api_key}
        said = subprocess.check_output([sys.executable, "-c", code], env=environment, text=True, timeout=60)
    assert said.splitlines() == ["the iteration belongs to the process before the fork; resume from its cursor", "100"]
