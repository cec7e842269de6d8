"""The TypeScript client, written from openapi/ alone, passes every case; a broken one fails."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from contract import ROOT
from nodejs import NODE, NPM, installed, needs_node, run

pytestmark = needs_node

FOLDER = ROOT / "tests" / "typescript"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the compiled client for this test process."""
    copy = tmp_path_factory.mktemp("typescript")
    with installed(FOLDER):
        shutil.rmtree(FOLDER / "build", ignore_errors=True)
        run(str(NPM), "run", "build", cwd=FOLDER)
        shutil.copytree(FOLDER / "build" / "js", copy / "js")
        shutil.copy(FOLDER / "package.json", copy)
    return copy


@pytest.fixture(scope="module")
def exchanges() -> Iterator[dict[str, str]]:
    """The settings of the exchange server, as environment variables."""
    command = [sys.executable, "-m", "vox_calls_tools", "sandbox", "--exchanges"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, encoding="utf-8") as process:
        assert process.stdout is not None
        try:
            lines = [process.stdout.readline().strip() for _ in range(2)]
            yield dict(line.split("=", 1) for line in lines)
        finally:
            process.terminate()


def node(built: Path, exchanges: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the tests of a compiled client."""
    return subprocess.run(
        [str(NODE), "--test", "--test-reporter=tap", *arguments, built / "js" / "test"],
        cwd=built,
        env=os.environ | exchanges | {"VOX_CALLS_ROOT": str(ROOT)},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )


def counted(text: str, what: str) -> int:
    found = re.search(rf"(\d+) {what}", text)
    assert found is not None, text
    return int(found[1])


def test_a_client_in_typescript_passes_every_case(built: Path, exchanges: dict[str, str]) -> None:
    done = node(built, exchanges)
    failed = [line.strip() for line in done.stdout.splitlines() if line.strip().startswith("not ok")]
    assert failed == [], done.stdout
    assert done.returncode == 0, done.stdout + done.stderr
    assert "# skipped 0\n" in done.stdout
    values, left_out = counted(done.stdout, "value cases run"), counted(done.stdout, "left out")
    print(f"{values} values, {left_out} left out, {counted(done.stdout, 'exchanges run')} exchanges")
    assert set(re.findall(r"\S+ requires (.*)", done.stdout)) == {"float", "integers", "durations"}


class Breakage(NamedTuple):
    """A rule of a compiled module, its broken replacement, and the case that fails."""

    module: str
    rule: str
    broken: str
    case: str


BREAKAGES = [
    Breakage(
        "paging",
        "new URLSearchParams(this.#listing.search)",
        "new URLSearchParams(this.cursor === null ? this.#listing.search : { limit: 100 })",
        "page-follow",
    ),
    Breakage(
        "retrying",
        "Math.max(this.#random() * ceiling, retryAfter ?? 0)",
        "this.#random() * ceiling",
        "retry-after-seconds",
    ),
    Breakage("errors", 'value.replaceAll(key, "***")', "value", "error-key-in-message"),
    Breakage("query", r"\p{Zs}", "", "phone-spaces"),
]


@pytest.mark.parametrize("breakage", BREAKAGES, ids=lambda breakage: breakage.case)
def test_a_client_that_breaks_a_rule_fails(
    built: Path, exchanges: dict[str, str], tmp_path: Path, breakage: Breakage
) -> None:
    shutil.copytree(built, tmp_path, dirs_exist_ok=True)
    source = tmp_path / "js" / "src" / f"{breakage.module}.js"
    code = source.read_text(encoding="utf-8")
    assert code.count(breakage.rule) == 1
    source.write_text(code.replace(breakage.rule, breakage.broken), encoding="utf-8")
    done = node(tmp_path, exchanges, f"--test-name-pattern=^{breakage.case}$")
    assert done.returncode == 1
    assert re.search(rf"not ok \d+ - {breakage.case}\n", done.stdout), done.stdout
