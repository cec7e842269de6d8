r"""How one description of the API differs from another, and what that means for those who use this package.

from vox_calls.drift import compare, elements, version_step

changes = compare(elements(old_document), elements(new_document))
print(*changes, version_step(changes), sep="\\n")
"""

from vox_calls.drift.compare import Change, compare, version_step
from vox_calls.drift.document import DocumentError, Element, elements

__all__ = ["Change", "DocumentError", "Element", "compare", "elements", "version_step"]
