"""Build the project's environment from its lock file, with nothing but Python and a package index.

python make_environment.py FOLDER LOCK

The environment is made anew whenever the lock is newer, so that nothing of an older lock stays in it.
Runs on the standard library alone, and on Pythons too old for the project, to say so.
"""

import subprocess
import sys
import venv
from pathlib import Path


def main() -> int:
    """Make the environment; 1 and a sentence where that cannot be done."""
    if sys.version_info < (3, 11):  # noqa: UP036 - an older Python is what this line is for
        print(f"Python 3.11 or newer is needed, this is {sys.version.split()[0]}: make PYTHON=python3.12 ...")
        return 1
    folder, lock = Path(sys.argv[1]), sys.argv[2]
    print(f"Building {folder} from {lock} with Python {sys.version.split()[0]} ...", flush=True)
    try:
        venv.create(folder, clear=True, with_pip=True)
    except subprocess.CalledProcessError:
        print("This Python has no ensurepip; on Debian and Ubuntu: apt-get install python3-venv")
        return 1
    scripts = folder / ("Scripts" if sys.platform == "win32" else "bin")
    pip = [str(scripts / "python"), "-m", "pip", "install", "--disable-pip-version-check"]
    done = subprocess.run(
        [*pip, "--require-hashes", "--only-binary", ":all:", "--requirement", lock],
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        print(done.stdout + done.stderr)
        print(f"The packages of {lock} could not be installed; the reason stands above.")
        print(f"If it was edited by hand: git checkout {lock}, change pyproject.toml instead, and make lock.")
        return 1
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
