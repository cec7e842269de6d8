"""Reads calls from an exported file: JSON Lines, CSV or Parquet."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from codecs import BOM_UTF8
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, cast

from vox_calls import Call, ConfigurationError, InvalidResponseError, VoxCallsError
from vox_calls.toolkit import parse_json
from vox_calls_tools.stats import rows

LONGEST_LINE = 16 * 2**20
"""Longer lines, in bytes, are skipped without being held in memory."""

OnBad = Callable[["BadLineError"], None]


class FileError(VoxCallsError):
    """A file of calls cannot be read. The message names it."""


class BadLineError(FileError):
    """A line or a row of a file is not a valid call.

    Attributes:
        path: The file.
        place: The line or row, such as `line 3`.
        reason: What is wrong, without the content of the line.
    """

    def __init__(self, path: Path, place: str, reason: str) -> None:
        super().__init__(f"{path}, {place}: {reason}")
        self.path = path
        self.place = place
        self.reason = reason


def read_calls(path: Path, on_bad: OnBad) -> Iterator[Call]:
    """Read the calls of an exported file, in constant memory.

    Args:
        path: The file: `.jsonl` or `.csv`, optionally followed by `.gz` or `.zst`, or `.parquet`. Compression is
            detected from the content. `.zst` and Parquet need the extra `arrow`.
        on_bad: Called with a BadLineError for each line that is not a valid call; reading continues.

    Yields:
        Each call.

    Raises:
        ConfigurationError: At once, for a name without a known format.
        FileError: The file cannot be opened, read or decompressed.

    Example:
        tally = Tally(ZoneInfo("Asia/Seoul"))
        for call in read_calls(Path("calls.csv.gz"), on_bad=print):
            tally.add(call)
    """
    name = path.with_suffix("") if path.suffix in _PACKED else path
    read = _READ.get(name.suffix)
    if read is None:
        named = ", ".join(_READ)
        raise ConfigurationError(
            f"cannot tell the format from the name {path}: end it in {named}, optionally followed by "
            f"{' or '.join(_PACKED)}"
        )
    return _told(path, read, on_bad)


def _told(path: Path, read: _Read, on_bad: OnBad) -> Iterator[Call]:
    try:
        yield from read(path, on_bad)
    except (OSError, EOFError, ValueError, csv.Error, zlib.error) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise FileError(f"cannot read {path}: {reason}") from None


def _rows(read: Callable[[Path], Iterator[rows.Row]]) -> _Read:
    def calls(path: Path, on_bad: OnBad) -> Iterator[Call]:
        for place, item in read(path):
            try:
                call = Call.from_dict(item())
            except (InvalidResponseError, ValueError, RecursionError) as error:
                on_bad(BadLineError(path, place, str(error)))
            else:
                yield call

    return calls


def _json_lines(path: Path, on_bad: OnBad) -> Iterator[Call]:
    with _opened(path) as stream:
        number = 0
        while line := stream.readline(LONGEST_LINE):
            number += 1
            if number == 1:
                line = line.removeprefix(BOM_UTF8)
            whole = len(line) < LONGEST_LINE or line.endswith(b"\n")
            rest = line
            while len(rest) == LONGEST_LINE and not rest.endswith(b"\n"):
                rest = stream.readline(LONGEST_LINE)
            try:
                if not whole:
                    raise InvalidResponseError("", f"longer than {LONGEST_LINE:,} bytes")
                call = Call.from_dict(_object(line)) if line.strip() else None
            except InvalidResponseError as error:
                on_bad(BadLineError(path, f"line {number}", str(error) if error.path else error.reason))
            else:
                if call is not None:
                    yield call


def _object(line: bytes) -> dict[str, Any]:
    item = parse_json(line)
    if not isinstance(item, dict):
        raise InvalidResponseError("", "not an object")
    return item


def _opened(path: Path) -> BinaryIO:
    with path.open("rb") as file:
        magic = file.read(len(_ZSTD))
    if magic.startswith(_GZIP):
        return cast("BinaryIO", gzip.open(path, "rb"))
    if magic == _ZSTD:
        import pyarrow as pa  # noqa: PLC0415 - an extra, and slow to import

        return cast("BinaryIO", io.BufferedReader(pa.input_stream(path, compression="zstd")))
    return path.open("rb")


_Read = Callable[[Path, OnBad], Iterator[Call]]
_READ: Mapping[str, _Read] = {
    ".jsonl": _json_lines,
    ".csv": _rows(rows.csv_rows),
    ".parquet": _rows(rows.parquet_rows),
}
_PACKED = (".gz", ".zst")
_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"
