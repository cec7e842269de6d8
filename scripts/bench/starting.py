"""How long it takes until a program that uses the package, or the command, can begin."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from bench.figures import Figure
from bench.rounds import side_by_side

GROUP = "Starting"
ROUNDS = 15
MOST_IMPORT = 1.2
MOST_HELP = 1.0
_DEPENDENCIES = (
    sys.executable,
    "-c",
    "import anyio, asyncio, attrs, dateutil.parser, httpx, msgspec, vox_calls_raw.api.calls.list_calls",
)
_HTTPX = (sys.executable, "-c", "import httpx")
_PACKAGE = (sys.executable, "-c", "import vox_calls")
_HELP = (str(Path(sys.executable).with_name("vox-calls")), "--help")


def starting() -> list[Figure]:
    """Importing the package beside what it is built on, and asking the command for help beside importing httpx."""
    with tempfile.TemporaryDirectory(prefix="vox-calls-") as compiled:
        # As where it is installed: everything compiled, which the first run of each does.
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": compiled}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)

        def task(command: tuple[str, ...]) -> Callable[[], object]:
            return lambda: subprocess.run(command, check=True, capture_output=True, env=environment)

        pairs = ((_DEPENDENCIES, _PACKAGE), (_HTTPX, _HELP))
        timed = [side_by_side({" ".join(command): task(command) for command in pair}, ROUNDS) for pair in pairs]
        (_, package), (_, command) = (tuple(pair.values()) for pair in timed)
    return [
        Figure(
            GROUP,
            "`import vox_calls`, to its dependencies and the raw client",
            package.ratio,
            note=f"{package.median * 1e3:.0f} ms",
            at_most=MOST_IMPORT,
        ),
        Figure(
            GROUP,
            '`vox-calls --help`, to `python -c "import httpx"`',
            command.ratio,
            note=f"{command.median * 1e3:.0f} ms",
            at_most=MOST_HELP,
        ),
    ]
