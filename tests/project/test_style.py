"""Names of tests: short enough to read, and never twice in a file."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

import pytest

from contract import ROOT

FILES = sorted((ROOT / "tests").glob("*/test_*.py"))
LONGEST_NAME = 60


def names_of_tests(source: str) -> list[str]:
    functions = [
        node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    return [function.name for function in functions if function.name.startswith("test_")]


def too_long(names: list[str]) -> list[str]:
    return [name for name in names if len(name) > LONGEST_NAME]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_names_of_tests_are_short_and_unique(path: Path) -> None:
    names = names_of_tests(path.read_text(encoding="utf-8"))
    assert too_long(names) == [], f"at most {LONGEST_NAME} characters, the behaviour, not a sentence"
    assert [name for name, times in Counter(names).items() if times > 1] == []


def test_names_of_test_files_are_unique() -> None:
    assert [name for name, times in Counter(path.name for path in FILES).items() if times > 1] == []


def test_a_name_that_is_too_long_is_found() -> None:
    source = f"def test_{'x' * 55}(): ...\nclass Tests:\n    async def test_{'y' * 56}(self): ...\n"
    assert too_long(names_of_tests(source)) == [f"test_{'y' * 56}"]
