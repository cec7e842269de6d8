"""Calls from an exported file, one by one: JSON Lines, as they are or compressed."""

from __future__ import annotations

import gzip
import io
import zlib
from codecs import BOM_UTF8
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, cast

from vox_calls import Call, ConfigurationError, InvalidResponseError, VoxCallsError, decoding

LONGEST_LINE = 16 * 2**20
"""A line of more bytes is no call; it is left out without being kept."""

OnBad = Callable[["BadLineError"], None]


class FileError(VoxCallsError):
    """A file of calls cannot be read. The message names it."""


class BadLineError(FileError):
    """A line of the file is no call.

    Attributes:
        path: The file.
        line: The line's number, from 1.
        reason: What is wrong with it. Nothing of the line is in it.
    """

    def __init__(self, path: Path, line: int, reason: str) -> None:
        super().__init__(f"{path}, line {line}: {reason}")
        self.path = path
        self.line = line
        self.reason = reason


def read_calls(path: Path, on_bad: OnBad) -> Iterator[Call]:
    """The calls of an exported file, as they are read: memory does not grow with the file.

    Args:
        path: The file. Its name says what it is: `.jsonl`, with `.gz` or `.zst` behind it where it is
            compressed. How it is compressed is seen from its first bytes; `.zst` needs the extra `arrow`.
        on_bad: Told of each line that is no call; the reading goes on behind it.

    Raises:
        ConfigurationError: At once, for a name that says none of these.
        FileError: For a file that cannot be opened, read or decompressed.
    """
    name = path.with_suffix("") if path.suffix in _PACKED else path
    read = _READ.get(name.suffix)
    if read is None:
        named = ", ".join(form + packed for form in _READ for packed in ("", *_PACKED))
        raise ConfigurationError(f"{path}: the name does not say what is in the file; these do: {named}")
    return _told(path, read, on_bad)


def _told(path: Path, read: _Read, on_bad: OnBad) -> Iterator[Call]:
    try:
        with _opened(path) as stream:
            yield from read(path, stream, on_bad)
    except (OSError, EOFError, zlib.error) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise FileError(f"{path} cannot be read: {reason}") from None


def _json_lines(path: Path, stream: BinaryIO, on_bad: OnBad) -> Iterator[Call]:
    number = 0
    while line := stream.readline(LONGEST_LINE):
        number += 1
        if number == 1:
            line = line.removeprefix(BOM_UTF8)
        try:
            whole = len(line) < LONGEST_LINE or line.endswith(b"\n")
            while len(line) == LONGEST_LINE and not line.endswith(b"\n"):
                line = stream.readline(LONGEST_LINE)
            if not whole:
                raise BadLineError(path, number, f"longer than {LONGEST_LINE:,} bytes")
            if line.strip():
                yield _call(path, number, line)
        except BadLineError as error:
            on_bad(error)


def _call(path: Path, number: int, line: bytes) -> Call:
    try:
        return Call.decode(decoding.parse(line))
    except InvalidResponseError as error:
        raise BadLineError(path, number, str(error)) from None


def _opened(path: Path) -> BinaryIO:
    with path.open("rb") as file:
        magic = file.read(len(_ZSTD))
    if magic.startswith(_GZIP):
        return cast("BinaryIO", gzip.open(path, "rb"))
    if magic == _ZSTD:
        import pyarrow as pa  # noqa: PLC0415 - an extra, and slow to import

        return cast("BinaryIO", io.BufferedReader(pa.input_stream(path, compression="zstd")))
    return path.open("rb")


_Read = Callable[[Path, BinaryIO, OnBad], Iterator[Call]]
_READ: Mapping[str, _Read] = {".jsonl": _json_lines}
_PACKED = (".gz", ".zst")
_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"
