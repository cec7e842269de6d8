"""What has to hold is what the continuous integration runs, and the drift is looked for every week."""

from __future__ import annotations

import re
from typing import Any

import yaml

from contract import ROOT

MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


def workflow(name: str) -> dict[str, Any]:
    text = (ROOT / ".github" / "workflows" / name).read_text(encoding="utf-8")
    # A key `on` is a boolean to YAML 1.1; in quotes it is what it is to GitHub.
    loaded: dict[str, Any] = yaml.safe_load(re.sub("^on:", '"on":', text, flags=re.MULTILINE))
    return loaded


def runs(name: str) -> list[dict[str, Any]]:
    return [step for job in workflow(name)["jobs"].values() for step in job["steps"] if "run" in step]


def test_ci_is_everything_that_has_to_hold() -> None:
    (targets,) = re.findall(r"^ci: (.*?)  ##", MAKEFILE, re.MULTILINE)
    assert targets.split() == ["lint", "lint-spec", "types", "check-generated", "package", "demo", "test"]
    (step,) = runs("ci.yml")
    assert step["run"] == "make ci"
    assert {"push", "pull_request"} <= set(workflow("ci.yml")["on"])
    assert (ROOT / ".ci" / "run").read_text(encoding="utf-8").rstrip().endswith("make ci")


def test_drift_is_looked_for_every_week_with_the_key_and_the_document() -> None:
    assert re.fullmatch(r"\d+ \d+ \* \* \d", workflow("drift.yml")["on"]["schedule"][0]["cron"])
    (step,) = runs("drift.yml")
    assert step["run"] == "make doctor"
    assert set(step["env"]) == {"VOX_API_KEY", "DOCUMENT"}
    assert "$(DOCUMENT)" in MAKEFILE


def test_each_check_does_what_it_is_called() -> None:
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
