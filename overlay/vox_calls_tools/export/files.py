"""The files of one export, changed in an order that lets it resume whenever the process is killed.

Until FILE is complete, these files are next to it: FILE.part (the data), FILE.checkpoint, FILE.rejects.part and
FILE.lock. Data are synced to disk before the checkpoint that counts them.
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
    """The paths of one export.

    Attributes:
        target: The file to write.
    """

    target: Path

    @property
    def rejects(self) -> Path:
        """The calls that could not be decoded, as JSON Lines, once the export is complete."""
        return self._beside("rejects.jsonl")

    @property
    def part(self) -> Path:
        """The data so far."""
        return self._beside("part")

    @property
    def rejects_part(self) -> Path:
        """The rejects so far."""
        return self._beside("rejects.part")

    @property
    def checkpoint(self) -> Path:
        """The checkpoint."""
        return self._beside("checkpoint")

    @property
    def lock(self) -> Path:
        """The lock held by the writing process."""
        return self._beside("lock")

    def _beside(self, ending: str) -> Path:
        return self.target.with_name(f"{self.target.name}.{ending}")

    def check_place(self) -> None:
        """Check that the target can be a file.

        Raises:
            ExportError: It cannot.
        """
        if not self.target.name or (self.target.exists() and not self.target.is_file()):
            raise ExportError(f"{self.target} is not a file; choose another name")
        if not self.target.parent.is_dir():
            raise ExportError(f"the folder {self.target.parent} does not exist; create it first")

    def check_free(self) -> None:
        """Check that nothing would be overwritten.

        Raises:
            ExportError: A file would be.
        """
        if self.checkpoint.exists():
            raise ExportError(
                f"an unfinished export to {self.target} exists: pass --resume to continue it, or --overwrite to start "
                f"over"
            )
        for path in (self.target, self.rejects):
            if path.exists():
                raise ExportError(f"{path} already exists: pass --overwrite to replace it, or choose another name")


class Growing:
    """The data and rejects as they are written, page by page. Changes nothing on disk before the first page."""

    def __init__(self, files: Files, encoder: Encoder, begin: Checkpoint) -> None:
        self._files = files
        self._encoder = encoder
        self._resumed = begin.length > 0
        self._part: FileIO | None = None
        self._rejects: FileIO | None = None
        self.checkpoint: Checkpoint = begin

    def append(self, data: bytes, rejects: bytes, following: Checkpoint) -> None:
        """Append a page, then save the checkpoint.

        Args:
            data: The encoded calls.
            rejects: The calls that could not be decoded, as JSON Lines.
            following: The checkpoint after the page, except for the lengths.

        Raises:
            ExportDiskError: A file cannot be written. Earlier pages are kept.
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
        """Move the files to their final names. Safe to repeat after an interruption.

        Raises:
            ExportDiskError: A file cannot be written. All pages are kept, so resuming only repeats this step.
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
    """Open a file for appending at `length`, and drop the bytes of an incomplete page after it."""
    file = FileIO(os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666), "r+")
    if file.seek(0, os.SEEK_END) < length:
        file.close()
        raise ExportError(f"{path} is shorter than its checkpoint says: pass --overwrite to start over")
    file.truncate(length)
    file.seek(length)
    return file


def _write(file: FileIO, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]
    os.fsync(file.fileno())


def _sync(path: Path) -> None:
    with suppress(PermissionError, IsADirectoryError):  # Windows cannot open folders
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        except OSError as error:
            if error.errno not in {errno.EINVAL, errno.EBADF}:
                raise
        finally:
            os.close(descriptor)
