"""A rate limit that processes share through a file."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

import vox_calls
from faulty import HISTORY
from vox_calls import AsyncClient, Client, ConfigurationError
from vox_calls.toolkit import Waiter
from vox_calls_tools import shared_rate_limit
from vox_calls_tools.sandbox import Sandbox, Settings, make_key
from vox_calls_tools.shared_rate_limit import SharedRateLimit

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


def test_a_429_of_one_process_pauses_the_others(tmp_path: Path) -> None:
    limit = SharedRateLimit(tmp_path / "limit.sqlite")
    one, other = limit.limiter(), limit.limiter()
    assert one.acquire(0.0, Waiter()) == 0.0
    one.release(0.0)
    one.hold(7.0, 0.0)
    assert 6.0 < other.acquire(0.0, Waiter()) <= 7.0


IN_FLIGHT = """
import sys
from vox_calls.toolkit import Waiter
from vox_calls_tools.shared_rate_limit import SharedRateLimit

limiter = SharedRateLimit(sys.argv[1]).limiter()
print(sum(limiter.acquire(0.0, Waiter()) == 0.0 for _ in range(5)), flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("is_reaped", [True, False])
def test_a_killed_process_stalls_nobody(tmp_path: Path, is_reaped: bool) -> None:
    path = tmp_path / "limit.sqlite"
    command = [sys.executable, "-c", IN_FLIGHT, str(path)]
    later = SharedRateLimit(path).limiter()
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as sender:
        assert sender.stdout is not None
        assert sender.stdout.readline() == "5\n"
        time.sleep(1.2)
        assert later.acquire(0.0, Waiter()) > 0.0
        sender.kill()
        if is_reaped:
            sender.wait()
        else:
            os.waitid(os.P_PID, sender.pid, os.WEXITED | os.WNOWAIT)
        died = time.monotonic()
        while (wait := later.acquire(0.0, Waiter())) > 0:
            time.sleep(wait)
        assert time.monotonic() - died < 1.5


@pytest.mark.parametrize("jump", [-3_600.0, 3_600.0])
def test_a_jump_of_the_clock_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jump: float) -> None:
    now = time.time()
    limit = SharedRateLimit(tmp_path / "limit.sqlite", per_second=5, per_minute=6)
    one, other = limit.limiter(), limit.limiter()
    assert [one.acquire(0.0, Waiter()) for _ in range(5)] == [0.0] * 5
    for _ in range(5):
        one.release(0.0)
    monkeypatch.setattr(time, "time", lambda: now + jump)
    assert 0.5 < other.acquire(0.0, Waiter()) <= 1.0


@pytest.mark.parametrize("held", ["rows", "file"])
def test_a_held_file_never_blocks_the_event_loop(tmp_path: Path, sandbox: Sandbox, held: str) -> None:
    path = tmp_path / "limit.sqlite"
    limit = SharedRateLimit(path)
    limit.limiter()
    gaps = []

    async def tick(done: asyncio.Event) -> None:
        while not done.is_set():
            began = time.monotonic()
            await asyncio.sleep(0.005)
            gaps.append(time.monotonic() - began)

    async def read() -> int:
        done = asyncio.Event()
        ticking = asyncio.create_task(tick(done))
        async with AsyncClient(sandbox.api_key, base_url=sandbox.base_url, rate_limit=limit) as client:
            holder = sqlite3.connect(path, isolation_level=None)
            holder.execute("BEGIN EXCLUSIVE" if held == "file" else "BEGIN IMMEDIATE")
            asyncio.get_running_loop().call_later(1.0, holder.close)
            count = len([call async for call in client.list_calls(max_items=300)])
        done.set()
        await ticking
        return count

    began = time.monotonic()
    assert asyncio.run(read()) == 300
    assert time.monotonic() - began > 1.0
    assert max(gaps) < 0.25


def test_a_file_that_stays_held_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_rate_limit, "_PATIENCE", 0.1)
    limiter = SharedRateLimit(tmp_path / "limit.sqlite").limiter()
    with closing(sqlite3.connect(tmp_path / "limit.sqlite", isolation_level=None)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        assert limiter.acquire(0.0, Waiter()) > 0.0
        time.sleep(0.11)
        with pytest.raises(ConfigurationError, match="database is locked"):
            limiter.acquire(0.0, Waiter())


def test_an_answer_is_noted_once_the_file_is_free(tmp_path: Path) -> None:
    path = tmp_path / "limit.sqlite"
    limiter = SharedRateLimit(path).limiter()
    assert limiter.acquire(0.0, Waiter()) == 0.0
    with closing(sqlite3.connect(path, isolation_level=None)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        limiter.release(0.0)
        limiter.hold(7.0, 0.0)
    assert 6.0 < limiter.acquire(0.0, Waiter()) <= 7.0
    with closing(sqlite3.connect(path)) as file:
        assert file.execute("SELECT count(*) FROM sent WHERE answered IS NULL").fetchone() == (0,)


@pytest.mark.parametrize("path", ["/", "/dev/null/x.sqlite"])
def test_an_unusable_limit_file_is_reported(path: str) -> None:
    with pytest.raises(ConfigurationError, match="shared rate limit"):
        Client("key", rate_limit=SharedRateLimit(path))


def test_a_shared_limit_counts_from_the_response(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1_000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    pacer = SharedRateLimit(tmp_path / "limit.sqlite", per_second=1, per_minute=120).limiter()
    assert pacer.acquire(0.0, Waiter()) == 0.0
    now[0] += 5.0
    pacer.release(0.0)
    assert pacer.acquire(0.0, Waiter()) == pytest.approx(1.0)
    now[0] += 1.0
    assert pacer.acquire(0.0, Waiter()) == 0.0


FORKED = """
import os, sys, threading, time
from vox_calls.toolkit import Waiter
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
    while (wait := pacer.acquire(0.0, Waiter())) > 0:
        time.sleep(wait)
    os._exit(0)
thread.join()
assert os.waitstatus_to_exitcode(os.wait()[1]) == 0
assert pacer.acquire(0.0, Waiter()) > 0, "the child's request does not count"
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
def test_a_shared_limit_survives_a_fork_in_a_transaction(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    subprocess.run([sys.executable, "-c", FORKED], cwd=tmp_path, check=True, timeout=20)
    assert not list((tmp_path / "elsewhere").iterdir())


def test_a_shared_limit_has_a_limit_and_a_repr(tmp_path: Path) -> None:
    limit = SharedRateLimit(tmp_path / "limit.sqlite", per_second=2, per_minute=60)
    assert limit.limit == vox_calls.RateLimit(per_second=2, per_minute=60)
    assert repr(limit) == f"SharedRateLimit({str(limit.path)!r}, {limit.limit!r})"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
def test_a_forked_child_does_not_release_the_parents_request(tmp_path: Path) -> None:
    limit = SharedRateLimit(tmp_path / "limit.sqlite", per_second=1, per_minute=1)
    code = f"""
import os
from vox_calls.toolkit import Waiter
from vox_calls_tools.shared_rate_limit import SharedRateLimit
limiter = SharedRateLimit({str(limit.path)!r}, per_second=1, per_minute=1).limiter()
assert limiter.acquire(0.0, Waiter()) == 0.0
if os.fork() == 0:
    limiter.release(0.0)
    os._exit(0)
assert os.wait()[1] == 0
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
    with closing(sqlite3.connect(limit.path)) as file:
        assert file.execute("SELECT count(*) FROM sent WHERE answered IS NULL").fetchone() == (1,)
