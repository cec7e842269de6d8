"""Schemathesis finds no response of the sandbox outside the contract."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from uuid import UUID

import pytest

from conftest import NOW
from contract import ROOT
from vox_calls_tools.sandbox import Sandbox, Settings, app, make_key, parameters, synthetic_calls


def run(sandbox: Sandbox, folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run every check of Schemathesis with a fixed seed, writing its files to `folder`."""
    return subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "run", ROOT / "openapi" / "calls.yaml"),
            *("--url", sandbox.base_url, "--header", f"Authorization: Bearer {sandbox.api_key}"),
            *("--checks", "all", "--generation-deterministic", "--no-color"),
            *("--continue-on-failure", *options),
        ],
        cwd=folder,
        env=os.environ
        | {
            "SCHEMATHESIS_HOOKS": "schemathesis_hooks",
            "PYTHONPATH": str(ROOT / "tests"),
            "VOX_BASE_URL": sandbox.base_url,
            "VOX_API_KEY": sandbox.api_key,
        },
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_sandbox_answers_as_the_contract_says(sandbox: Sandbox, tmp_path: Path) -> None:
    done = run(sandbox, tmp_path, "--max-examples", "100")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "No issues found" in done.stdout


def test_schemathesis_notices_a_broken_sandbox(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    calls = [{**call, "opt_out_sensitive_data_storage": "no"} for call in synthetic_calls(50, seed=1, until=NOW)]
    monkeypatch.setattr(app, "_authenticate", lambda *_: None)
    monkeypatch.setattr(parameters, "MAX_LIMIT", 1_000)
    monkeypatch.setattr(parameters, "_LARGEST", 10**18)
    monkeypatch.setitem(
        vars(parameters)["FILTERS"], "agent_id", lambda _, values: [str(UUID(value)) for value in values]
    )
    with Sandbox(calls, settings=Settings(make_key(), windows=())) as broken:
        done = run(broken, tmp_path, "--phases", "coverage", "--no-shrink")
    assert done.returncode == 1
    told = set(re.findall(r"- (ST\d+ .*)", done.stdout))
    assert told >= {
        "ST101 Server error",
        "ST108 Response violates schema",
        "ST201 Schema-violating request accepted",
        "ST202 Schema-valid request rejected",
        "ST401 API accepts requests without authentication",
    }
