"""Each public name has a docstring and a test, and the reference can be built."""

from __future__ import annotations

import html
import importlib
import re
import subprocess
import sys
from collections.abc import Iterator
from enum import Enum
from pathlib import Path

import pdoc.doc
import pytest

from check_package import PUBLIC
from contract import ROOT
from reference import constants, public_module
from vox_calls import VoxCallsError

OTHERS = {"typing_public.py", Path(__file__).name}  # one is never run, the other lists every name
TESTS = "\n".join(
    path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("*.py") if path.name not in OTHERS
)


def documented(module: str) -> Iterator[tuple[str, str, str]]:
    """The full name, the name and the docstring of each public name of a module."""
    imported = public_module(module)
    for member in pdoc.doc.Module(imported).members.values():
        yield member.fullname, member.name, member.docstring or constants(imported).get(member.name, "")
        if isinstance(member, pdoc.doc.Class):
            bases = [base.__doc__ or "" for base in member.obj.__mro__ if base.__module__.startswith("vox_calls.")]
            for inner in member.members.values():
                if not inner.name.startswith("_") and inner.taken_from[0].startswith("vox_calls."):
                    mentioned = re.search(rf"\b{inner.name}\b", "\n".join(bases))
                    yield inner.fullname, inner.name, inner.docstring or (mentioned[0] if mentioned else "")


def plain(text: str) -> str:
    """The words of a text without markup."""
    return " ".join(re.findall(r"\w+", html.unescape(text)))


NAMES = [name for module in PUBLIC for name in documented(module)]


@pytest.mark.parametrize(("name", "words"), [pytest.param(name, words, id=full) for full, name, words in NAMES])
def test_each_public_name_has_a_docstring_and_a_test(name: str, words: str) -> None:
    assert words, "has no docstring, and that of its class does not name it"
    assert re.search(rf"\b{name}\b", TESTS), "no test names it"


@pytest.mark.parametrize("module", PUBLIC)
def test_each_function_and_class_has_an_example(module: str) -> None:
    imported = public_module(module)
    named = {name: getattr(imported, name) for name in imported.__all__ if callable(getattr(imported, name))}
    without = [
        name
        for name, thing in named.items()
        if "Example:\n" not in (thing.__doc__ or "")
        and not (
            isinstance(thing, type) and issubclass(thing, VoxCallsError | Enum)
        )  # the contract documents the enums
    ]
    assert without == []
    assert "Example:\n" in (VoxCallsError.__doc__ or "")


def test_the_reference_lists_every_public_name(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "reference.py", tmp_path / "reference"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    for module in PUBLIC:
        page = (tmp_path / "reference" / f"{module.replace('.', '/')}.html").read_text(encoding="utf-8")
        assert all(f'id="{name}"' in page for name in importlib.import_module(module).__all__)
        words = plain(re.sub("<[^>]*>", " ", page))
        imported = public_module(module)
        for name in imported.__all__:
            if isinstance(getattr(imported, name), type):
                assert plain((getattr(imported, name).__doc__ or "").partition("\n")[0]) in words, name
    root = (tmp_path / "reference" / "vox_calls.html").read_text(encoding="utf-8")
    assert all(f'id="{name}"' in root for name in ("Client.list_calls", "AsyncClient.list_calls", "Calls.cursor"))
    text = re.sub("<[^>]*>", "", root)
    assert [variable for variable in ("~Iteration", "~Http") if variable in text] == []
