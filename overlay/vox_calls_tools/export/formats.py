"""The formats of an export, chosen by file name or explicitly."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from vox_calls_tools.export.errors import ExportError

if TYPE_CHECKING:
    from vox_calls.models import Call


class Format(StrEnum):
    """The format of an export.

    Attributes:
        JSONL: JSON Lines: one call per line, as the API sent it.
        CSV: One call per row, safe to open in a spreadsheet.
        PARQUET: Typed columns; needs the extra `arrow`.

    Example:
        >>> Format("csv") is Format.CSV
        True
    """

    JSONL = "jsonl"
    CSV = "csv"
    PARQUET = "parquet"


class Compression(StrEnum):
    """The compression of an export, by the suffix of the file name."""

    NONE = ""
    GZIP = "gz"
    ZSTD = "zst"


class Form(NamedTuple):
    """The format and compression of one file."""

    format: Format
    compression: Compression


class Encoder(Protocol):
    """Encodes pages independently of each other, so that a file can be cut after any page."""

    def preamble(self) -> bytes:
        """Return what precedes the first page."""

    def page(self, calls: Sequence[Call]) -> bytes:
        """Encode one page."""

    def finish(self, part: Path, beside: Path) -> Path:
        """Turn the pages in `part` into a complete file, and return its path: `part` itself or `beside`."""


def form_of(path: Path, format_: str | None = None) -> Form:
    """Return the format and compression of a file.

    Args:
        path: The file, such as `calls.jsonl`, `calls.csv.gz` or `calls.parquet`.
        format_: The format; None for that of the file name.

    Raises:
        ExportError: The format is unknown, or does not support the compression.
    """
    endings = [ending.removeprefix(".").lower() for ending in path.suffixes]
    compression = Compression.NONE
    if endings and endings[-1] in {Compression.GZIP, Compression.ZSTD}:
        compression = Compression(endings.pop())
    said = format_ or (endings[-1] if endings else "")
    known = list(map(str, Format))
    if said not in known:
        if format_ is not None:
            raise ExportError(f"unknown format {format_!r}: pass one of {', '.join(known)}")
        raise ExportError(
            f"cannot tell the format from the name {path.name!r}: end it in one of .{', .'.join(known)} "
            f"(.jsonl and .csv optionally followed by .gz or .zst), or pass the format"
        )
    if said == Format.PARQUET and compression is not Compression.NONE:
        raise ExportError(f"Parquet compresses its own data: remove .{compression} from the name {path.name!r}")
    return Form(Format(said), compression)
