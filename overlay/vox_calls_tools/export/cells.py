r"""CSV as in RFC 4180, safe to open in a spreadsheet and lossless.

Spreadsheets run cells that look like formulas, and the texts of a call are untrusted. So, as OWASP recommends, a text
gets a leading apostrophe if it starts with `=`, `+`, `-`, `@` (or their full-width forms, also after blanks), a tab or
a line end. So does a text that starts with an apostrophe, and an empty text, because an empty cell is null. Removing
one leading apostrophe restores the text; `read_csv` does that. Numbers, instants and booleans never get one.

Digits are left alone: `01012345678` is written as it is, and a spreadsheet that opens the file directly drops the zero.
Import that column as text instead.
"""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from vox_calls.models import Call
from vox_calls_tools.export.columns import REST, Column, Kind, Values, added_columns, table_of, wire_columns
from vox_calls_tools.export.packing import open_text

_BYTE_ORDER_MARK = "\ufeff"
_MARK = "'"
_BLANK = "\\s\x00-\x1f\u00ad\u200b-\u200f\u2028-\u202f\u2060-\u2064\ufeff"
_RISKY = re.compile(f"['\t\r\n]|[{_BLANK}]*[-=+@\uff1d\uff0b\uff0d\uff20]|\\Z")
_LONGEST_CELL = 2**31 - 1


def defuse(text: str) -> str:
    """Return the text as a cell that no spreadsheet runs as a formula.

    Example:
        >>> defuse("=1+1"), defuse("1+1"), defuse("")
        ("'=1+1", '1+1', "'")
    """
    return _MARK + text if _RISKY.match(text) else text


def arm(cell: str) -> str | None:
    """Return the text of a cell, undoing `defuse`; None for an empty cell.

    Example:
        >>> arm("'=1+1"), arm("1+1"), arm("")
        ('=1+1', '1+1', None)
    """
    return cell.removeprefix(_MARK) if cell else None


def read_csv(path: str | os.PathLike[str]) -> Iterator[dict[str, str | None]]:
    """Read an exported CSV file, compressed or not.

    Args:
        path: The file.

    Yields:
        Each row as a dict by column name. Texts are as the API sent them; empty cells are None.

    Raises:
        OSError: The file cannot be read.

    Example:
        for row in read_csv("calls.csv.gz"):
            print(row["id"], row["call_analysis.summary"])
    """
    csv.field_size_limit(_LONGEST_CELL)
    with open_text(Path(path)) as file:
        for row in csv.DictReader(file):
            yield {name: arm(cell) for name, cell in row.items()}


class Csv:
    """Writes one row per call: nested columns as `call_analysis.summary`, lines end with CR LF.

    Args:
        pack: Compresses a page.
        mark: Whether the file starts with a byte order mark, which Excel needs to detect UTF-8.
    """

    def __init__(self, pack: Callable[[bytes], bytes], *, mark: bool) -> None:
        self._pack = pack
        self._mark = mark

    def preamble(self) -> bytes:
        """Return the header row."""
        names = [name for column in wire_columns().each for name in _names(column)]
        names += [column.name for column in added_columns()] + [REST]
        return self._pack(((_BYTE_ORDER_MARK if self._mark else "") + _lines([names])).encode())

    def page(self, calls: Sequence[Call]) -> bytes:
        """Return one row per call."""
        return self._pack(_lines(_rows(calls)).encode()) if calls else b""

    def finish(self, part: Path, beside: Path) -> Path:  # noqa: ARG002 - the pages are the file
        """Return `part`, which is complete as it is."""
        return part


def _names(column: Column) -> Iterator[str]:
    if column.inner is None:
        yield column.name
    else:
        for inner in column.inner.each:
            yield from (f"{column.name}.{name}" for name in _names(inner))


def _rows(calls: Sequence[Call]) -> Iterator[tuple[str, ...]]:
    table = table_of(calls)
    columns = [cells for values in table.wire for cells in _flat(values, table.rests)]
    columns += [_cells(values) for values in table.added]
    columns.append([defuse(text) if text else "" for text in table.rest_texts])
    return zip(*columns, strict=True)


def _flat(values: Values, rests: Sequence[dict[str, Any]]) -> list[list[str]]:
    if values.column.inner is None:
        return [_cells(values)]
    name = values.column.name
    columns = [cells for inner in values.inner for cells in _flat(inner, [rest.get(name, {}) for rest in rests])]
    for is_there, rest, *cells in zip(values.each, rests, *columns, strict=True):
        if is_there and not any(cells):
            rest.setdefault(name, {})  # tells an empty object from null
    return columns


def _cells(values: Values) -> list[str]:
    write = _WRITE[values.column.kind]
    return ["" if value is None else write(value) for value in values.each]


# Instants are in UTC, so they end in +00:00.
_WRITE: Mapping[Kind, Callable[[Any], str]] = {
    Kind.TEXT: defuse,
    Kind.ENUM: defuse,
    Kind.JSON: defuse,
    Kind.INTEGER: str,
    Kind.NUMBER: str,
    Kind.DURATION: str,
    Kind.BOOLEAN: lambda value: "true" if value else "false",
    Kind.INSTANT: lambda value: value.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z",
    Kind.AMOUNT: "{:f}".format,
}


def _lines(rows: Iterable[Sequence[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue()
