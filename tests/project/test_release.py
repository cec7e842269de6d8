"""A tag is published only if its version, changelog and version step are right."""

from __future__ import annotations

import doctest
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import check_release
import compare_specs
from check_release import ReleaseError, check, last_tag
from contract import ROOT

CHANGELOG = "# Changelog\n\n## [Unreleased]\n\n## [{}] - 2026-11-24\n\n### Added\n"


def git(folder: Path, *arguments: str) -> None:
    own = [one for name in ("name=a", "email=a@example.com") for one in ("-c", f"user.{name}")]
    command = ["git", "-C", str(folder), *own, "-c", "commit.gpgsign=false", "-c", "tag.gpgsign=false", *arguments]
    subprocess.run(command, check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with today's contract tagged v1.2.3."""
    (tmp_path / "openapi").mkdir()
    shutil.copy(ROOT / "openapi" / "calls.yaml", tmp_path / "openapi")
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "-m", "first")
    for tag in ("v1.2.3", "v1.2.2", "v0.9.0"):
        git(tmp_path, "tag", tag)
    for module in (check_release, compare_specs):
        monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(check_release, "SPEC", tmp_path / "openapi" / "calls.yaml")
    return tmp_path


def edit(repository: Path, old: str, new: str) -> None:
    path = repository / "openapi" / "calls.yaml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


COMPATIBLE = ("enum: [queued, ", "enum: [queued, walked_in, ")
BREAKING = ("enum: [queued, ", "enum: [")


@pytest.mark.parametrize(
    ("change", "last", "version", "rejected"),
    [
        (None, "v1.2.3", "1.2.4", ""),
        (None, "v1.2.3", "2.0.0", ""),
        (COMPATIBLE, "v1.2.3", "1.2.4", "is a patch step, and the contract has changed by a minor one"),
        (COMPATIBLE, "v1.2.3", "1.3.0", ""),
        (BREAKING, "v1.2.3", "1.3.0", "is a minor step, and the contract has changed by a major one"),
        (BREAKING, "v1.2.3", "2.0.0", ""),
        (BREAKING, "v0.9.0", "0.9.1", "is a patch step, and the contract has changed by a minor one"),
        (BREAKING, "v0.9.0", "0.10.0", ""),
        (None, "v1.2.3", "1.2.5", r"the next version is one of v2\.0\.0, v1\.3\.0, v1\.2\.4"),
        (None, "v1.2.3", "1.2.3", "the next version is one of"),
        (BREAKING, None, "0.1.0", ""),
    ],
)
def test_the_version_step_fits_the_contract_change(
    repository: Path, change: tuple[str, str] | None, last: str | None, version: str, rejected: str
) -> None:
    if change:
        edit(repository, *change)
    arguments = f"v{version}", version, CHANGELOG.format(version), last
    if rejected:
        with pytest.raises(ReleaseError, match=rejected):
            check(*arguments)
    else:
        check(*arguments)


def test_tag_version_and_changelog_agree() -> None:
    for tag, version, changelog, rejected in (
        ("v1.2.4", "1.2.3", CHANGELOG.format("1.2.4"), "_version.py says 1.2.3"),
        ("", "1.2.4", CHANGELOG.format("1.2.4"), "^nothing is no tag of a version; write it like TAG=v1.2.0$"),
        ("1.2.4", "1.2.4", CHANGELOG.format("1.2.4"), "write it like TAG=v1.2.0"),
        ("v1.2.4rc1", "1.2.4rc1", CHANGELOG.format("1.2.4rc1"), "write it like TAG=v1.2.0"),
        ("v1.2.4", "1.2.4", CHANGELOG.format("1.2.3"), r"no section '## \[1\.2\.4\] - '"),
    ):
        with pytest.raises(ReleaseError, match=rejected):
            check(tag, version, changelog, "v1.2.3")


def test_the_last_tag_is_the_highest_before_it(repository: Path) -> None:
    assert last_tag("v1.2.3") == "v1.2.2"
    git(repository, "commit", "--quiet", "--allow-empty", "-m", "second")
    git(repository, "tag", "v1.10.0")
    for other in ("v2.0.0rc1", "v1", "video", "v1.02.0"):
        git(repository, "tag", other)
    assert last_tag("v1.10.0") == "v1.2.3"
    assert last_tag("v1.2.3") == "v1.2.2"
    with pytest.raises(ReleaseError, match="no tag v9"):
        last_tag("v9.0.0")


@pytest.mark.parametrize(
    ("tag", "told"), [("v99.0.0", "there is no tag v99.0.0 here"), ("", "write it like TAG=v1.2.0")]
)
def test_a_rejected_release_is_reported_in_one_line(tag: str, told: str) -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "check_release.py", tag], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert told in done.stderr


def test_doctests_of_check_release_pass() -> None:
    assert doctest.testmod(check_release).failed == 0
