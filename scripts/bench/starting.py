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
MOST_BEYOND = 25.0  # ms
MOST_HELP = 1.5
_HTTPX = (sys.executable, "-c", "import httpx")
_PACKAGE = (sys.executable, "-c", "import vox_calls")
_CLIENT = (sys.executable, "-c", "from vox_calls import Client")
_HELP = (str(Path(sys.executable).with_name("vox-calls")), "--help")


def starting() -> list[Figure]:
    """Importing the package and asking the command for help, beside importing httpx."""
    with tempfile.TemporaryDirectory(prefix="vox-calls-") as compiled:
        # As where it is installed: everything compiled, which the first run of each does.
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": compiled}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)

        def task(command: tuple[str, ...]) -> Callable[[], object]:
            return lambda: subprocess.run(command, check=True, capture_output=True, env=environment)

        tasks = {" ".join(command): task(command) for command in (_HTTPX, _PACKAGE, _CLIENT, _HELP)}
        _, package, client, command = side_by_side(tasks, ROUNDS).values()
    return [
        Figure(
            GROUP,
            "`import vox_calls`, beyond `import httpx`",
            package.beyond * 1e3,
            "ms",
            f"{min(package.seconds) * 1e3:.0f} ms in all",
            MOST_BEYOND,
        ),
        Figure(
            GROUP,
            "`from vox_calls import Client`, beyond `import httpx`",
            client.beyond * 1e3,
            "ms",
            f"{min(client.seconds) * 1e3:.0f} ms in all",
        ),
        Figure(
            GROUP,
            '`vox-calls --help`, to `python -c "import httpx"`',
            command.ratio,
            note=f"{command.median * 1e3:.0f} ms",
            at_most=MOST_HELP,
        ),
    ]
