"""Simulated histories: every call is yielded once, or an error has the cursor to resume from."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import fuzz
import simulation
from broken_rules import break_copy
from contract import ROOT

SEEDS = 400
CHUNK = 50
FUZZED = 2_000


@pytest.mark.parametrize("first", range(0, SEEDS, CHUNK))
def test_a_simulated_history_is_read_completely(first: int, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("ERROR", "vox_calls")  # the server sends an unknown status
    assert simulation.main(first, first + CHUNK - 1) == 0


@pytest.mark.parametrize("first", range(0, FUZZED, FUZZED // 4))
def test_odd_input_raises_only_errors_of_ours(first: int, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("ERROR", "vox_calls")
    assert fuzz.main(first, first + FUZZED // 4 - 1) == 0


@pytest.mark.parametrize(
    "rule", ["PAGE-1", "PAGE-4", "PAGE-5", "PAGE-6", "PAGE-12", "PAGE-14", "RETRY-3", "RETRY-4", "RETRY-7", "PACE-1"]
)
def test_the_simulation_catches_a_broken_client(rule: str, tmp_path: Path) -> None:
    path = f"{break_copy(rule, tmp_path)}{os.pathsep}{ROOT / 'generated'}"
    done = subprocess.run(
        [sys.executable, "-B", ROOT / "tests" / "simulation.py", "0", "500"],
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "fails. Again: python tests/simulation.py" in done.stdout
