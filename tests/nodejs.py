"""Node.js for the tests that need it, and the locked packages of a folder."""

from __future__ import annotations

import fcntl
import hashlib
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

NPM = shutil.which("npm")
NODE = shutil.which("node")
OLDEST = 20


def _missing() -> str | None:
    if NODE is None or NPM is None:
        return "there is no Node.js with npm here"
    version = subprocess.run([NODE, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    major = re.match(r"v(\d+)\.", version)
    if major is None or int(major[1]) < OLDEST:
        return f"Node.js is {version} here, and it takes {OLDEST} or newer"
    return None


_MISSING = _missing()

needs_node = pytest.mark.skipif(_MISSING is not None, reason=str(_MISSING))


def run(*command: str | Path, cwd: Path, env: dict[str, str] | None = None) -> str:
    """The output of a command; fails with that output if the command fails."""
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, encoding="utf-8", check=False)
    if done.returncode:
        pytest.fail(f"{' '.join(map(str, command))} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


@contextmanager
def installed(folder: Path) -> Iterator[None]:
    """Install the folder's packages, under a lock shared by the test processes."""
    lock = folder / "package-lock.json"
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()
    mark = folder / "node_modules" / ".installed"
    with lock.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if not mark.exists() or mark.read_text(encoding="ascii") != digest:
            run(str(NPM), "ci", cwd=folder)
            mark.write_text(digest, encoding="ascii")
        yield
