"""The checkpoint of an export: a small file next to the data, replaced atomically after each page."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import msgspec

from vox_calls_tools.export.errors import ExportDiskError, ExportError
from vox_calls_tools.export.formats import Compression, Format

VERSION = 1


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The state of an export after its last complete page.

    Attributes:
        version: Version of the checkpoint format.
        format: Format of the file.
        compression: Compression of the file.
        server: Base URL that the calls come from.
        filters: Normalised filters, by the API's names.
        cursor: Cursor of the next page; None for the first page, and after the last.
        finished: Whether all pages were fetched.
        length: Length of the data in bytes.
        rejects_length: Length of the rejects in bytes.
        calls: Number of calls in the data.
        rejected: Number of calls that could not be decoded.
    """

    version: int = VERSION
    format: Format
    compression: Compression
    server: str
    filters: dict[str, Any]
    cursor: str | None = None
    finished: bool = False
    length: int = 0
    rejects_length: int = 0
    calls: int = 0
    rejected: int = 0


def load(path: Path) -> Checkpoint | None:
    """Load a checkpoint; None if there is no such file.

    Raises:
        ExportError: The file is not a checkpoint of this version.
        ExportDiskError: The file cannot be read.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ExportDiskError(f"cannot read {path}: {error.strerror}") from None
    try:
        found = msgspec.json.decode(content, type=Checkpoint)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ExportError(f"{path} is not a valid checkpoint: {error}; pass --overwrite to start over") from None
    if found.version != VERSION:
        raise ExportError(
            f"{path} was written by another version of vox-calls (checkpoint format {found.version}, expected "
            f"{VERSION}): resume with that version, or pass --overwrite to start over"
        )
    return found


def save(checkpoint: Checkpoint, path: Path) -> None:
    """Save a checkpoint, replacing the previous one atomically.

    Raises:
        OSError: The file cannot be written. The previous checkpoint is intact.
    """
    beside = path.with_name(f"{path.name}.new")
    try:
        with beside.open("wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(checkpoint)) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError:
        beside.unlink(missing_ok=True)
        raise
