"""Conformance: this client passes every case, and a client that breaks a rule fails one."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from broken_rules import BREAKS
from conformance import FOLDER, cases, check, files
from contract import ROOT

README = (FOLDER / "README.md").read_text(encoding="utf-8")
RULES = re.findall(r"^- \*\*([A-Z]+-\d+)\*\* ", README, re.MULTILINE)


@pytest.mark.parametrize("name", cases())
def test_a_case(name: str) -> None:
    check(cases()[name])


@pytest.mark.parametrize("name", files())
def test_a_case_file_matches_its_schema(name: str) -> None:
    schema = json.loads((FOLDER / "cases.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(files()[name], schema, cls=jsonschema.Draft202012Validator)


def test_every_case_id_is_unique() -> None:
    assert sum(len(content["cases"]) for content in files().values()) == len(cases()) >= 250


def test_cases_and_rules_refer_to_each_other() -> None:
    assert len(RULES) == len(set(RULES))
    assert {rule for case in cases().values() for rule in case["rules"]} == set(RULES)


def test_the_rules_are_numbered_without_gaps() -> None:
    for family in {rule.partition("-")[0] for rule in RULES}:
        numbers = [int(rule.partition("-")[2]) for rule in RULES if rule.partition("-")[0] == family]
        assert numbers == list(range(1, len(numbers) + 1)), family


def test_cases_mention_nothing_of_python() -> None:
    for name, content in files().items():
        assert not re.search(r"\b(None|True|False|datetime|Python)\b", json.dumps(content)), name


@pytest.fixture(scope="session")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the output of each rule's cases for a client that breaks it."""
    folder = tmp_path_factory.mktemp("broken")
    subprocess.run([sys.executable, ROOT / "tests" / "broken_rules.py", folder], check=True)
    return folder


def test_every_rule_is_broken_once() -> None:
    assert list(BREAKS) == RULES


@pytest.mark.parametrize("rule", RULES)
def test_a_client_that_breaks_a_rule_fails_a_case(rule: str, outputs: Path) -> None:
    result = (outputs / f"{rule}.txt").read_text(encoding="utf-8")
    assert re.search(r"^[1-9]\d* failed$", result, re.MULTILINE), f"{rule} was broken, and no case noticed:\n{result}"
    # Broken as intended, not by a syntax error.
    assert not re.search(r"NameError|ImportError|SyntaxError|UnboundLocalError", result), result
