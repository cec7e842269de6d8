"""Every exemption from a check has a reason beside it."""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterator

import pytest

from contract import ROOT

EXEMPT = re.compile(r"#\s*(noqa|type:\s*ignore|pragma|pyright:|pyrefly:|ruff:|mypy:|zizmor:|fmt:)", re.IGNORECASE)
WITH_REASON = re.compile(
    r"# noqa: [A-Z]+[0-9]+(, ?[A-Z]+[0-9]+)* - \S.*"
    r"|# type: ignore\[[a-z-]+(, ?[a-z-]+)*\] # \S.*"
)
FILES = [path for folder in ("overlay", "scripts", "tests") for path in sorted((ROOT / folder).rglob("*.py"))]
WORKFLOWS = sorted((ROOT / ".github").rglob("*.yml"))


def without_reason(source: str) -> Iterator[str]:
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT and EXEMPT.search(token.string) and not WITH_REASON.fullmatch(token.string):
            yield f"{token.start[0]}: {token.line.strip()}"


def test_every_exemption_in_code_has_a_reason() -> None:
    found = [f"{path.relative_to(ROOT)}:{one}" for path in FILES for one in without_reason(path.read_text("utf-8"))]
    assert found == []


def test_no_workflow_is_exempt() -> None:
    assert [path.name for path in WORKFLOWS if "zizmor: ignore" in path.read_text(encoding="utf-8")] == []


@pytest.mark.parametrize(
    ("table", "keys"),
    [
        (r"tool\.ruff\.lint", ["ignore"]),
        (r"tool\.ruff\.lint\.per-file-ignores", ["tests/*", "scripts/*"]),
        (r"tool\.coverage\.report", ["exclude_also", "partial_also"]),
    ],
)
def test_every_exemption_in_configuration_has_a_reason(table: str, keys: list[str]) -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (body,) = re.findall(rf"^\[{table}\]\n(.*?)(?=^\[|\Z)", text, re.MULTILINE | re.DOTALL)
    for key in keys:
        (found,) = re.finditer(rf'^"?{re.escape(key)}"? = \[(.*?)\n?\](?: #[^\n]*)?$', body, re.MULTILINE | re.DOTALL)
        entries = found[1].strip().splitlines()
        for line in entries if "\n" in found[0] else [found[0]]:
            assert re.search(r" # +\S", line), f"{key}: {line.strip()}"


def test_every_mypy_override_has_a_reason() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    overrides = re.findall(r"^\[\[tool\.mypy\.overrides\]\]\n((?:.+\n)+)", text, re.MULTILINE)
    assert overrides
    for override in overrides:
        for line in override.splitlines()[1:]:
            assert re.search(r" # +\S", line), line


@pytest.mark.parametrize(
    ("comment", "fine"),
    [
        ("# noqa: S603 - its own command", True),
        ("# noqa: S603, S607 - its own command", True),
        ("# type: ignore[misc] # on purpose", True),
        ("# noqa: S603", False),
        ("# noqa", False),
        ("# type: ignore[misc]", False),
        ("# type: ignore # on purpose", False),
        ("# pragma: no cover", False),
    ],
)
def test_an_exemption_without_a_reason_is_found(comment: str, *, fine: bool) -> None:
    assert bool(list(without_reason(f"x = 1  {comment}\n"))) is not fine
