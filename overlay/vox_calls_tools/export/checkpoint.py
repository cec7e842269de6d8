"""How far an export has come: what stands beside its file, and takes effect as a whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import msgspec

from vox_calls_tools.export.errors import ExportDiskError, ExportError
from vox_calls_tools.export.formats import Compression, Format

VERSION = 1


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The state behind the last whole page.

    Attributes:
        version: Of this form.
        format: What the file is written as.
        compression: What it is packed with.
        server: Whose calls they are.
        filters: What was asked for, by the API's names, in the form that is sent.
        cursor: That of the next page.
        finished: Whether there is none.
        length: Bytes of the data.
        rejects_length: Bytes of what could not be decoded.
        calls: How many calls are in the data.
        rejected: How many could not be decoded.
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
    """The checkpoint in a file; None where there is no such file.

    Raises:
        ExportError: Where it is not one.
        ExportDiskError: Where it cannot be read.
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
        raise ExportError(f"{path} is no checkpoint of an export: {error}; pass --overwrite to begin anew") from None
    if found.version != VERSION:
        raise ExportError(
            f"{path} was written by another version of vox-calls (form {found.version}, here {VERSION}): go on with "
            f"that one, or pass --overwrite to begin anew"
        )
    return found


def save(checkpoint: Checkpoint, path: Path) -> None:
    """Put a checkpoint in the place of the one before.

    Raises:
        OSError: Where it cannot be written. The one before is then still there.
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
