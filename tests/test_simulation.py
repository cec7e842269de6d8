"""Whatever happens on the way, every call comes once, or an error says where to go on from."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import simulation
from broken_rules import break_copy
from contract import ROOT

SEEDS = 400
CHUNK = 50


@pytest.mark.parametrize("first", range(0, SEEDS, CHUNK))
def test_a_history_is_read_whole_whatever_happens(first: int, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("ERROR", "vox_calls")  # the server has a status that nobody knows
    plans = [simulation.Plan.of(seed) for seed in range(first, first + CHUNK)]
    assert simulation.main(first, first + CHUNK - 1) == 0
    assert len({(plan.size, plan.faults, plan.retries) for plan in plans}) > CHUNK / 3


@pytest.mark.parametrize("rule", ["PAGE-1", "PAGE-4", "PAGE-5", "PAGE-6", "PAGE-12", "RETRY-7", "PACE-1", "PACE-4"])
def test_a_client_that_breaks_a_rule_does_not_get_through(rule: str, tmp_path: Path) -> None:
    path = f"{break_copy(rule, tmp_path)}:{ROOT / 'generated'}"
    done = subprocess.run(
        [sys.executable, "-B", ROOT / "tests" / "simulation.py", "0", "200"],
        env={"PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "fails. Again: python tests/simulation.py" in done.stdout
