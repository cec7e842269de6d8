"""The main faults once over TCP, with the real clock; and interruptions that leave nothing behind."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import trio

import vox_calls
from scripted import call
from vox_calls import AsyncClient, Client, ClientClosedError, ConfigurationError, TransportError
from vox_calls_tools.sandbox import Sandbox, Script, Settings, Step, make_key, read_script
from vox_calls_tools.shared_rate_limit import SharedRateLimit

COMMAND = Path(sys.executable).with_name("vox-calls")
HISTORY = [call(f"call-{number:04}", start_at=1_793_491_200_000 + number) for number in range(450)]
IDS = [one["id"] for one in reversed(HISTORY)]


@contextmanager
def failing(*steps: Step | None, repeat: bool = False) -> Iterator[Sandbox]:
    script = Script([*steps], repeat=repeat)
    with Sandbox(HISTORY, settings=Settings(make_key(), windows=(), faults=script)) as sandbox:
        yield sandbox


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
def test_a_fault_in_the_middle_costs_nothing(fault: str, read: Any) -> None:
    with failing(None, FAULTS[fault], None, FAULTS[fault]) as sandbox:
        assert read(sandbox, timeout=0.5) == IDS


@pytest.mark.parametrize("read", READERS)
def test_a_wait_that_was_asked_for_is_made(read: Any) -> None:
    with failing(Step(status=429, headers={"Retry-After": "1"}, json={})) as sandbox:
        began = time.monotonic()
        assert read(sandbox) == IDS
        assert time.monotonic() - began >= 1.0


@pytest.mark.parametrize("fault", ["reset", "cut", "timeout"])
def test_a_fault_that_stays_is_an_error_with_the_place_to_read_on(fault: str) -> None:
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


def test_the_command_serves_a_script_of_faults(tmp_path: Path) -> None:
    script = tmp_path / "faults.json"
    script.write_text(json.dumps({"steps": [None, {"status": 503}, {"fault": "cut"}, {"fault": "reset"}]}))
    arguments = [str(COMMAND), "sandbox", "--calls", "250", "--no-rate-limit", "--faults", str(script)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        settings = dict(process.stdout.readline().strip().split("=", 1) for _ in range(2))
        done = subprocess.run(
            [COMMAND, "list", "--max-items", "250", "--format", "jsonl"],
            env=os.environ | settings,
            capture_output=True,
            text=True,
            check=True,
        )
        process.send_signal(signal.SIGINT)
    assert len(done.stdout.splitlines()) == 250


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "are not a script"),
        ("[]", """are not a script such as {"steps": [{"status": 503}, {"fault": "cut"}]}: """),
        ('{"steps": [{"fault": "flood"}]}', "fault must be one of refuse, reset, cut, slow, timeout - at `$.steps[0]`"),
        ('{"steps": [null, {"status": 99}]}', "status must be from 200 to 599 - at `$.steps[1]`"),
        ('{"steps": [{"takes": -1}]}', "takes must be seconds"),
        ('{"steps": [{"headers": {"a b": "c"}}]}', "the header 'a b' cannot"),
        ('{"steps": [{"headers": {"Content-Length": "9"}}]}', "the header 'Content-Length' cannot"),
        ('{"steps": [{"json": 1, "text": "x"}]}', "only one of json"),
        ('{"steps": [{"status": 204, "text": "x"}]}', "a 204 response cannot"),
        ('{"steps": [{"wait": 1}]}', "unknown field `wait`"),
        (None, "cannot read the faults"),
    ],
)
def test_a_script_that_is_none_is_told(text: str | None, message: str, tmp_path: Path) -> None:
    path = tmp_path / "faults.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        read_script(path)
    assert message in str(caught.value)


def test_a_script_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "faults.json"
    path.write_text('{"steps": [{"status": 503}]}', encoding="utf-8-sig")
    assert read_script(path) == Script([Step(status=503)])


async def read_ahead_async(sandbox: Sandbox) -> list[str]:
    async with AsyncClient(sandbox.api_key, base_url=sandbox.base_url, rate_limit=None) as client:
        return [call.id async for call in client.list_calls(prefetch=1)]


def read_ahead_sync(sandbox: Sandbox) -> list[str]:
    with Client(sandbox.api_key, base_url=sandbox.base_url, rate_limit=None) as client:
        return [call.id for page in client.list_calls(prefetch=1).pages() for call in page.items]


AHEAD = [
    read_ahead_sync,
    lambda sandbox: asyncio.run(read_ahead_async(sandbox)),
    lambda sandbox: trio.run(read_ahead_async, sandbox),
]


@pytest.mark.parametrize("read", AHEAD)
def test_reading_ahead_loses_nothing_and_leaves_nothing_behind(read: Any) -> None:
    before = {*threading.enumerate()}
    with failing(None, Step(status=503), None, Step(fault="cut")) as sandbox:
        assert read(sandbox) == IDS
    assert {*threading.enumerate()} <= before


def test_the_next_page_is_fetched_while_its_reader_is_busy() -> None:
    took = []
    with failing(Step(takes=0.2), repeat=True) as sandbox:
        for prefetch in (0, 1):
            with Client(sandbox.api_key, base_url=sandbox.base_url, rate_limit=None) as client:
                began = time.monotonic()
                for _ in client.list_calls(prefetch=prefetch).pages():
                    time.sleep(0.2)
                took.append(time.monotonic() - began)
    assert took[1] < 0.85 * took[0]  # five pages: 2.0 s against 1.2 s at best


def test_no_page_is_fetched_ahead_that_nobody_needs() -> None:
    with failing() as sandbox, Client(sandbox.api_key, base_url=sandbox.base_url, rate_limit=None) as client:
        requests: list[Any] = []
        client._connection.http.event_hooks = {"request": [requests.append]}
        assert len(list(client.list_calls(prefetch=1, max_items=100))) == 100
        assert len(requests) == 1
        assert len(list(client.list_calls(prefetch=1, max_items=101))) == 101
        assert len(requests) == 3


def test_an_error_ahead_comes_when_the_page_before_it_is_out() -> None:
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


def test_a_script_may_repeat_itself() -> None:
    with failing(Step(status=500), None, repeat=True) as sandbox:
        assert read_sync(sandbox) == IDS


def test_ctrl_c_in_the_middle_leaves_nothing_behind() -> None:
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


def test_cancelling_a_task_leaves_nothing_behind() -> None:
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


def test_a_client_closed_while_it_reads_says_so_and_where_it_was() -> None:
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
def test_two_processes_after_a_fork_do_not_share_a_connection() -> None:
    with failing() as sandbox:
        environment = os.environ | {"VOX_API_KEY": sandbox.api_key, "VOX_BASE_URL": sandbox.base_url}

        def run(*arguments: str) -> str:
            command = [sys.executable, "-c", AFTER_FORK, *arguments]
            return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout

        assert run() == "450/450/450 450\n"
        assert run("own").startswith("450/450/http_client belongs to the process before the fork")


SHARED = """
import sys, vox_calls
from vox_calls_tools.shared_rate_limit import SharedRateLimit

limit = SharedRateLimit(sys.argv[1], per_second=5, per_minute=120)
with vox_calls.Client(rate_limit=limit, retries=0) as client:
    print(sum(1 for call in client.list_calls()))
"""


def test_processes_that_share_a_limit_never_meet_a_429(tmp_path: Path) -> None:
    with Sandbox(HISTORY, settings=Settings(make_key())) as limited:
        environment = os.environ | {"VOX_API_KEY": limited.api_key, "VOX_BASE_URL": limited.base_url}
        command = [sys.executable, "-c", SHARED, str(tmp_path / "limit.sqlite")]
        began = time.monotonic()
        readers = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(4)]
        assert [reader.communicate()[0] for reader in readers] == ["450\n"] * 4
        # 20 requests, five a second.
        assert 3.0 <= time.monotonic() - began <= 20.0


def test_a_429_of_one_process_holds_back_the_others(tmp_path: Path) -> None:
    limit = SharedRateLimit(tmp_path / "limit.sqlite")
    one, other = limit.limiter(), limit.limiter()
    assert one.acquire(0.0) == 0.0
    one.release(0.0)
    one.hold(7.0, 0.0)
    assert 6.0 < other.acquire(0.0) <= 7.0


def test_a_process_that_died_in_the_middle_of_a_request_does_not_hold_its_place_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit = SharedRateLimit(tmp_path / "limit.sqlite", per_second=1, per_minute=1)
    assert limit.limiter().acquire(0.0) == 0.0
    later = limit.limiter()
    assert later.acquire(0.0) > 0.0
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 301.0)
    assert later.acquire(0.0) == 0.0


@pytest.mark.parametrize("path", ["/", "/dev/null/x.sqlite"])
def test_a_file_that_cannot_hold_a_limit_is_told(path: str) -> None:
    with pytest.raises(ConfigurationError, match="shared rate limit"):
        Client("key", rate_limit=SharedRateLimit(path))


def test_a_shared_limit_counts_from_the_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1_793_491_200.0]
    monkeypatch.setattr(time, "time", lambda: now[0])
    pacer = SharedRateLimit(tmp_path / "limit.sqlite", per_second=1, per_minute=120).limiter()
    assert pacer.acquire(0.0) == 0.0
    now[0] += 5.0
    pacer.release(0.0)
    assert pacer.acquire(0.0) == pytest.approx(1.0)
    now[0] += 1.0
    assert pacer.acquire(0.0) == 0.0


FORKED = """
import os, sys, threading, time
from vox_calls_tools.shared_rate_limit import SharedRateLimit

pacer = SharedRateLimit("limit.sqlite", per_second=1, per_minute=100).limiter()
inside = threading.Event()

def hold():
    with pacer._transaction():
        inside.set()
        time.sleep(0.5)

thread = threading.Thread(target=hold)
thread.start()
inside.wait()
if os.fork() == 0:
    os.chdir("elsewhere")
    while (wait := pacer.acquire(0.0)) > 0:
        time.sleep(wait)
    os._exit(0)
thread.join()
assert os.waitstatus_to_exitcode(os.wait()[1]) == 0
assert pacer.acquire(0.0) > 0, "the child's request does not count"
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
def test_a_shared_limit_survives_a_fork_in_the_middle_of_a_turn(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    subprocess.run([sys.executable, "-c", FORKED], cwd=tmp_path, check=True, timeout=20)
    assert not list((tmp_path / "elsewhere").iterdir())


def test_an_async_client_may_be_used_in_one_loop_after_another() -> None:
    async def read(client: AsyncClient) -> list[str]:
        return [call.id async for call in client.list_calls()]

    async def read_and_close(client: AsyncClient) -> list[str]:
        async with client:
            return await read(client)

    with failing() as sandbox, warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # of the connection that the loop before left open
        client = AsyncClient(sandbox.api_key, base_url=sandbox.base_url, rate_limit=None)
        assert [asyncio.run(read(client)), asyncio.run(read_and_close(client))] == [IDS] * 2
        del client
        gc.collect()


def test_a_cookie_does_not_change_the_next_try() -> None:
    with (
        failing(Step(status=503, headers={"Set-Cookie": "a=b"})) as sandbox,
        Client(sandbox.api_key, base_url=sandbox.base_url, rate_limit=None) as client,
    ):
        seen: list[Any] = []
        client._connection.http.event_hooks = {"request": [lambda request: seen.append(request.headers.get("cookie"))]}
        assert [call.id for call in client.list_calls()] == IDS
        assert set(seen) == {None}


def test_a_shared_limit_says_what_it_is(tmp_path: Path) -> None:
    limit = SharedRateLimit(tmp_path / "limit.sqlite", per_second=2, per_minute=60)
    assert limit.limit == vox_calls.RateLimit(per_second=2, per_minute=60)
    assert repr(limit) == f"SharedRateLimit({str(limit.path)!r}, {limit.limit!r})"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
def test_a_fork_leaves_the_requests_of_its_parent_alone(tmp_path: Path) -> None:
    limit = SharedRateLimit(tmp_path / "limit.sqlite", per_second=1, per_minute=1)
    code = f"""
import os
from vox_calls_tools.shared_rate_limit import SharedRateLimit
limiter = SharedRateLimit({str(limit.path)!r}, per_second=1, per_minute=1).limiter()
assert limiter.acquire(0.0) == 0.0
if os.fork() == 0:
    limiter.release(0.0)
    os._exit(0)
assert os.wait()[1] == 0
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
    with closing(sqlite3.connect(limit.path)) as file:
        assert file.execute("SELECT count(*) FROM requests WHERE answered IS NULL").fetchone() == (1,)


def test_a_limit_that_nobody_has_any_more_leaves_no_file_open(tmp_path: Path) -> None:
    pacer = SharedRateLimit(tmp_path / "limit.sqlite").limiter()
    connection = pacer._connection
    assert connection is not None
    del pacer
    gc.collect()
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        connection.execute("SELECT 1")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
def test_a_fork_does_not_wait_for_pages_that_its_parent_fetches() -> None:
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
