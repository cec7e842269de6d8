"""What README and docstrings say is run, so that it stays true."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
import textwrap
import typing
from pathlib import Path

import attrs
import pytest
import typer

import capture
import vox_calls
from contract import ROOT
from vox_calls import _exchange, _retry, enums, timestamps
from vox_calls.toolkit import DEFAULT_RATE_LIMIT
from vox_calls_tools.cli import FAILED, INTERRUPTED, MISUSED
from vox_calls_tools.cli.app import app
from vox_calls_tools.drift.document import METHOD, PATH
from vox_calls_tools.sandbox import Sandbox

COMMAND = Path(sys.executable).with_name("vox-calls")
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
COMMANDS = list(vars(typer.main.get_command(app))["commands"])
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
    named = {command[1] for command in commands if command[0] == "vox-calls"}
    assert named == set(COMMANDS)


@pytest.mark.parametrize("name", ["vox_calls", *MODULES])
def test_the_examples_in_docstrings_are_true(name: str) -> None:
    module = importlib.import_module(name)
    assert module.__doc__, f"{name} does not say what it knows"
    assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize("name", ["vox_calls", "vox_calls_tools.sandbox", "vox_calls.client"])
def test_the_indented_examples_in_docstrings_compile(name: str) -> None:
    text = importlib.import_module(name).__doc__ or ""
    for block in re.findall(r"(?:^    .*\n?|^\n)+", text, re.MULTILINE):
        compile(textwrap.dedent(block), name, "exec")


def test_names_and_figures_of_the_readme_match_the_code() -> None:
    limit = DEFAULT_RATE_LIMIT
    assert f"{limit.per_second} a second and {limit.per_minute} a minute" in " ".join(README.split())
    assert f"`{METHOD.upper()} {PATH}`" in README
    options = set(re.findall(r"(?<![\w-])(--[a-z][a-z-]+)", README))
    helped = "".join(subprocess.check_output([COMMAND, name, "--help"], text=True) for name in COMMANDS)
    helped += subprocess.check_output([COMMAND, "--help"], text=True)
    assert {option for option in options if option not in helped} == set()
    known = {*dir(vox_calls.Call), *(field.name for field in attrs.fields(vox_calls.Page))}
    named = set(re.findall(r"\b(?:call|calls|error|page)\.([a-z_]+)\b(?! )", README))
    assert named <= known | {"cursor", "finished", "yaml", "jsonl", "csv", "parquet"}  # and files


def test_the_readme_names_nothing_that_is_not_there() -> None:
    files = [file for folder in ("generated", "overlay", "scripts") for file in (ROOT / folder).rglob("*.py")]
    written = set(re.findall(r"\w+", " ".join(file.read_text(encoding="utf-8") for file in files)))
    paths = {path.stem for path in (ROOT / "tests").rglob("*.py")} | {"vox_calls_raw", "vox_sandbox_"}
    assert set(re.findall(r"`[^`\n]*?\b([a-z]+(?:_[a-z]+)+)\b[^`\n]*?`", README)) <= written | paths
    for name, arguments in re.findall(r"\b(Client|list_calls)\(([^()`]*)\)", README):
        offered = inspect.signature(getattr(vox_calls, name, vox_calls.Client.list_calls)).parameters
        assert set(re.findall(r"(\w+)=", arguments)) <= set(offered), f"{name}({arguments})"


def test_the_figures_of_the_readme_are_those_that_the_code_keeps() -> None:
    text = " ".join(README.split())
    seconds, milliseconds = timestamps._SECONDS_DIGITS, timestamps._MILLISECONDS_DIGITS
    assert "unix seconds ({} or {} digits) or milliseconds ({} or {})".format(*seconds, *milliseconds) in text
    retried = ", ".join(map(str, sorted(_retry._RETRIED)))
    assert f"Transient failures are retried: {retried}, {_retry._FIRST_SERVER_ERROR // 100}xx, no answer" in text
    assert f"0 is done, {FAILED} the API, the network or the disk failed, or `list` or `stats` left out" in text
    assert f"{MISUSED} the command line, a filter or the environment is wrong" in text
    assert f"{INTERRUPTED} interrupted" in text
    patience, noticed = _retry.RetryPolicy().patience, _exchange._LONG_WAIT
    assert patience == 120
    assert "asks for more than two minutes" in text
    assert f"Waits of {noticed:.0f} seconds and more are in the log `{enums.logger.name}`" in text
    hints = typing.get_type_hints(vox_calls.Call)
    dicts = [name for name, hint in hints.items() if isinstance(hint, type) and issubclass(hint, dict)]
    assert f"`{'` and `'.join(dicts)}` are dicts" in text


def test_what_the_readme_shows_of_the_terminal_is_what_comes_out() -> None:
    assert capture.steady() in README, "make capture"
    assert capture.printed() in README, "make capture"


def test_the_path_of_a_change_names_what_there_is() -> None:
    section = README.partition("## When the API changes")[2].partition("\n## ")[0]
    for command in ("vox-calls doctor", "make generate", "make ci", "scripts/compare_specs.py OLD NEW", "--document"):
        assert command in section
    for path in (
        "openapi/calls.yaml",
        "openapi/evidence.md",
        "openapi/conformance/",
        "tests/client/test_parameters.py",
    ):
        assert f"`{path}`" in section
        assert (ROOT / path).exists()
    named = set(re.findall(r"`(vox_calls\w*/[a-z_/]+\.py)`", section))
    tools = {f"sandbox/{name}.py" for name in ("store", "app", "synthetic", "progress")} | {"cli/filters.py"}
    client = {"client.py", "query.py", "models.py", "__init__.py"}
    assert named == {f"vox_calls/{name}" for name in client} | {f"vox_calls_tools/{name}" for name in tools}
    assert all((ROOT / "overlay" / name).is_file() for name in named)
    assert "Exit status 0 is no difference, 1 some, 2 it could not be found out" in " ".join(section.split())
    assert " ".join(section.split()).index("openapi/evidence.md") < section.index("make generate")


def test_the_korean_readme_has_the_same_in_it() -> None:
    korean = (ROOT / "README.ko.md").read_text(encoding="utf-8")
    for what in (
        r"^ *```.*?^ *```",  # code, and what it printed
        r"^\|.*?\|",  # a row of a table
        r"^#+ ",
        r"^ *(?:-|\d+\.) ",
        r"\]\((?!README)[^)]*\)",
    ):
        found, wanted = (re.findall(what, text, re.MULTILINE | re.DOTALL) for text in (korean, README))
        if "`" in what or "]" in what:
            assert found == wanted, what
        assert len(found) == len(wanted), what
    spans, own = (
        {" ".join(span.split()) for span in re.findall(r"`([^`]+)`", _prose(text))} for text in (README, korean)
    )
    assert own == spans


def _prose(text: str) -> str:
    return re.sub(r"^ *```.*?^ *```", "", text, flags=re.MULTILINE | re.DOTALL)
