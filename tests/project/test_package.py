"""The check of the package finds planted faults."""

from __future__ import annotations

import importlib
import importlib.metadata
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import vox_calls
from check_package import FILES, FOLDERS, MADE_HERE, NEED_EXTRAS, PUBLIC
from contract import ROOT


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of what goes into the sdist."""
    for name in FOLDERS:
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns(*MADE_HERE))
    for path in (*(ROOT / name for name in FILES), *ROOT.glob("*.md")):
        shutil.copy(path, tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        (
            "[tool.hatch.build.targets.wheel]\n",
            '[tool.hatch.build.targets.wheel]\nexclude = ["contract.json"]\n',
            "lacks vox_calls_raw/contract.json",
        ),
        (
            'only-include = ["overlay/vox_calls", ',
            'only-include = ["tests", "overlay/vox_calls", ',
            "stray tests/project/test_package.py",
        ),
        ('  "/openapi",\n', "", "lacks vox_calls_tools/sandbox/conformance/retries.json"),
        ('  "/scripts",\n', "", "lacks scripts/generate.py"),
        ('  "/docs",\n', "", "lacks docs/ko/filters.md"),
        ('keywords = ["vox.ai", ', 'keywords = []\n_ = ["vox.ai", ', "has no keywords"),
        ("\nChangelog = ", "\nHistory = ", "no URLs of documentation, source and changelog"),
        ("(?!https?://|#)", "(?!https?://|#|CONTRIB)", "lead nowhere from an index: ['](CONTRIBUTING.md)']"),
    ],
)
def test_a_planted_packaging_fault_is_named(copy: Path, old: str, new: str, named: str) -> None:
    project = copy / "pyproject.toml"
    text = project.read_text(encoding="utf-8")
    assert text.count(old) == 1
    project.write_text(text.replace(old, new), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, copy / "scripts" / "check_package.py", copy / "dist"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert named in done.stderr


def test_every_public_module_has_a_valid_all() -> None:
    assert set(PUBLIC) >= NEED_EXTRAS
    for name in PUBLIC:
        module = importlib.import_module(name)
        assert [public for public in module.__all__ if not hasattr(module, public)] == []


def test_the_version_is_that_of_the_installed_package() -> None:
    assert vox_calls.__version__ == importlib.metadata.version("vox-calls")
