"""The demo shows calls and leaves no process running."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from contract import ROOT

DEMO = ROOT / "scripts" / "demo.py"
MARK = "VOX_CALLS_DEMO_UNDER_TEST"


@contextmanager
def demo(**environment: str) -> Iterator[subprocess.Popen[str]]:
    # Every child inherits the mark, and is found by it.
    mark = f"{os.getpid()}-{time.monotonic_ns()}"
    with subprocess.Popen(
        [sys.executable, DEMO],
        env=os.environ | {MARK: mark} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        yield process
    assert running(mark) == []


def running(mark: str) -> list[str]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if f"{MARK}={mark}".encode() in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_text())
        except OSError:
            continue  # ended meanwhile, or of another user
    return found


def test_the_demo_shows_calls_with_totals() -> None:
    with demo() as process:
        out, err = process.communicate()
    assert process.returncode == 0, err
    lines = out.splitlines()
    assert "listens on http://127.0.0.1:" in lines[0]
    assert sum("\tcall_transfer\t" in line for line in lines) == 20
    assert err.splitlines()[1].startswith("20 of ")


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_demo_ends_quietly(tmp_path: Path, sent: signal.Signals) -> None:
    (tmp_path / "typer.py").write_text("import time\ntime.sleep(60)")  # still running when the signal arrives
    with demo(PYTHONPATH=str(tmp_path)) as process:
        assert process.stdout is not None
        while not process.stdout.readline().startswith("$"):
            pass
        process.send_signal(sent)
        out, err = process.communicate()
    assert (process.returncode, out, err) == (130, "", "")


def test_the_demo_fails_when_the_command_fails(tmp_path: Path) -> None:
    (tmp_path / "rich.py").write_text("raise ModuleNotFoundError('no rich', name='rich')")
    with demo(PYTHONPATH=str(tmp_path)) as process:
        _, err = process.communicate()
    assert process.returncode == 2
    assert err.count("\n") == 1
