"""Export in a terminal: progress bar, colours, Ctrl-C and control characters in names."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from exporting import COMMAND, environment_of, export, in_a_terminal
from vox_calls_tools.export import read_csv
from vox_calls_tools.sandbox import Sandbox, Settings, make_key
from vox_calls_tools.sandbox.faults import Script, Step

FEW = 700
COLOUR = re.compile(rb"\x1b\[[0-9;]*3[0-9][0-9;]*m")


@pytest.fixture(scope="module")
def few(calls: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return calls[:FEW]


def test_the_progress_bar_shows_rate_limit_pauses(few: list[dict[str, Any]], tmp_path: Path) -> None:
    with Sandbox(few, settings=Settings(make_key())) as box:
        command = [str(COMMAND), "export", str(tmp_path / "calls.csv")]
        status, shown = in_a_terminal(command, environment_of(box, TERM="xterm-256color", COLUMNS="120"))
    assert status == 0
    text = re.sub(rb"\x1b\[[0-9;?]*[a-zA-Z]", b"", shown).decode()
    assert re.search(r"\d00 of 700 calls, [\d,]+/s, 0:0\d left", text)
    assert "━" in text
    assert COLOUR.search(shown)
    assert "700 calls in " in text


def test_no_color_is_respected(sandbox: Sandbox, tmp_path: Path) -> None:
    command = [str(COMMAND), "export", str(tmp_path / "calls.csv"), "--no-rate-limit"]
    _, shown = in_a_terminal(command, environment_of(sandbox, TERM="xterm-256color", NO_COLOR="1"))
    assert b"3,000 calls" in shown
    assert not COLOUR.search(shown)


def test_ctrl_c_prints_a_command_that_resumes(few: list[dict[str, Any]], tmp_path: Path) -> None:
    file = tmp_path / "a b.csv"
    with Sandbox(few, settings=Settings(make_key(), windows=(), latency=0.2)) as slow:
        command = [str(COMMAND), "export", str(file), "--no-rate-limit", "--since", "3650d"]
        environment = environment_of(slow, TERM="xterm", PATH=f"{COMMAND.parent}:{os.environ['PATH']}")
        status, shown = in_a_terminal(command, environment, until=b"200 of 700")
        assert status == 130
        text = shown.decode()
        assert "vox-calls: interrupted" in text
        again = text.partition("resume with: ")[2].strip()
        assert again == f"vox-calls export '{file}' --resume --no-rate-limit"
        assert not file.exists()
        subprocess.run(["/bin/sh", "-c", again], env=environment, check=True, capture_output=True)
    assert sorted(str(row["id"]) for row in read_csv(file)) == sorted(call["id"] for call in few)


def test_control_characters_in_a_name_are_shell_quoted(few: list[dict[str, Any]], tmp_path: Path) -> None:
    file = tmp_path / "a\x1b[31m'b.jsonl"
    with Sandbox(few, settings=Settings(make_key(), windows=(), faults=Script([None, Step(status=403)]))) as box:
        failed = export(box, file)
        assert (failed.returncode, "\x1b" in failed.stderr) == (1, False)
        again = failed.stderr.partition("resume with: ")[2]
        environment = environment_of(box, PATH=f"{COMMAND.parent}:{os.environ['PATH']}")
        subprocess.run(["/bin/bash", "-c", again], env=environment, check=True, capture_output=True)
    assert len(file.read_text("utf-8").splitlines()) == FEW
