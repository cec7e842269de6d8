r"""Compares two API descriptions, or the contract with a live server, and tells which differences break code.

    from vox_calls_tools.drift import compare, elements, version_step

    changes = compare(elements(old_document), elements(new_document))
    print(*changes, version_step(changes), sep="\n")

`examine` checks a live server.
"""

from vox_calls_tools.drift.changes import compare, version_step
from vox_calls_tools.drift.document import contract, elements, operations, others
from vox_calls_tools.drift.live import examine
from vox_calls_tools.drift.parsing import parse_document
from vox_calls_tools.drift.schemas import DocumentError

__all__ = [
    "DocumentError",
    "compare",
    "contract",
    "elements",
    "examine",
    "operations",
    "others",
    "parse_document",
    "version_step",
]
