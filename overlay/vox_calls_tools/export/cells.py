r"""CSV as RFC 4180 has it, safe to open in a spreadsheet, with every value still told from every other.

A spreadsheet runs a cell that begins like a formula, and the texts of a call come from strangers. So a text that begins
with `=`, `+`, `-`, `@` (or their full-width twins, behind blanks too), a tab or a line end gets an apostrophe in front,
as OWASP says. So does one that begins with an apostrophe, and an empty one, since an empty cell is null: whoever takes
one leading apostrophe off has what came, which is what `read_csv` does. Numbers, instants and booleans are the export's
own and get none.

Digits are left alone: `01012345678` is in the file as it is, and a spreadsheet that opens the file by a double click
shows it without its zero. Import the file with that column as text instead.
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
    """The text as a cell that no spreadsheet takes for a formula.

    Example:
        >>> defuse("=1+1"), defuse("1+1"), defuse("")
        ("'=1+1", '1+1', "'")
    """
    return _MARK + text if _RISKY.match(text) else text


def arm(cell: str) -> str | None:
    """The text of a cell: the way back from `defuse`; None for an empty cell.

    Example:
        >>> arm("'=1+1"), arm("1+1"), arm("")
        ('=1+1', '1+1', None)
    """
    return cell.removeprefix(_MARK) if cell else None


def read_csv(path: str | os.PathLike[str]) -> Iterator[dict[str, str | None]]:
    """The rows of an exported CSV, packed or not, by the names of their columns; texts as they came, null as None.

    Raises:
        OSError: Where the file cannot be read.

    Example:
        for row in read_csv("calls.csv.gz"):
            print(row["id"], row["call_analysis.summary"])
    """
    csv.field_size_limit(_LONGEST_CELL)
    with open_text(Path(path)) as file:
        for row in csv.DictReader(file):
            yield {name: arm(cell) for name, cell in row.items()}


class Csv:
    """Writes a row for each call: nested columns as `call_analysis.summary`, lines ended by CR and LF.

    Args:
        pack: Packs a page.
        mark: Whether the file begins with a byte order mark, without which Excel does not take it for UTF-8.
    """

    def __init__(self, pack: Callable[[bytes], bytes], *, mark: bool) -> None:
        self._pack = pack
        self._mark = mark

    def preamble(self) -> bytes:
        """The names of the columns."""
        names = [name for column in wire_columns().each for name in _names(column)]
        names += [column.name for column in added_columns()] + [REST]
        return self._pack(((_BYTE_ORDER_MARK if self._mark else "") + _lines([names])).encode())

    def page(self, calls: Sequence[Call]) -> bytes:
        """A row for each call."""
        return self._pack(_lines(_rows(calls)).encode()) if calls else b""

    def finish(self, part: Path, beside: Path) -> Path:  # noqa: ARG002 - it is whole already
        """The file is whole as it is."""
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
            rest.setdefault(name, {})  # an object, though all its cells are empty
    return columns


def _cells(values: Values) -> list[str]:
    write = _WRITE[values.column.kind]
    return ["" if value is None else write(value) for value in values.each]


# An instant is in UTC, and +00:00 is its end.
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
