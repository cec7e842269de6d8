"""Structure: the client is small and flat, its imports are plain, tools use only its public names."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import vox_calls
from contract import ROOT
from vox_calls import toolkit

CLIENT = ROOT / "overlay" / "vox_calls"
TOOLS = ROOT / "overlay" / "vox_calls_tools"
MOST_LINES = 3_170


def imports(tree: ast.AST) -> Iterator[str]:
    """The full name of each import."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def trespasses(source: str, *, of_client: bool) -> list[str]:
    """The forbidden imports of a module."""
    names = list(imports(ast.parse(source)))
    if of_client:
        return [name for name in names if name.startswith("vox_calls_tools")]
    return [
        name
        for name in names
        if name.partition(".")[0] == "vox_calls"
        and any(part.startswith("_") and part != "__version__" for part in name.split("."))
    ]


@pytest.mark.parametrize("path", sorted(CLIENT.glob("*.py")), ids=lambda path: path.stem)
def test_the_client_imports_no_tool(path: Path) -> None:
    assert trespasses(path.read_text(encoding="utf-8"), of_client=True) == []


@pytest.mark.parametrize("path", sorted(TOOLS.rglob("*.py")), ids=lambda path: str(path.relative_to(TOOLS)))
def test_tools_import_only_public_names(path: Path) -> None:
    assert trespasses(path.read_text(encoding="utf-8"), of_client=False) == []


@pytest.mark.parametrize(
    ("source", "of_client", "named"),
    [
        ("import vox_calls_tools.stats", True, "vox_calls_tools.stats"),
        ("def f():\n    from vox_calls_tools import export", True, "vox_calls_tools.export"),
        ("from vox_calls._decoding import parse_json", False, "vox_calls._decoding.parse_json"),
        ("from vox_calls import _fields", False, "vox_calls._fields"),
        ("from vox_calls.query import _uuid", False, "vox_calls.query._uuid"),
    ],
)
def test_a_forbidden_import_is_named(source: str, of_client: bool, named: str) -> None:
    assert trespasses(source, of_client=of_client) == [named]


def test_the_client_is_flat_and_small() -> None:
    assert [path.name for path in CLIENT.iterdir() if path.is_dir() and path.name != "__pycache__"] == []
    lines = sum(len(path.read_text(encoding="utf-8").splitlines()) for path in CLIENT.glob("*.py"))
    assert lines <= MOST_LINES


@pytest.mark.parametrize("path", sorted(CLIENT.glob("*.py")), ids=lambda path: path.stem)
def test_the_client_imports_plainly(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert not [name for name in imports(tree) if name.endswith("TYPE_CHECKING")]
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    assert not [name for function in functions for name in imports(function)]


def test_a_query_passes_few_modules_to_the_socket() -> None:
    script = ROOT / "scripts" / "trace_path.py"
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_public_names_are_unique_and_exist() -> None:
    for module in (vox_calls, toolkit):
        assert len(module.__all__) == len(set(module.__all__))
        assert all(hasattr(module, name) for name in module.__all__)
    assert len(vox_calls.__all__) <= 30


def test_first_use_under_a_frozen_clock_does_not_block() -> None:
    code = """
import time
import httpx, vox_calls
time.monotonic = lambda: 5.0  # as freezegun does it
pages = iter(range(6))
def answer(request):
    cursor = str(next(pages)) if len(requests) < 5 else None
    requests.append(request)
    return httpx.Response(200, json={"items": [], "total_count": 0, "next_cursor": cursor})
requests = []
client = vox_calls.Client("key", http_client=httpx.Client(transport=httpx.MockTransport(answer)))
assert list(client.list_calls()) == [] and len(requests) == 6
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)
