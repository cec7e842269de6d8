"""A test that exceeds its time limit ends, child processes included."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from contract import ROOT

STUBBORN_CHILD = """
import signal, subprocess, sys

def test_waits():
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
    with subprocess.Popen([sys.executable, "-c", code, {tag!r}]) as child:
        child.wait()
"""
STUBBORN_TEST = """
import time

def test_waits():
    while True:
        try:
            time.sleep(600)
        except BaseException:
            pass
"""


@pytest.mark.parametrize(("code", "told"), [(STUBBORN_CHILD, "Timeout"), (STUBBORN_TEST, "most recent call first")])
def test_a_hanging_test_ends_with_its_children(code: str, told: str, tmp_path: Path) -> None:
    tag = f"child-of-{tmp_path.name}"
    (tmp_path / "test_it.py").write_text(code.replace("{tag!r}", repr(tag)), encoding="utf-8")
    (tmp_path / "pytest.ini").write_text("[pytest]\ntimeout = 1\n", encoding="utf-8")
    started = time.monotonic()
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-p",
            "time_limit",
            "-p",
            "no:schemathesis",
            "-p",
            "no:cacheprovider",
            tmp_path,
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, "PYTHONPATH": str(ROOT / "tests"), "TEST_GRACE": "1"},
        cwd=tmp_path,
    )
    assert done.returncode == 1
    assert told in done.stdout + done.stderr
    assert time.monotonic() - started < 45
    assert not [found for found in psutil.process_iter(["cmdline"]) if tag in (found.info["cmdline"] or ())]
