"""Allows one export to a file at a time. The operating system releases the lock when the process ends."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from vox_calls_tools.export.errors import ExportError, writing

if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextmanager
def locked(path: Path, target: Path) -> Iterator[None]:
    """Hold a lock file, and remove it afterwards.

    Raises:
        ExportError: Another process holds it.
        ExportDiskError: The file cannot be created.
    """
    with writing(path):
        descriptor = _take(path, target)
    try:
        yield
    finally:
        # Removed before it is released: a process that has opened it meanwhile sees that, and creates a new one.
        with suppress(OSError):
            path.unlink()
        os.close(descriptor)


def _take(path: Path, target: Path) -> int:
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            _lock(descriptor)
            if _is(path, descriptor):
                return descriptor
        except OSError as error:
            os.close(descriptor)
            if isinstance(error, (BlockingIOError, PermissionError)):
                raise ExportError(f"another export is writing {target}; wait for it or choose another file") from None
            raise
        os.close(descriptor)


def _is(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
