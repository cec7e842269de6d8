"""Build an environment from a lock file, with nothing but Python and a package index.

python make_environment.py FOLDER LOCK [GROUP]

A lock is a closed set, so pip installs it without resolving: a resolver would ask the index for newer versions, and an
old pip refuses the lock where there is one. `check_environment.py` then proves that the set is closed. The environment
is made anew each time, so that nothing of an older lock stays in it. With GROUP, a lock that is missing or broken is no
failure: the newest packages of that group of pyproject.toml are installed instead, so that they can mend the lock.
Runs on the standard library alone, and on Pythons too old for the project, to say so.
"""

import subprocess
import sys
import venv
from pathlib import Path

if sys.version_info < (3, 11):  # noqa: UP036 - an older Python, which cannot run what follows, is what this is for
    print(f"Python 3.11 or newer is needed, this is {sys.version.split()[0]}: make PYTHON=python3.12 ...")
    sys.exit(1)

PROJECT = Path(__file__).parents[1] / "pyproject.toml"
CHECK = Path(__file__).with_name("check_environment.py")
LAST_LINES = 12
# What pip says, and what helps; the first that fits is shown.
ADVICE = (
    (
        ("Connection", "Temporary failure", "timed out", "SSLError", "ProxyError", "Network is unreachable"),
        "The package index cannot be reached. Check the network, and pip's settings of index, proxy and certificates.",
    ),
    (
        ("No space left",),
        "The disk is full. Free some space and run the command again.",
    ),
    (
        ("DO NOT MATCH THE HASHES", "--require-hashes", "Invalid requirement"),
        "{lock} does not fit the index. If it was edited by hand: git checkout {lock}, edit pyproject.toml, make lock.",
    ),
    (
        ("No matching distribution", "not a supported wheel"),
        "The index lacks this version, or lacks it for Python {python}: undo an edit of {lock}, or try another Python.",
    ),
)


def main() -> int:
    """Make the environment; 1, the reason and what helps where that cannot be done."""
    folder, lock, group = Path(sys.argv[1]), sys.argv[2], "".join(sys.argv[3:])
    if not Path(lock).is_file() and not group:
        print(f"{lock} does not exist: git checkout {lock}")
        return 1
    print(f"Building {folder} from {lock} with Python {sys.version.split()[0]} ...", flush=True)
    try:
        venv.create(folder, clear=True, with_pip=True)
    except subprocess.CalledProcessError:
        print("This Python has no ensurepip; on Debian and Ubuntu: apt-get install python3-venv")
        return 1
    python = str(folder / ("Scripts" if sys.platform == "win32" else "bin") / "python")
    pip = [python, "-m", "pip", "install", "--disable-pip-version-check", "--only-binary", ":all:"]
    reason = run([*pip, "--no-deps", "--require-hashes", "--requirement", lock])
    if reason is not None and group:
        requirements = of_group(group)
        print(f"{lock} cannot be installed; installing {', '.join(requirements)} from pyproject.toml.", flush=True)
        reason = run([*pip, *requirements])
        if reason is None:
            return 0
    if reason is not None:
        lines = reason.strip().splitlines()
        print(*lines[-LAST_LINES:], sep="\n")
        print(f"\nThe packages of {lock} were not installed; the end of pip's reason stands above.")
        print(*advice(reason, lock), sep="\n")
        return 1
    reason = run([python, str(CHECK), lock])
    if reason is not None:
        print(reason.strip())
        print(f"\n{lock} is not a closed set; the reason stands above. Run make lock, and commit what it writes.")
        return 1
    return 0


def of_group(group: str) -> list[str]:
    """The requirements of a dependency group of pyproject.toml."""
    import tomllib  # noqa: PLC0415 - an older Python, which is told so above, lacks it

    found: list[str] = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["dependency-groups"][group]
    return found


def run(command: list[str]) -> str | None:
    """Run it. What it printed where it failed, else None."""
    done = subprocess.run(command, check=False, capture_output=True, text=True, errors="replace")
    return done.stdout + done.stderr if done.returncode else None


def advice(reason: str, lock: str) -> list[str]:
    """What helps, as far as the reason tells."""
    python = ".".join(map(str, sys.version_info[:2]))
    fitting = [text.format(lock=lock, python=python) for words, text in ADVICE if any(word in reason for word in words)]
    return fitting[:1]


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
