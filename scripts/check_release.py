"""See that a tag may be published.

python scripts/check_release.py v1.2.0

Its version is that of the package and has a section in CHANGELOG.md. It is as far from the last tag's as the change of
the contract since then asks for: a major step where that breaks users (a minor one before 1.0), else a minor one.
"""

import re
import subprocess
import sys
from pathlib import Path

import compare_specs
from vox_calls import __version__
from vox_calls_tools.drift import DocumentError, compare, elements, version_step

ROOT = Path(__file__).resolve().parents[1]
SPEC = ROOT / compare_specs.SPEC
_TAG = re.compile(r"v(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)", re.ASCII)
STEPS = ("none", "patch", "minor", "major")
Version = tuple[int, int, int]


class ReleaseError(Exception):
    """The tag may not be published; the message says why, and what to do."""


def parse(tag: str) -> Version:
    """The version of a tag.

    Raises:
        ReleaseError: Where it is not one like v1.2.0.

    Example:
        >>> parse("v1.2.0")
        (1, 2, 0)
    """
    found = _TAG.fullmatch(tag)
    if found is None:
        raise ReleaseError(f"{tag or 'nothing'} is no tag of a version; write it like TAG=v1.2.0")
    return int(found[1]), int(found[2]), int(found[3])


def step(old: Version, new: Version) -> str:
    """How far one version is from another, which has to be the next one of its kind.

    Raises:
        ReleaseError: Where a number in between is left out, or it is not newer.

    Example:
        >>> step((1, 2, 3), (1, 3, 0))
        'minor'
    """
    major, minor, patch = old
    following = {(major + 1, 0, 0): "major", (major, minor + 1, 0): "minor", (major, minor, patch + 1): "patch"}
    if new not in following:
        wanted = ", ".join(f"v{'.'.join(map(str, one))}" for one in following)
        raise ReleaseError(f"the next version is one of {wanted}")
    return following[new]


def last_tag(before: str) -> str | None:
    """The newest tag of a version on the way to another, other tags left aside; None where that is the first."""
    done = subprocess.run(
        ["git", "-C", ROOT, "tag", "--merged", before, "--list", "v*"],  # noqa: S607 - git is where it is
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise ReleaseError(f"there is no tag {before} here: {done.stderr.strip()}")
    return max((tag for tag in done.stdout.split() if tag != before and _TAG.fullmatch(tag)), key=parse, default=None)


def check(tag: str, version: str, changelog: str, last: str | None) -> None:
    """See that a tag may be published.

    Args:
        tag: Such as v1.2.0.
        version: That of the package.
        changelog: What changed, in the form of Keep a Changelog.
        last: The tag before it.

    Raises:
        ReleaseError: Where it may not.
        DocumentError: Where the contract of the last tag cannot be read.
    """
    new = parse(tag)
    if tag != f"v{version}":
        raise ReleaseError(f"the tag is {tag}, and overlay/vox_calls/_version.py says {version}")
    if not re.search(rf"^## \[{re.escape(version)}\] - \d{{4}}-\d\d-\d\d$", changelog, re.MULTILINE):
        raise ReleaseError(f"CHANGELOG.md has no section '## [{version}] - ' with its date")
    if last is None:
        return
    old = parse(last)
    taken = step(old, new)
    asked = version_step(compare(*(elements(compare_specs.read(source)) for source in (last, str(SPEC)))))
    if old[0] == 0 and asked == "major":
        asked = "minor"
    if STEPS.index(taken) < STEPS.index(asked):
        raise ReleaseError(f"from {last} to {tag} is a {taken} step, and the contract has changed by a {asked} one")


def main() -> int:
    """Check; 1 and a sentence where the tag may not be published."""
    tag = sys.argv[1]
    try:
        parse(tag)
        check(tag, __version__, (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), last_tag(tag))
    except (ReleaseError, DocumentError) as error:
        print(f"check_release: {error}", file=sys.stderr)
        return 1
    print(f"{tag} may be published")
    return 0


if __name__ == "__main__":
    sys.exit(main())
