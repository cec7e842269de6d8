"""Write what the first example prints into README.md, and what the commands show into docs/command-line.md.

The Korean pages get the same. All run against a sandbox whose calls are the same every time, the commands in a terminal
without a screen.
"""

import contextlib
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

import pyte  # noqa: E402 - after the path that the next ones are found by

from bench.report import write  # noqa: E402 - the same
from terminal import Seen, in_terminal  # noqa: E402 - the same
from vox_calls_tools.sandbox import Sandbox, synthetic_calls  # noqa: E402 - the same

READMES = (ROOT / "README.md", ROOT / "README.ko.md")
PAGES = (ROOT / "docs" / "command-line.md", ROOT / "docs" / "ko" / "command-line.md")
EXAMPLE = ("<!-- what the example printed -->", "<!-- the end of what the example printed -->")
TERMINAL = ("<!-- what make capture saw -->", "<!-- the end of what make capture saw -->")

_CALLS = 5_000
_UNTIL = datetime(2026, 11, 1, 15, 0, tzinfo=UTC)
_COLUMNS = 100
_MOST_LINES = 24
_NEXT_FRAME = "\r\x1b[2K"


def printed() -> str:
    """What the first example of README prints: the same each time."""
    found = re.search(r"```python\n(.*?)```", READMES[0].read_text(encoding="utf-8"), re.DOTALL)
    if found is None:
        raise ValueError("README.md has no example")
    with Sandbox(synthetic_calls(_CALLS, seed=1, until=_UNTIL)) as sandbox:
        environment = os.environ | {"VOX_BASE_URL": sandbox.base_url, "VOX_API_KEY": sandbox.api_key}
        said = subprocess.check_output([sys.executable, "-c", found[1]], text=True, env=environment)
    return f"```text\n{said.strip()}\n```"


def steady() -> str:
    """What `list` and `stats` show: the same each time."""
    with Sandbox(synthetic_calls(_CALLS, seed=1, until=_UNTIL)) as sandbox:
        return "\n\n".join(
            (
                _told(sandbox, "list", "--since", "2026-11-01", "--status", "ended", "--max-items", "5"),
                _told(sandbox, "stats", "--since", "2026-10-22"),
            )
        )


def moving() -> str:
    """What `export` shows half-way, and when it is done. Its times differ from one run to the next."""
    with (
        Sandbox(synthetic_calls(_CALLS, seed=1, until=_UNTIL)) as sandbox,
        tempfile.TemporaryDirectory() as folder,
        contextlib.chdir(folder),
    ):
        seen = _run(sandbox, "export", "calls.parquet")
    frames = [frame for frame in seen.raw.split(_NEXT_FRAME) if " of " in frame]
    return _block("export calls.parquet", [_drawn(frames[len(frames) // 2]), *seen.lines])


def _told(sandbox: Sandbox, *arguments: str) -> str:
    return _block(" ".join(arguments), _run(sandbox, *arguments).lines)


def _run(sandbox: Sandbox, *arguments: str) -> Seen:
    environment = {"VOX_BASE_URL": sandbox.base_url, "VOX_API_KEY": sandbox.api_key, "TZ": "Asia/Seoul"}
    return in_terminal(*arguments, environment=environment, columns=_COLUMNS)


def _drawn(frame: str) -> str:
    screen = pyte.Screen(_COLUMNS, 1)
    pyte.Stream(screen).feed(frame)
    return screen.display[0].rstrip()


def _block(command: str, lines: Sequence[str]) -> str:
    rest = [f"... and {len(lines) - _MOST_LINES} lines more"] if len(lines) > _MOST_LINES else []
    return "\n".join(("```console", f"$ vox-calls {command}", *lines[:_MOST_LINES], *rest, "```"))


if __name__ == "__main__":
    example, terminal = printed(), f"{steady()}\n\n{moving()}"
    for readme in READMES:
        write(readme, example, begin=EXAMPLE[0], end=EXAMPLE[1])
    for page in PAGES:
        write(page, terminal, begin=TERMINAL[0], end=TERMINAL[1])
