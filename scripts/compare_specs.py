"""What changed between two contracts, and whether it breaks the code of this package's users.

python scripts/compare_specs.py OLD NEW [--json]

OLD and NEW are files (YAML or JSON), or git revisions, which stand for openapi/calls.yaml as it was there: a tag, a
branch, HEAD~1. Other documents serve as well as long as they describe GET /v3/calls. Documents with different titles
are not versions of one document: only the operations of the one with fewer are compared.

Exit status 0 nothing changed, 1 compatible changes, 2 breaking ones, 3 a document or the command line cannot be read.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import attrs

from vox_calls_tools.drift import DocumentError, compare, elements, operations, others, parse_document, version_step
from vox_calls_tools.drift.changes import Change
from vox_calls_tools.drift.document import Element

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


def title(document: object) -> object:
    """The title of a document; None where it has none."""
    info = document.get("info") if isinstance(document, dict) else None
    return info.get("title") if isinstance(info, dict) else None


def compared(old: object, new: object) -> tuple[dict[str, Element], dict[str, Element]]:
    """The elements to compare: all of two versions of a document, else those of the operations of the smaller one."""
    smaller = min(old, new, key=lambda document: others(document, {}))
    only = None if title(old) == title(new) else operations(elements(smaller))
    return elements(old, only), elements(new, only)


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
        old, new = read(arguments.old), read(arguments.new)
        before, after = compared(old, new)
        changes = compare(before, after)
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
        left_out = [
            f"{source} has other operations, which are not compared: {count}"
            for source, count in ((arguments.old, others(old, before)), (arguments.new, others(new, after)))
            if count
        ]
        print(*left_out, sep="\n", end="\n" if left_out else "")
    return STATUS[version_step(changes)]


if __name__ == "__main__":
    sys.exit(main())
