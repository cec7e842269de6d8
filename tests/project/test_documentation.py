"""What README, docs and docstrings say is run, so that it stays true."""

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
from check_package import FOLDERS
from contract import ROOT
from vox_calls import _exchange, _retry, enums, timestamps
from vox_calls.toolkit import DEFAULT_RATE_LIMIT
from vox_calls_tools.cli import FAILED, INTERRUPTED, MISUSED
from vox_calls_tools.cli.app import app
from vox_calls_tools.drift.document import METHOD, PATH
from vox_calls_tools.sandbox import Sandbox

COMMAND = Path(sys.executable).with_name("vox-calls")
README = ROOT / "README.md"
DOCS = ROOT / "docs"
PAGES = [README, *sorted(DOCS.glob("*.md"))]
KOREAN = {page: DOCS / "ko" / page.name if page.parent == DOCS else ROOT / "README.ko.md" for page in PAGES}
ALL = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
COMMANDS = list(vars(typer.main.get_command(app))["commands"])
MODULES = [
    module.name for module in pkgutil.walk_packages(vox_calls.__path__, "vox_calls.") if "__main__" not in module.name
]
PRINTED = {"getting-started": "100 of ", "filters": "did you mean 'ended'?"}
by_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)


def python_blocks(page: Path) -> list[str]:
    text = page.read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    assert len(blocks) == text.count("```python")
    return blocks


def links(page: Path) -> list[str]:
    """Where the relative links of a page lead, from the root; those of a Korean page as those of its twin."""
    targets = re.findall(r"\]\((?!https?://)([^)#]+)[^)]*\)", page.read_text(encoding="utf-8"))
    found = [(page.parent / target).resolve().relative_to(ROOT).as_posix() for target in targets]
    return [target.replace("docs/ko/", "docs/").replace(".ko.md", ".md") for target in found]


@pytest.mark.parametrize("page", [page for page in PAGES if python_blocks(page)], ids=lambda page: page.stem)
def test_the_python_blocks_of_each_page_run(page: Path, sandbox: Sandbox, tmp_path: Path) -> None:
    script = tmp_path / "page.py"
    script.write_text("\n".join(python_blocks(page)), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, script],
        env={"VOX_BASE_URL": sandbox.base_url, "VOX_API_KEY": sandbox.api_key},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert PRINTED.get(page.stem, "") in done.stdout


def test_every_page_has_a_link_in_the_readme_and_a_twin() -> None:
    assert {page for page in PAGES if page != README} <= {ROOT / target for target in links(README)}
    assert set(KOREAN.values()) == {ROOT / "README.ko.md", *(DOCS / "ko").glob("*.md")}


@pytest.mark.parametrize(
    "page", [*PAGES, *KOREAN.values(), ROOT / "CONTRIBUTING.md"], ids=lambda page: str(page.relative_to(ROOT))
)
def test_every_link_leads_to_a_file(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?://)([^)#]+)[^)]*\)", page.read_text(encoding="utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_the_readme_is_short() -> None:
    assert len(README.read_text(encoding="utf-8").splitlines()) < 150


def test_every_command_shown_exists() -> None:
    lines = re.findall(r"^ *\$ (.*)", ALL, re.MULTILINE)
    commands = [line.split("#")[0].split() for line in lines]
    targets = re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert {command[1] for command in commands if command[0] == "make"} == {"demo", "test"} <= set(targets)
    named = {command[1] for command in commands if command[0] == "vox-calls"}
    assert named == set(COMMANDS)
    assert set(re.findall(r"`make ([a-z-]+)", " ".join(ALL.split()))) <= set(targets)


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


def test_names_and_options_shown_are_those_of_the_code() -> None:
    limit = DEFAULT_RATE_LIMIT
    assert f"{limit.per_second} a second and {limit.per_minute} a minute" in " ".join(ALL.split())
    assert f"`{METHOD.upper()} {PATH}`" in ALL
    options = set(re.findall(r"(?<![\w-])(--[a-z][a-z-]+)", ALL))
    helped = "".join(subprocess.check_output([COMMAND, name, "--help"], text=True) for name in COMMANDS)
    helped += subprocess.check_output([COMMAND, "--help"], text=True)
    assert {option for option in options if option not in helped} == set()
    known = {*dir(vox_calls.Call), *(field.name for field in attrs.fields(vox_calls.Page))}
    named = set(re.findall(r"\b(?:call|calls|error|page)\.([a-z_]+)\b(?! )", ALL))
    assert named <= known | {"cursor", "finished", "yaml", "jsonl", "csv", "parquet"}  # and files


@by_page
def test_pages_name_only_what_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    files = [file for folder in ("generated", "overlay", "scripts") for file in (ROOT / folder).rglob("*.py")]
    written = set(re.findall(r"\w+", " ".join(file.read_text(encoding="utf-8") for file in files)))
    paths = {path.stem for path in (ROOT / "tests").rglob("*.py")} | {"vox_calls_raw", "vox_sandbox_"}
    assert set(re.findall(r"`[^`\n]*?\b([a-z]+(?:_[a-z]+)+)\b[^`\n]*?`", text)) <= written | paths
    for name, arguments in re.findall(r"\b(Client|list_calls)\(([^()`]*)\)", text):
        offered = inspect.signature(getattr(vox_calls, name, vox_calls.Client.list_calls)).parameters
        assert set(re.findall(r"(\w+)=", arguments)) <= set(offered), f"{name}({arguments})"


def test_figures_in_words_are_those_of_the_code() -> None:
    text = " ".join(ALL.split())
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
    own = [field.name for field in attrs.fields(vox_calls.Call)]
    dicts = [name for name in own if typing.get_origin(hints[name]) is dict]
    assert f"`{'` and `'.join(dicts)}` are dicts" in text


def test_what_is_shown_of_the_terminal_comes_out() -> None:
    assert capture.steady() in (DOCS / "command-line.md").read_text(encoding="utf-8"), "make capture"
    assert capture.printed() in README.read_text(encoding="utf-8"), "make capture"


def test_the_path_of_a_change_names_what_there_is() -> None:
    text = (DOCS / "when-the-api-changes.md").read_text(encoding="utf-8")
    for command in ("vox-calls doctor", "make generate", "make ci", "scripts/compare_specs.py OLD NEW", "--document"):
        assert command in text
    for path in (
        "openapi/calls.yaml",
        "openapi/evidence.md",
        "openapi/conformance/",
        "tests/client/test_parameters.py",
    ):
        assert f"`{path}`" in text
        assert (ROOT / path).exists()
    named = set(re.findall(r"`(vox_calls\w*/[a-z_/]+\.py)`", text))
    tools = {f"sandbox/{name}.py" for name in ("store", "parameters", "synthetic", "progress")} | {"cli/filters.py"}
    client = {"client.py", "query.py", "enums.py", "__init__.py"}
    assert named == {f"vox_calls/{name}" for name in client} | {f"vox_calls_tools/{name}" for name in tools}
    assert all((ROOT / "overlay" / name).is_file() for name in named)
    assert "Exit status 0 is no difference, 1 some, 2 it could not be found out" in " ".join(text.split())
    assert text.index("openapi/evidence.md") < text.index("make generate")


@pytest.mark.parametrize("package", ["vox_calls", "vox_calls_tools"])
def test_the_drawing_has_each_module_once(package: str) -> None:
    text = (DOCS / "how-it-is-made.md").read_text(encoding="utf-8")
    (drawn,) = re.findall(rf"^overlay/{package}/ .*\n((?:  .*\n)+)", text, re.MULTILINE)
    folder = ROOT / "overlay" / package
    modules = [path.name for path in folder.glob("*.py") if path.stem not in {"__init__", "__main__"}]
    packages = [f"{path.parent.name}/" for path in folder.glob("*/__init__.py")]
    assert sorted(re.findall(r"^  (\S+)", drawn, re.MULTILINE)) == sorted([*modules, *packages])


def test_contributing_names_only_existing_paths() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = re.findall(r"`((?:docs|openapi|overlay|scripts|tests)/[^` ]*)`", text)
    assert [path for path in named if not (ROOT / path).exists()] == []
    assert set(FOLDERS) <= set(re.findall(r"(\S+)/ ", text))


@by_page
def test_the_korean_page_has_the_same_in_it(page: Path) -> None:
    twin = KOREAN[page]
    korean, english = twin.read_text(encoding="utf-8"), page.read_text(encoding="utf-8")
    for what in (
        r"^ *```.*?^ *```",  # code, and what it printed
        r"^ *\|.*?\|",  # a row of a table
        r"^#+ ",
        r"^ *(?:-|\d+\.) ",
    ):
        found, wanted = (re.findall(what, text, re.MULTILINE | re.DOTALL) for text in (korean, english))
        if "`" in what:
            assert found == wanted, what
        assert len(found) == len(wanted), what
    assert sorted(links(twin)) == sorted(links(page))
    spans, own = (
        {" ".join(span.split()) for span in re.findall(r"`([^`]+)`", _prose(text))} for text in (english, korean)
    )
    assert own == spans


def _prose(text: str) -> str:
    return re.sub(r"^ *```.*?^ *```", "", text, flags=re.MULTILINE | re.DOTALL)
