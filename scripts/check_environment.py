"""Check that this environment holds what a lock pins, nothing else, and all that its packages require.

python check_environment.py LOCK

A lock is installed without asking a resolver, so this is what shows that it is a closed set. Unlike `pip check`, it
follows extras: pytest-cov wants `coverage[toml]`, and on some Pythons that extra wants one more package. It runs with
the environment's own Python and needs `packaging`, which each lock has.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, distributions
from pathlib import Path

try:
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name
except ModuleNotFoundError:
    sys.exit("packaging is not in the lock, and this check needs it")

# What a new environment comes with, and the project itself.
UNLOCKED = {"pip", "setuptools", "wheel", "vox-calls"}


def locked(lock: Path) -> dict[str, str]:
    """The version of each package that the lock has for this Python and platform, by its canonical name."""
    pins = re.findall(r"^[A-Za-z0-9][^\s\\]*==[^\\\n]*", lock.read_text(encoding="utf-8"), re.MULTILINE)
    requirements = [Requirement(pin) for pin in pins]
    return {
        canonicalize_name(requirement.name): next(iter(requirement.specifier)).version
        for requirement in requirements
        if requirement.marker is None or requirement.marker.evaluate()
    }


def installed() -> dict[str, Distribution]:
    """The packages of this environment, by their canonical names."""
    return {canonicalize_name(found.metadata["Name"]): found for found in distributions()}


def differences(pins: dict[str, str], found: dict[str, Distribution]) -> Iterator[str]:
    """A line for each package that is not as the lock has it."""
    for name in sorted(pins.keys() | found.keys() - UNLOCKED):
        if name not in found:
            yield f"{name} {pins[name]} is locked, but not installed"
        elif name not in pins:
            yield f"{name} {found[name].version} is installed, but not locked"
        elif found[name].version != pins[name]:
            yield f"{name} {found[name].version} is installed, but the lock has {pins[name]}"


def unmet(found: dict[str, Distribution], roots: Iterable[tuple[str, str]]) -> Iterator[str]:
    """A line for each requirement of these packages, each with an extra or "", that is not met; extras followed."""
    todo = list(roots)
    for name, extra in todo:
        for text in found[name].requires or ():
            wanted = Requirement(text)
            if wanted.marker is not None and not wanted.marker.evaluate({"extra": extra}):
                continue
            needed = canonicalize_name(wanted.name)
            if needed not in found:
                yield f"{wanted} is required by {name}{f'[{extra}]' if extra else ''}, but not in the lock"
                continue
            if not wanted.specifier.contains(found[needed].version, prereleases=True):
                yield f"{wanted} is required by {name}, but the lock has {found[needed].version}"
            todo += [(needed, more) for more in sorted(wanted.extras) if (needed, more) not in todo]


def main() -> int:
    """Print what is wrong; 1 where something is."""
    found = installed()
    pins = locked(Path(sys.argv[1]))
    roots = [(name, "") for name in sorted(found.keys() - UNLOCKED)]
    wrong = [*differences(pins, found), *unmet(found, roots)]
    print(*wrong, sep="\n", end="\n" if wrong else "")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
