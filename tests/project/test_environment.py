"""Environments are built from a lock alone; an incomplete lock is reported."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import threading
import tomllib
import zipfile
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import metadata
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from check_environment import installed, locked, unmet
from contract import ROOT

PACKAGES = {
    # name, version: its requirements
    ("reader", "1.0"): ["parser[fast]>=2"],
    ("parser", "2.0"): ["engine; extra == 'fast'"],
    ("parser", "2.1"): ["engine; extra == 'fast'"],  # the newest, which no lock below pins
    ("engine", "1.0"): [],
}


def write_wheel(folder: Path, name: str, version: str, requires: list[str]) -> None:
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": f"VERSION = {version!r}\n",
        f"{info}/METADATA": "\n".join(
            [f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}", "Provides-Extra: fast"]
            + [f"Requires-Dist: {one}" for one in requires]
        )
        + "\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},,\n" for path in [*files, f"{info}/RECORD"])
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        for path, text in {**files, f"{info}/RECORD": record}.items():
            wheel.writestr(path, text)


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The URL and folder of a local package index. It has `packaging` too, as installed here."""
    folder = tmp_path_factory.mktemp("index")
    for (name, version), requires in PACKAGES.items():
        write_wheel(folder / name, name, version, requires)
    own = installed()["packaging"]
    (folder / "packaging").mkdir()
    name = f"packaging-{own.version}-py3-none-any.whl"
    with zipfile.ZipFile(folder / "packaging" / name, "w") as wheel:
        for file in own.files or ():
            if file.suffix in {".py", ".typed"} or file.name in {"METADATA", "WHEEL", "RECORD"}:
                wheel.write(str(file.locate()), str(file))

    class Handler(SimpleHTTPRequestHandler):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, directory=str(folder), **kwargs)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name that http.server gives it
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}", folder
        server.shutdown()
        thread.join()


def make(index: tuple[str, Path], tmp_path: Path, *pins: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Build an environment from a lock of these pins, using only the local index."""
    folder = index[1]
    lines = []
    for pin in (*pins, f"packaging=={metadata('packaging')['Version']}"):
        name, version = pin.split("==")
        wheel = folder / name / f"{name}-{version}-py3-none-any.whl"
        lines.append(f"{pin} \\\n    --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n")
    return make_from("".join(lines), index, tmp_path, **environment)


def make_from(
    text: str | None, index: tuple[str, Path], tmp_path: Path, *group: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    lock = tmp_path / "some.lock"
    if text is not None:
        lock.write_text(text, encoding="utf-8")
    return subprocess.run(
        [sys.executable, ROOT / "scripts" / "make_environment.py", tmp_path / "made", lock, *group],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={
            **{name: value for name, value in os.environ.items() if not name.startswith("PIP_")},
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_INDEX_URL": index[0],
            "PIP_NO_CACHE_DIR": "1",
            **environment,
        },
    )


def test_a_pin_that_is_not_the_newest_is_installed(index: tuple[str, Path], tmp_path: Path) -> None:
    done = make(index, tmp_path, "reader==1.0", "parser==2.0", "engine==1.0")
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    (site,) = (tmp_path / "made").glob("[Ll]ib/**/site-packages")
    assert (site / "parser.py").read_text(encoding="utf-8") == "VERSION = '2.0'\n"


@pytest.mark.parametrize(
    ("pins", "named"),
    [
        (["reader==1.0", "engine==1.0"], "parser[fast]>=2 is required by reader, but not in the lock"),
        (["reader==1.0", "parser==2.0"], 'engine; extra == "fast" is required by parser[fast], but not in the lock'),
    ],
)
def test_a_package_that_the_lock_lacks_is_named(
    pins: list[str], named: str, index: tuple[str, Path], tmp_path: Path
) -> None:
    done = make(index, tmp_path, *pins)
    assert done.returncode == 1
    assert named in done.stdout
    assert "Run make lock" in done.stdout


def test_a_failure_shows_its_last_lines_and_what_helps(index: tuple[str, Path], tmp_path: Path) -> None:
    done = make(index, tmp_path, "reader==1.0", PIP_INDEX_URL="http://127.0.0.1:9", PIP_RETRIES="1")
    assert done.returncode == 1
    assert "index cannot be reached" in done.stdout
    assert "git checkout" not in done.stdout


def test_a_changed_file_of_the_index_is_reported(index: tuple[str, Path], tmp_path: Path) -> None:
    done = make_from(f"engine==1.0 --hash=sha256:{'0' * 64}\n", index, tmp_path)
    assert done.returncode == 1
    assert "git checkout" in done.stdout
    assert len(done.stdout.splitlines()) < 20


def test_a_version_that_the_index_lacks_is_told_as_that(index: tuple[str, Path], tmp_path: Path) -> None:
    done = make_from(f"engine==99.0 --hash=sha256:{'0' * 64}\n", index, tmp_path)
    assert done.returncode == 1
    assert "The index lacks this version" in done.stdout


@pytest.mark.parametrize("broken", ["engine==99.0 --hash=sha256:00", "<<<<<<< HEAD", "uv==99.0\n", None])
def test_a_broken_lock_is_replaced_by_its_group(
    index: tuple[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str | None
) -> None:
    for script in ("make_environment.py", "check_environment.py"):
        (tmp_path / "scripts").mkdir(exist_ok=True)
        shutil.copy(ROOT / "scripts" / script, tmp_path / "scripts")
    (tmp_path / "pyproject.toml").write_text('[dependency-groups]\nlock = ["reader>=1.0"]\n')
    monkeypatch.setattr("test_environment.ROOT", tmp_path)
    done = make_from(broken, index, tmp_path, "lock")
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert done.stdout.endswith("some.lock cannot be installed; installing reader>=1.0 from pyproject.toml.\n")
    (site,) = (tmp_path / "made").glob("[Ll]ib/**/site-packages")
    assert (site / "engine.py").exists()


def test_a_group_that_the_index_lacks_is_told(index: tuple[str, Path], tmp_path: Path) -> None:
    done = make_from(None, index, tmp_path, "lock")
    assert done.returncode == 1
    assert "The index lacks this version" in done.stdout


def test_a_lock_without_what_checks_it_is_told_as_that(index: tuple[str, Path], tmp_path: Path) -> None:
    done = make_from("", index, tmp_path)
    assert done.returncode == 1
    assert "packaging is not in the lock" in done.stdout
    assert "Traceback" not in done.stdout


@pytest.mark.parametrize("name", ["requirements", "demo", "bench", "lowest", "resolver"])
def test_each_lock_pins_packaging_which_checks_it(name: str) -> None:
    assert "packaging" in locked(ROOT / "scripts" / f"{name}.lock")


def test_every_dependency_of_pyproject_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    groups = project["dependency-groups"]
    wanted = [
        *project["project"]["dependencies"],
        *project["build-system"]["requires"],
        *(one for extra in project["project"]["optional-dependencies"].values() for one in extra),
        *(one for name in ("build", "lock", "tests", "dev") for one in groups[name] if isinstance(one, str)),
    ]
    pins = locked(ROOT / "scripts" / "requirements.lock")
    for requirement in map(Requirement, wanted):
        if requirement.marker is None or requirement.marker.evaluate():
            assert requirement.specifier.contains(pins[canonicalize_name(requirement.name)]), requirement


def test_the_demo_lock_agrees_with_the_main_lock() -> None:
    assert locked(ROOT / "scripts" / "demo.lock").items() <= locked(ROOT / "scripts" / "requirements.lock").items()


def test_no_extra_lacks_a_dependency() -> None:
    extras = metadata("vox-calls").get_all("Provides-Extra") or []
    assert extras
    assert list(unmet(installed(), [("vox-calls", extra) for extra in ("", *extras)])) == []
