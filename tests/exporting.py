"""Run the installed `vox-calls export` and inspect its files."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq

from vox_calls_tools.sandbox import Sandbox

COMMAND = Path(sys.executable).with_name("vox-calls")


def environment_of(box: Sandbox, **more: str) -> dict[str, str]:
    return os.environ | {"VOX_BASE_URL": box.base_url, "VOX_API_KEY": box.api_key} | more


def export(
    box: Sandbox, file: Path, *arguments: str, limit: Callable[[], None] | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [COMMAND, "export", str(file), "--no-rate-limit", *arguments],
        env=environment_of(box, **environment),
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=limit,
    )


def assert_rejected(done: subprocess.CompletedProcess[str], status: int, *words: str) -> None:
    assert done.returncode == status
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in done.stderr


def beside(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def content_of(path: Path) -> object:
    """What interruptions must not change: the bytes, or the rows of Parquet."""
    if path.suffix == ".parquet":
        table = pq.read_table(path)
        table.validate(full=True)
        return table.to_pylist()
    return path.read_bytes()


def in_a_terminal(command: list[str], environment: dict[str, str], until: bytes | None = None) -> tuple[int, bytes]:
    """Status and output of a command in a pseudo-terminal; Ctrl-C is typed once `until` appears."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(command[0], command, environment)  # noqa: S606 - the project's own command
    shown = b""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        ready, _, _ = select.select([terminal], [], [], 1)
        try:
            shown += os.read(terminal, 65_536) if ready else b""
        except OSError:
            break  # it has ended
        if until is not None and until in shown:
            os.write(terminal, b"\x03")
            until = None
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown
