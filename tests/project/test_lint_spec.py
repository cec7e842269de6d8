"""The contract is linted with Node.js; without it, a message says so."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from contract import ROOT


def lint(root: Path, path: str) -> subprocess.CompletedProcess[str]:
    script = root / "scripts" / "lint_spec.py"
    return subprocess.run(
        [sys.executable, script], env=os.environ | {"PATH": path}, capture_output=True, text=True, check=False
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    (tmp_path / "scripts").mkdir()
    (tmp_path / "openapi").mkdir()
    shutil.copy(ROOT / "scripts" / "lint_spec.py", tmp_path / "scripts")
    shutil.copy(ROOT / "openapi" / "calls.yaml", tmp_path / "openapi")
    return tmp_path


def test_without_node_linting_is_skipped_with_a_message(tmp_path: Path) -> None:
    done = lint(ROOT, str(tmp_path))
    assert done.returncode == 0
    assert done.stdout.splitlines() == [
        "calls.yaml is valid OpenAPI 3.1",
        "skipped: @redocly/cli@2.77.0, for there is no Node.js here",
    ]


def test_an_invalid_openapi_document_is_reported(copy: Path, tmp_path: Path) -> None:
    contract = copy / "openapi" / "calls.yaml"
    contract.write_text(contract.read_text(encoding="utf-8").replace("operationId:", "operationID:"), encoding="utf-8")
    done = lint(copy, str(tmp_path))
    assert done.returncode == 1
    assert "not valid OpenAPI 3.1" in done.stdout


needs_node = pytest.mark.skipif(shutil.which("npx") is None, reason="there is no Node.js here")


@needs_node
@pytest.mark.parametrize(
    ("without", "minded"),
    [
        ("security:\n  - organisationKey: []\n", "security-defined"),
        ("    description: The call history of an organisation.\n", "tag-description"),  # only a warning
    ],
)
def test_with_node_a_linter_finding_fails(copy: Path, without: str, minded: str) -> None:
    contract = copy / "openapi" / "calls.yaml"
    text = contract.read_text(encoding="utf-8")
    assert without in text
    contract.write_text(text.replace(without, "", 1), encoding="utf-8")
    done = lint(copy, os.environ["PATH"])
    assert done.returncode == 1
    assert minded in done.stdout


@needs_node
def test_an_unavailable_linter_is_reported_in_one_line(
    copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9")
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "cache"))
    monkeypatch.setenv("npm_config_fetch_retries", "0")
    done = lint(copy, os.environ["PATH"])
    assert done.returncode == 1
    assert "could not be run, so nobody linted calls.yaml: npm error code ECONNREFUSED" in done.stdout
