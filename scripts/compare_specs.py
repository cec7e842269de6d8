"""What changed between two contracts, and whether it breaks the code of this package's users.

python scripts/compare_specs.py OLD NEW [--json]

OLD and NEW are files (YAML or JSON), or git revisions, which stand for openapi/calls.yaml as it was there: a tag, a
branch, HEAD~1. Other documents serve as well as long as they describe GET /v3/calls.

Exit status 0 nothing changed, 1 compatible changes, 2 breaking ones, 3 a document or the command line cannot be read.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import attrs

from vox_calls_tools.drift import DocumentError, compare, elements, parse_document, version_step
from vox_calls_tools.drift.changes import Change

ROOT = Path(__file__).resolve().parents[1]
SPEC = "openapi/calls.yaml"
STATUS = {"none": 0, "minor": 1, "major": 2}
UNREADABLE = 3


def read(source: str) -> object:
    """The document in a file, or the contract at a git revision.

    Raises:
        DocumentError: Where there is neither, or it is neither YAML nor JSON.
    """
    path = Path(source)
    try:
        return parse_document(path.read_bytes() if path.is_file() else at_revision(source))
    except OSError as error:
        raise DocumentError(f"{source} cannot be read: {error.strerror}") from None


def at_revision(revision: str) -> bytes:
    """The contract as it was at a git revision."""
    done = subprocess.run(
        ["git", "-C", ROOT, "show", "--end-of-options", f"{revision}:{SPEC}"],  # noqa: S607 - git is where it is
        check=False,
        capture_output=True,
    )
    if done.returncode:
        raise DocumentError(f"{revision} is neither a file nor a git revision with {SPEC} in it")
    return done.stdout


def told(changes: list[Change]) -> str:
    """The changes for a person."""
    if not changes:
        return "No difference."
    breaking = sum(change.breaking for change in changes)
    count = "1 change" if len(changes) == 1 else f"{len(changes)} changes"
    step = f"{count}, {breaking or 'none'} of them breaking: the next version is a {version_step(changes)} one."
    return "\n".join([*map(str, changes), step])


class Parser(argparse.ArgumentParser):
    """One whose exit status for a wrong command line is not the one for breaking changes."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong, and exit with 3."""
        self.exit(UNREADABLE, f"compare_specs: {message}\n")


def main() -> int:
    """Compare; the status says how far apart they are."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old", metavar="OLD")
    parser.add_argument("new", metavar="NEW")
    parser.add_argument("--json", action="store_true", help="for a program")
    arguments = parser.parse_args()
    try:
        changes = compare(elements(read(arguments.old)), elements(read(arguments.new)))
    except DocumentError as error:
        print(f"compare_specs: {error}", file=sys.stderr)
        return UNREADABLE
    if arguments.json:
        listed = [attrs.asdict(change) for change in changes]
        print(
            json.dumps(
                {"changes": listed, "version_step": version_step(changes)}, indent=2, ensure_ascii=False, default=str
            )
        )
    else:
        print(told(changes))
    return STATUS[version_step(changes)]


if __name__ == "__main__":
    sys.exit(main())
