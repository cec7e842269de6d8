"""What a file is written as: told by its name, or said."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from vox_calls_tools.export.errors import ExportError

if TYPE_CHECKING:
    from vox_calls.models import Call


class Format(StrEnum):
    """How calls are written.

    Attributes:
        JSONL: JSON Lines: a line for each call, as it came.
        CSV: A row for each call, safe to open in a spreadsheet.
        PARQUET: Typed columns; needs the extra `arrow`.

    Example:
        >>> Format("csv") is Format.CSV
        True
    """

    JSONL = "jsonl"
    CSV = "csv"
    PARQUET = "parquet"


class Compression(StrEnum):
    """What the file is packed with, by the ending of its name."""

    NONE = ""
    GZIP = "gz"
    ZSTD = "zst"


class Form(NamedTuple):
    """Format and compression of one file."""

    format: Format
    compression: Compression


class Encoder(Protocol):
    """Turns pages into bytes. What it gives for each page stands for itself, so that a file can end after any."""

    def preamble(self) -> bytes:
        """What comes before the first page."""

    def page(self, calls: Sequence[Call]) -> bytes:
        """One page."""

    def finish(self, part: Path, beside: Path) -> Path:
        """Make the pages in `part` a whole file, and give its path: `part` itself, or `beside`."""


def form_of(path: Path, format_: str | None = None) -> Form:
    """How to write the file of this name.

    Args:
        path: Such as `calls.jsonl`, `calls.csv.gz` or `calls.parquet`.
        format_: The format, where the name does not tell it.

    Raises:
        ExportError: Where the name tells no format, or the format is not packed in that way.
    """
    endings = [ending.removeprefix(".").lower() for ending in path.suffixes]
    compression = Compression.NONE
    if endings and endings[-1] in {Compression.GZIP, Compression.ZSTD}:
        compression = Compression(endings.pop())
    said = format_ or (endings[-1] if endings else "")
    known = list(map(str, Format))
    if said not in known:
        if format_ is not None:
            raise ExportError(f"{format_!r} is no format: pass one of {', '.join(known)}")
        raise ExportError(
            f"the name {path.name!r} does not say the format: end it in one of .{', .'.join(known)} "
            f"(.jsonl and .csv also with .gz or .zst behind), or pass the format"
        )
    if said == Format.PARQUET and compression is not Compression.NONE:
        raise ExportError(f"Parquet packs its own data: leave .{compression} out of the name {path.name!r}")
    return Form(Format(said), compression)
