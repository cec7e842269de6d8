"""Every fact of the contract has evidence, and no evidence is about anything else."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

import pytest

from contract import ROOT, parameters, spec
from vox_calls.timestamps import _MILLISECONDS_DIGITS, _SECONDS_DIGITS
from vox_calls.toolkit import DEFAULT_RATE_LIMIT
from vox_calls_tools.drift import elements
from vox_calls_tools.drift.document import Element

EVIDENCE = (ROOT / "openapi" / "evidence.md").read_text(encoding="utf-8")
# The level of a fact follows from its source.
LEVELS = {
    "page": "documented",
    "lists": "documented",
    "schema": "published",
    "report": "observed",
    "script": "assumed",
    "ours": "assumed",
}


def tables() -> Iterator[tuple[str, list[str]]]:
    """Each row of each table, with the heading of its first column."""
    kind = ""
    for line in EVIDENCE.splitlines():
        if not line.startswith("| "):
            continue
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if cells[-3:] == ["level", "source", "date"]:
            kind = cells[0]
        else:
            yield kind, cells


def said(element: Element) -> set[str]:
    """The facts of an element, in the words of the evidence."""
    facts = dict(element.facts)
    words = {"listed"} if element.kind == "answer" else set()
    if element.kind == "parameter":
        words.add("the name")
    kind, form = facts.pop("type", None), facts.pop("format", None)
    if kind:
        words.add(f"type {kind} ({form})" if form else f"type {kind}")
    words |= {name for name in [*facts] if facts[name] is True and facts.pop(name)}
    lists = {f"{name} {', '.join(facts.pop(name))}" for name in [*facts] if isinstance(facts[name], list)}
    return words | lists | {f"{name} {value}" for name, value in facts.items()}


CONTRACT = {name: said(element) for name, element in elements(spec()).items()}


def evidence() -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for kind, cells in tables():
        if kind != "fact":
            found[f"{kind} {cells[0]}"] += cells[1].replace("\\|", "|").split("; ")
    return found


@pytest.mark.parametrize("name", CONTRACT)
def test_every_fact_of_the_contract_has_evidence(name: str) -> None:
    assert sorted(evidence()[name]) == sorted(CONTRACT[name])


def test_no_evidence_is_about_an_unknown_element() -> None:
    assert set(evidence()) == set(CONTRACT)


def test_client_limits_match_the_evidence() -> None:
    limit = DEFAULT_RATE_LIMIT
    assert f"| {limit.per_second} requests a second and {limit.per_minute} a minute for a key | assumed |" in EVIDENCE
    for digits in (_SECONDS_DIGITS, _MILLISECONDS_DIGITS):
        assert digits[0] + 1 == digits[1]
    seconds = " or ".join(map(str, _SECONDS_DIGITS))
    assert f"{seconds} digits are taken as seconds | documented |" in EVIDENCE


def test_each_source_is_explained() -> None:
    assert re.findall(r"^- \*(\w+)\*:", EVIDENCE, re.MULTILINE) == list(LEVELS)


def test_every_row_has_a_level_a_source_and_a_date() -> None:
    rows = list(tables())
    assert len(rows) > 80
    for _, cells in rows:
        assert cells[-3] == LEVELS[cells[-2].split(":")[0]], cells
        assert re.fullmatch(r"20\d\d-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?", cells[-1]), cells


def test_published_parameters_are_marked() -> None:
    marked = {name for name, parameter in parameters().items() if parameter.get("x-published")}
    assert marked == {
        cells[0] for kind, cells in tables() if kind == "parameter" and cells[1:3] == ["the name", "published"]
    }
