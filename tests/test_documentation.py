"""What README and docstrings say is run, so that it stays true."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import vox_calls
from contract import ROOT
from vox_calls.sandbox import Sandbox

README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
MODULES = [
    module.name for module in pkgutil.walk_packages(vox_calls.__path__, "vox_calls.") if "__main__" not in module.name
]


def test_every_python_block_of_the_readme_runs_in_turn(sandbox: Sandbox, tmp_path: Path) -> None:
    assert len(BLOCKS) == README.count("```python")
    script = tmp_path / "readme.py"
    script.write_text("\n".join(BLOCKS), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, script],
        env={"VOX_BASE_URL": sandbox.base_url, "VOX_API_KEY": sandbox.api_key},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "100 of " in done.stdout
    assert "did you mean 'ended'?" in done.stdout


def test_every_command_of_the_readme_is_there() -> None:
    lines = re.findall(r"^ *\$ (.*)", README, re.MULTILINE)
    commands = [line.split("#")[0].split() for line in lines]
    targets = re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert {command[1] for command in commands if command[0] == "make"} == {"demo", "test"} <= set(targets)
    assert {command[1] for command in commands if command[0] == "vox-calls"} == {"list", "sandbox", "doctor"}


@pytest.mark.parametrize("name", ["vox_calls", *MODULES])
def test_the_examples_in_docstrings_are_true(name: str) -> None:
    module = importlib.import_module(name)
    assert module.__doc__, f"{name} does not say what it knows"
    assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize("name", ["vox_calls", "vox_calls.sandbox", "vox_calls.client"])
def test_the_indented_examples_in_docstrings_compile(name: str) -> None:
    text = importlib.import_module(name).__doc__ or ""
    for block in re.findall(r"(?:^    .*\n?|^\n)+", text, re.MULTILINE):
        compile(textwrap.dedent(block), name, "exec")
