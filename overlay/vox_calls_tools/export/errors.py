"""The errors of an export.

VoxCallsError
└── ExportError           the export cannot start or resume; the message says what to pass instead
    └── ExportDiskError   a file cannot be read or written; the export can resume from the last complete page
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vox_calls.errors import VoxCallsError


class ExportError(VoxCallsError):
    """An export cannot start or resume. The message says why, and what to do."""


class ExportDiskError(ExportError):
    """A file cannot be read or written, for example because the disk is full. Complete pages are kept."""


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Convert an OSError while writing to `path`.

    Raises:
        ExportDiskError: Instead of the OSError.
    """
    try:
        yield
    except OSError as error:
        reason = error.strerror or (os.strerror(error.errno) if error.errno else str(error))
        raise ExportDiskError(f"cannot write {path}: {reason}") from error
