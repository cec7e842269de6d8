"""What can go wrong with the files of an export.

VoxCallsError
└── ExportError           the export cannot be begun, or gone on with; the message says what to pass instead
    └── ExportDiskError   a file cannot be read or written; what is whole so far can be gone on with
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vox_calls.errors import VoxCallsError


class ExportError(VoxCallsError):
    """An export cannot be begun here, or gone on with: the message says why, and what to do."""


class ExportDiskError(ExportError):
    """A file cannot be read or written, as when the disk is full. What was whole before is still whole."""


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Tell of a failure of the disk.

    Raises:
        ExportDiskError: Where it fails.
    """
    try:
        yield
    except OSError as error:
        reason = error.strerror or (os.strerror(error.errno) if error.errno else str(error))
        raise ExportDiskError(f"cannot write {path}: {reason}") from error
