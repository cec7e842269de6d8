"""The files of one export, and the order in which they change: whatever moment a process ends at, it can be gone on.

Beside FILE stand, while it is not complete: FILE.part with the data, FILE.checkpoint with how far it has come,
FILE.rejects.part, and FILE.lock. The data are on the disk before the checkpoint that counts them.
"""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from io import FileIO
from pathlib import Path

import attrs
import msgspec

from vox_calls_tools.export import checkpoint as checkpoints
from vox_calls_tools.export.checkpoint import Checkpoint
from vox_calls_tools.export.errors import ExportError, writing
from vox_calls_tools.export.formats import Encoder


@attrs.frozen
class Files:
    """Where everything is.

    Attributes:
        target: The file that is asked for.
        rejects: What could not be decoded, as JSON Lines.
    """

    target: Path

    @property
    def rejects(self) -> Path:
        """What could not be decoded, when all is complete."""
        return self._beside("rejects.jsonl")

    @property
    def part(self) -> Path:
        """The data so far."""
        return self._beside("part")

    @property
    def rejects_part(self) -> Path:
        """What could not be decoded so far."""
        return self._beside("rejects.part")

    @property
    def checkpoint(self) -> Path:
        """How far it has come."""
        return self._beside("checkpoint")

    @property
    def lock(self) -> Path:
        """Held by the process that writes."""
        return self._beside("lock")

    def _beside(self, ending: str) -> Path:
        return self.target.with_name(f"{self.target.name}.{ending}")

    def check_place(self) -> None:
        """See that there can be such a file.

        Raises:
            ExportError: Where there cannot.
        """
        if not self.target.name or (self.target.exists() and not self.target.is_file()):
            raise ExportError(f"{self.target} is not a file")
        if not self.target.parent.is_dir():
            raise ExportError(f"there is no folder {self.target.parent}; make it first")

    def check_free(self) -> None:
        """See that nothing would be lost.

        Raises:
            ExportError: Where something would.
        """
        if self.checkpoint.exists():
            raise ExportError(
                f"an export into {self.target} was begun and is not complete: pass --resume to go on with it, or "
                f"--overwrite to begin anew"
            )
        for path in (self.target, self.rejects):
            if path.exists():
                raise ExportError(f"{path} is there already: pass --overwrite to replace it, or choose another name")


class Growing:
    """The data and the rejects while they grow, page by page. Nothing on the disk changes before the first page."""

    def __init__(self, files: Files, encoder: Encoder, begin: Checkpoint) -> None:
        self._files = files
        self._encoder = encoder
        self._resumed = begin.length > 0
        self._part: FileIO | None = None
        self._rejects: FileIO | None = None
        self.checkpoint: Checkpoint = begin

    def append(self, data: bytes, rejects: bytes, following: Checkpoint) -> None:
        """Write a page behind the others, and then that it is there.

        Args:
            data: The calls, encoded.
            rejects: What could not be decoded, as JSON Lines.
            following: The checkpoint behind the page, but for the lengths.

        Raises:
            ExportDiskError: Where that fails. What was there before still is.
        """
        files = self._files
        if self._part is None:
            with writing(files.part):
                if not self._resumed:
                    files.checkpoint.unlink(missing_ok=True)
                    data = self._encoder.preamble() + data
                self._part = _open(files.part, self.checkpoint.length)
        with writing(files.part):
            _write(self._part, data)
        if self._rejects is None and (rejects or files.rejects_part.exists()):
            with writing(files.rejects_part):
                self._rejects = _open(files.rejects_part, self.checkpoint.rejects_length)
        if self._rejects is not None and rejects:
            with writing(files.rejects_part):
                _write(self._rejects, rejects)
        following = msgspec.structs.replace(
            following,
            length=self.checkpoint.length + len(data),
            rejects_length=self.checkpoint.rejects_length + len(rejects),
        )
        with writing(files.checkpoint):
            checkpoints.save(following, files.checkpoint)
        self.checkpoint = following

    def complete(self) -> None:
        """Put everything in its place. When this was broken off it is done again, and goes on where it was.

        Raises:
            ExportDiskError: Where that fails. All pages are there, so only this is left to do.
        """
        self.close()
        files = self._files
        if files.part.exists():
            with writing(files.target):
                beside = files.part.with_name(f"{files.part.name}.new")
                try:
                    whole = self._encoder.finish(files.part, beside)
                    if whole == beside:
                        _sync(beside)
                except OSError:
                    beside.unlink(missing_ok=True)
                    raise
                if not self.checkpoint.rejected:
                    files.rejects_part.unlink(missing_ok=True)
                    files.rejects.unlink(missing_ok=True)
                elif files.rejects_part.exists():
                    files.rejects_part.replace(files.rejects)
                whole.replace(files.target)
        with writing(files.part):
            files.part.unlink(missing_ok=True)
            files.checkpoint.unlink(missing_ok=True)
            _sync(files.target.parent)

    def close(self) -> None:
        """Close the files."""
        for file in (self._part, self._rejects):
            if file is not None:
                file.close()


def _open(path: Path, length: int) -> FileIO:
    """The file for writing, cut after so many bytes: what is behind belongs to a page that was not whole."""
    file = FileIO(os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666), "r+")
    if file.seek(0, os.SEEK_END) < length:
        file.close()
        raise ExportError(f"{path} is shorter than its checkpoint says: pass --overwrite to begin anew")
    file.truncate(length)
    file.seek(length)
    return file


def _write(file: FileIO, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]
    os.fsync(file.fileno())


def _sync(path: Path) -> None:
    with suppress(PermissionError, IsADirectoryError):  # Windows opens no folders
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        except OSError as error:
            if error.errno not in {errno.EINVAL, errno.EBADF}:
                raise
        finally:
            os.close(descriptor)
