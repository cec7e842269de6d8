"""The workflows run every check, and look for drift every week."""

from __future__ import annotations

import re
import tomllib
from typing import Any

import yaml

from contract import ROOT

MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


def workflow(name: str) -> dict[str, Any]:
    text = (ROOT / ".github" / "workflows" / name).read_text(encoding="utf-8")
    # YAML 1.1 reads an unquoted `on` as a boolean; GitHub does not.
    loaded: dict[str, Any] = yaml.safe_load(re.sub("^on:", '"on":', text, flags=re.MULTILINE))
    return loaded


def runs(name: str, job: str) -> list[dict[str, Any]]:
    return [step for step in workflow(name)["jobs"][job]["steps"] if "run" in step]


def test_make_ci_runs_every_check() -> None:
    (targets,) = re.findall(r"^ci: (.*?)  ##", MAKEFILE, re.MULTILINE)
    assert targets.split() == ["lint", "lint-spec", "types", "check-generated", "package", "demo", "test"]
    assert [step["run"] for step in runs("ci.yml", "everything")] == ["make ci"]
    assert {"push", "pull_request", "schedule"} <= set(workflow("ci.yml")["on"])
    assert (ROOT / ".ci" / "run").read_text(encoding="utf-8").rstrip().endswith("make ci")


def test_ci_runs_the_slow_targets_too() -> None:
    slow = workflow("ci.yml")["jobs"]["slow"]
    assert slow["strategy"]["matrix"]["target"] == ["coverage", "test-wheel", "test-lowest"]
    assert all(f"\n{target}:" in MAKEFILE for target in slow["strategy"]["matrix"]["target"])
    (step,) = runs("ci.yml", "slow")
    assert (step["run"], step["env"]) == ('make "$TARGET"', {"TARGET": "${{ matrix.target }}"})
    installs = [step["run"] for step in runs("ci.yml", "elsewhere") if "--requirement" in step["run"]]
    assert all("--no-deps --require-hashes" in command for command in installs)
    assert "python scripts/check_environment.py scripts/requirements.lock" in [
        step["run"] for step in runs("ci.yml", "elsewhere")
    ]
    named = re.findall(r"tests/\w+/test_\w+\.py", runs("ci.yml", "elsewhere")[-1]["run"])
    assert named
    assert all((ROOT / name).is_file() for name in named)


def test_ci_runs_every_supported_python() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    said = re.findall(r"Python :: (3\.\d+)", "\n".join(project["classifiers"]))
    assert workflow("ci.yml")["jobs"]["everything"]["strategy"]["matrix"]["python"] == said
    assert project["requires-python"] == f">={said[0]}"


def test_a_release_is_attested_and_published_without_token() -> None:
    assert workflow("release.yml")["on"] == {"push": {"tags": ["v*"]}}
    jobs = workflow("release.yml")["jobs"]
    assert jobs["everything"]["uses"] == "$/.github/workflows/ci.yml"
    assert "workflow_call" in workflow("ci.yml")["on"]
    assert [step["run"] for step in runs("release.yml", "build")] == [
        'make check-release TAG="$GITHUB_REF_NAME"',
        "make package",
    ]
    assert [jobs[name]["needs"] for name in ("attest", "publish", "announce")] == [
        ["everything", "build"],
        "attest",
        "publish",
    ]
    assert uses(jobs["attest"]) == ["actions/download-artifact", "actions/attest-build-provenance"]
    assert uses(jobs["publish"]) == ["actions/download-artifact", "pypa/gh-action-pypi-publish"]
    publish = jobs["publish"]["steps"][1]
    assert "with" not in publish, "trusted publishing needs neither token nor option"
    assert "env" not in publish
    (announce,) = runs("release.yml", "announce")
    assert announce["run"].startswith('gh release create "$GITHUB_REF_NAME" dist/*')


def test_privileged_jobs_run_no_code_of_the_repository() -> None:
    able = {
        name: job for name, job in workflow("release.yml")["jobs"].items() if "write" in job["permissions"].values()
    }
    assert {name: set(job["permissions"]) for name, job in able.items()} == {
        "attest": {"id-token", "attestations"},
        "publish": {"id-token"},
        "announce": {"contents"},
    }
    for job in able.values():
        assert "actions/checkout" not in uses(job)
        assert all(step["run"].startswith("gh ") for step in job["steps"] if "run" in step)


def uses(job: dict[str, Any]) -> list[str]:
    return [step["uses"].partition("@")[0] for step in job["steps"] if "uses" in step]


def test_every_action_is_pinned() -> None:
    for path in (ROOT / ".github" / "workflows").iterdir():
        for used in re.findall(r"uses: (?!\$/)(.*)", path.read_text(encoding="utf-8")):
            assert re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", used), f"{path.name}: {used}"


def test_pre_commit_runs_targets_of_the_makefile() -> None:
    (repository,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
    assert repository["repo"] == "local"
    entries = [hook["entry"] for hook in repository["hooks"]]
    (targets,) = re.findall(r"^ci: (.*?)  ##", MAKEFILE, re.MULTILINE)
    assert entries == [f"make {target}" for target in ("lint", "lint-spec", "types", "check-generated")]
    assert {entry.removeprefix("make ") for entry in entries} < set(targets.split())


def test_drift_is_checked_weekly_with_key_and_document() -> None:
    assert re.fullmatch(r"\d+ \d+ \* \* \d", workflow("drift.yml")["on"]["schedule"][0]["cron"])
    (step,) = runs("drift.yml", "doctor")
    assert step["run"] == "make doctor"
    assert set(step["env"]) == {"VOX_API_KEY", "DOCUMENT"}
    assert "$(DOCUMENT)" in MAKEFILE


def test_each_make_target_runs_its_command() -> None:
    recipes = dict(re.findall(r"^([a-z-]+):.*##.*\n((?:\t.*\n)+)", MAKEFILE, re.MULTILINE))
    for target, command in {
        "lint": "ruff check $(CODE)",
        "types": "mypy $(CODE)",
        "lint-spec": "lint_spec.py",
        "check-generated": "generate.py --check",
        "package": "check_package.py dist",
        "demo": "demo.py",
        "test": "-m pytest",
    }.items():
        assert command in recipes[target], target
    assert "check-jsonschema" in recipes["lint"]
    assert "zizmor" in recipes["lint"]
