"""Faults and interruptions over TCP with the real clock."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path
from typing import Any

import pytest
import trio

import vox_calls
from faulty import IDS, failing
from vox_calls import AsyncClient, Client, ClientClosedError, TransportError
from vox_calls_tools.sandbox import Sandbox, Step

COMMAND = Path(sys.executable).with_name("vox-calls")


def read_sync(sandbox: Sandbox, **options: Any) -> list[str]:
    with Client(sandbox.api_key, base_url=sandbox.base_url, rate_limit=None, **options) as client:
        return [call.id for call in client.list_calls()]


async def read_async(sandbox: Sandbox, **options: Any) -> list[str]:
    async with AsyncClient(sandbox.api_key, base_url=sandbox.base_url, rate_limit=None, **options) as client:
        return [call.id async for call in client.list_calls()]


def read_asyncio(sandbox: Sandbox, **options: Any) -> list[str]:
    return asyncio.run(read_async(sandbox, **options))


def read_trio(sandbox: Sandbox, **options: Any) -> list[str]:
    async def main() -> list[str]:
        return await read_async(sandbox, **options)

    return trio.run(main)


READERS = [read_sync, read_asyncio, read_trio]
FAULTS = {
    "refuse": Step(fault="refuse"),
    "reset": Step(fault="reset"),
    "cut": Step(fault="cut"),
    "cut of nothing": Step(fault="cut", status=503),
    "timeout": Step(fault="timeout"),
    "gateway": Step(status=502, text="<html>Bad gateway</html>"),
    "unknown status": Step(status=520),
    "no json": Step(text="<html>Sign in</html>"),
    "cut without a length": Step(text='{"items": ['),
    "slow": Step(fault="slow", takes=0.3),
    "late": Step(takes=0.2),
}


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_transient_fault_loses_nothing(fault: str, read: Any) -> None:
    with failing(None, FAULTS[fault], None, FAULTS[fault]) as sandbox:
        assert read(sandbox, timeout=0.5) == IDS


@pytest.mark.parametrize("read", READERS)
def test_retry_after_is_waited_out(read: Any) -> None:
    with failing(Step(status=429, headers={"Retry-After": "1"}, json={})) as sandbox:
        began = time.monotonic()
        assert read(sandbox) == IDS
        assert time.monotonic() - began >= 1.0


@pytest.mark.parametrize("fault", ["reset", "cut", "timeout"])
def test_a_lasting_fault_raises_with_a_resume_cursor(fault: str) -> None:
    with (
        failing(None, None, *[FAULTS[fault]] * 2) as sandbox,
        Client(sandbox.api_key, base_url=sandbox.base_url, rate_limit=None, retries=1, timeout=0.3) as client,
    ):
        ids: list[str] = []
        calls = client.list_calls()
        with pytest.raises(TransportError) as caught:
            ids.extend(call.id for call in calls)
        assert (len(ids), caught.value.attempts) == (200, 2)
        ids += [call.id for call in client.list_calls(cursor=caught.value.cursor)]
        assert ids == IDS


def test_ctrl_c_during_a_request_leaks_nothing() -> None:
    with failing(None, Step(fault="timeout")) as sandbox:
        before = {*threading.enumerate()}
        client = Client(sandbox.api_key, base_url=sandbox.base_url, rate_limit=None)
        calls = client.list_calls()
        ids: list[str] = []
        timer = threading.Timer(0.5, signal.pthread_kill, [threading.get_ident(), signal.SIGINT])

        def interrupt_the_second(request: Any) -> None:
            if "cursor" in request.url.params:
                timer.start()

        client._connection.http.event_hooks = {"request": [interrupt_the_second]}
        with client, pytest.raises(KeyboardInterrupt):
            ids.extend(call.id for call in calls)
        timer.join()
        assert ids == IDS[:100]
        assert {*threading.enumerate()} <= before
        pacer: Any = client._runtime.limiter
        assert pacer._in_flight == 0
        assert not client._connection.http._transport._pool.connections  # type: ignore[attr-defined] # nothing public shows it
        with Client(sandbox.api_key, base_url=sandbox.base_url, rate_limit=None) as other:
            assert ids + [call.id for call in other.list_calls(cursor=calls.cursor)] == IDS


def test_cancelling_a_task_leaks_nothing() -> None:
    async def main(sandbox: Sandbox) -> None:
        async with AsyncClient(sandbox.api_key, base_url=sandbox.base_url, rate_limit=None) as client:
            calls = client.list_calls()
            ids: list[str] = []

            async def read() -> None:
                async for call in calls:
                    ids.append(call.id)

            task = asyncio.create_task(read())
            await asyncio.sleep(0.3)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert ids == IDS[:100]
            pacer: Any = client._runtime.limiter
            assert pacer._in_flight == 0
            ids += [call.id async for call in client.list_calls(cursor=calls.cursor)]
            assert ids == IDS
        await asyncio.sleep(0)
        assert len(asyncio.all_tasks()) == 1

    with warnings.catch_warnings(), failing(None, Step(fault="timeout")) as sandbox:
        warnings.simplefilter("error")
        asyncio.run(main(sandbox))
        gc.collect()


def test_closing_while_iterating_raises_with_a_resume_cursor() -> None:
    with failing() as sandbox:
        client = Client(sandbox.api_key, base_url=sandbox.base_url)
        calls = client.list_calls()
        steps = iter(calls)
        ids = [next(steps).id for _ in range(100)]
        client.close()
        with pytest.raises(ClientClosedError) as caught:
            next(steps)
        assert ids == IDS[:100]
        assert caught.value.cursor == calls.cursor is not None
        assert ids + [call.id for call in _reading_on(sandbox, calls.cursor)] == IDS


def _reading_on(sandbox: Sandbox, cursor: str | None) -> list[vox_calls.Call]:
    with Client(sandbox.api_key, base_url=sandbox.base_url) as client:
        return list(client.list_calls(cursor=cursor))


AFTER_FORK = """
import os, sys, httpx, vox_calls

client = vox_calls.Client(rate_limit=None, **({"http_client": httpx.Client()} if len(sys.argv) > 1 else {}))
calls = iter(client.list_calls())
ids = [next(calls).id for _ in range(150)]
reader, writer = os.pipe()
if os.fork() == 0:
    try:
        ids += [call.id for call in calls]
        os.write(writer, f"{len(ids)} {len(set(ids))}".encode())
    except vox_calls.VoxCallsError as error:
        os.write(writer, str(error).encode())
    os._exit(0)
ids += [call.id for call in calls]
os.wait()
print(len(ids), len(set(ids)), os.read(reader, 1_000).decode(), sep="/")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
def test_processes_do_not_share_a_connection_after_a_fork() -> None:
    with failing() as sandbox:
        environment = os.environ | {"VOX_API_KEY": sandbox.api_key, "VOX_BASE_URL": sandbox.base_url}

        def run(*arguments: str) -> str:
            command = [sys.executable, "-c", AFTER_FORK, *arguments]
            return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout

        assert run() == "450/450/450 450\n"
        assert run("own").startswith("450/450/http_client belongs to the process before the fork")


def test_an_async_client_works_in_successive_event_loops() -> None:
    async def read(client: AsyncClient) -> list[str]:
        return [call.id async for call in client.list_calls()]

    async def read_and_close(client: AsyncClient) -> list[str]:
        async with client:
            return await read(client)

    with failing() as sandbox, warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # from the connection that the previous loop left open
        client = AsyncClient(sandbox.api_key, base_url=sandbox.base_url, rate_limit=None)
        assert [asyncio.run(read(client)), asyncio.run(read_and_close(client))] == [IDS] * 2
        del client
        gc.collect()


def test_a_cookie_is_not_sent_with_the_retry() -> None:
    with (
        failing(Step(status=503, headers={"Set-Cookie": "a=b"})) as sandbox,
        Client(sandbox.api_key, base_url=sandbox.base_url, rate_limit=None) as client,
    ):
        seen: list[Any] = []
        client._connection.http.event_hooks = {"request": [lambda request: seen.append(request.headers.get("cookie"))]}
        assert [call.id for call in client.list_calls()] == IDS
        assert set(seen) == {None}
