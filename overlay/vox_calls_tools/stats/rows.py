"""Rebuilds the JSON of calls from the rows of an exported CSV or Parquet file."""

from __future__ import annotations

import csv
import functools
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from vox_calls_tools.export.cells import arm
from vox_calls_tools.export.columns import REST, Columns, Kind, wire_columns
from vox_calls_tools.export.packing import open_text

_AT_ONCE = 1_000
_LONGEST_CELL = 2**31 - 1

Row = tuple[str, Callable[[], dict[str, Any]]]
"""The place of a row in the file, and a function that makes its JSON and raises ValueError for an invalid cell."""


def csv_rows(path: Path) -> Iterator[Row]:
    """Read the rows of a CSV file, compressed or not.

    Raises:
        csv.Error: The file is not CSV.
    """
    csv.field_size_limit(_LONGEST_CELL)
    with open_text(path) as file:
        reader = csv.reader(file)
        names = next(reader, [])
        for cells in reader:
            yield f"line {reader.line_num}", functools.partial(_csv_item, names, cells)


def parquet_rows(path: Path) -> Iterator[Row]:
    """Read the rows of a Parquet file in batches. Needs the extra `arrow`.

    Raises:
        OSError, ValueError: The file is not Parquet.
    """
    import pyarrow.parquet as pq  # noqa: PLC0415 - an extra, and slow to import

    number = 0
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=_AT_ONCE):
            for row in batch.to_pylist():
                number += 1
                yield f"row {number}", functools.partial(_parquet_item, row)


def _csv_item(names: list[str], cells: list[str]) -> dict[str, Any]:
    if len(cells) != len(names):
        raise ValueError(f"it has {len(cells)} cells instead of {len(names)}")
    row = {name: arm(cell) for name, cell in zip(names, cells, strict=True)}
    return _completed(_csv_object(wire_columns(), row, ""), row)


def _csv_object(columns: Columns, row: Mapping[str, str | None], prefix: str) -> dict[str, Any]:
    item: dict[str, Any] = {}
    for column in columns.each:
        name = prefix + column.name
        if column.inner is not None:
            if inner := _csv_object(column.inner, row, f"{name}."):
                item[column.name] = inner
        elif (cell := row.get(name)) is not None:
            item[column.name] = _READ.get(column.kind, str)(cell)
    return item


def _parquet_item(row: Mapping[str, Any]) -> dict[str, Any]:
    return _completed(_parquet_object(wire_columns(), row), row)


def _parquet_object(columns: Columns, row: Mapping[str, Any]) -> dict[str, Any]:
    item: dict[str, Any] = {}
    for column in columns.each:
        value = row.get(column.name)
        if value is None:
            continue  # null or absent: decoding fills in absent fields
        if isinstance(value, Mapping) and column.inner is not None:
            value = _parquet_object(column.inner, value)
        elif isinstance(value, str) and column.kind is Kind.JSON:
            value = json.loads(value)
        item[column.name] = value
    return item


def _completed(item: dict[str, Any], row: Mapping[str, Any]) -> dict[str, Any]:
    """Merge what the columns could not hold."""
    rest = row.get(REST)
    if isinstance(rest, str):
        _merge(item, json.loads(rest))
    return item


def _merge(item: dict[str, Any], rest: Mapping[str, Any]) -> None:
    for key, value in rest.items():
        inner = item.get(key)
        if isinstance(inner, dict) and isinstance(value, Mapping):
            _merge(inner, value)
        else:
            item[key] = value


def _boolean(cell: str) -> bool:
    with suppress(KeyError):
        return {"true": True, "false": False}[cell]
    raise ValueError("neither true nor false")


_READ: Mapping[Kind, Callable[[str], Any]] = {
    Kind.INTEGER: int,
    Kind.NUMBER: float,
    Kind.BOOLEAN: _boolean,
    Kind.JSON: json.loads,
}
