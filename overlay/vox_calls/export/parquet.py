"""Parquet: typed columns, read alike by pandas, polars, DuckDB and Spark. Needs pyarrow, the extra `arrow`.

A Parquet file cannot be gone on with, for its index stands at its end. So pages are kept as Arrow IPC streams, each
whole in itself, one behind the other; when all are there they become row groups, some thousands at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from vox_calls.export.columns import REST, Column, Columns, Kind, added_columns, json_text, row_of, wire_columns
from vox_calls.models import Call

ROW_GROUP = 10_000
"""Calls in a row group: what is held in memory at the end."""

# 18 digits before the point and 10 behind it: a sum of them still fits what Spark and others can hold, 38 digits.
_DIGITS, _PLACES = 28, 10

_TYPES = {
    Kind.TEXT: pa.string(),
    Kind.ENUM: pa.string(),
    Kind.INTEGER: pa.int64(),
    Kind.NUMBER: pa.float64(),
    Kind.BOOLEAN: pa.bool_(),
    Kind.JSON: pa.string(),
    Kind.INSTANT: pa.timestamp("ms", tz="UTC"),
    Kind.DURATION: pa.int64(),
    Kind.AMOUNT: pa.decimal128(_DIGITS, _PLACES),
}


class Parquet:
    """Writes a row for each call, enums dictionary-encoded, nested objects as structs, free objects as JSON text."""

    def __init__(self) -> None:
        self._staged = _schema(_TYPES)
        # Enums grow while the export runs. Each row group has a dictionary of its own, so none is too small.
        self._final = _schema({**_TYPES, Kind.ENUM: pa.dictionary(pa.int32(), pa.string())})
        self._options = pa.ipc.IpcWriteOptions(compression="zstd")

    def preamble(self) -> bytes:
        """Nothing."""
        return b""

    def page(self, calls: Sequence[Call]) -> bytes:
        """The calls as an Arrow IPC stream of their own."""
        if not calls:
            return b""
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, self._staged, options=self._options) as writer:
            writer.write_batch(pa.RecordBatch.from_pylist([_values(call) for call in calls], schema=self._staged))
        content: bytes = sink.getvalue().to_pybytes()
        return content

    def finish(self, part: Path, beside: Path) -> Path:
        """Write the pages to `beside` as row groups."""
        with pq.ParquetWriter(beside, self._final, compression="zstd") as writer:
            for rows in _groups(part):
                table = pa.Table.from_batches(rows, self._staged).combine_chunks()
                encoded = [
                    _encoded(column.combine_chunks(), field.type)
                    for column, field in zip(table.columns, self._final, strict=True)
                ]
                writer.write_table(pa.Table.from_arrays(encoded, schema=self._final), row_group_size=ROW_GROUP)
        return beside


def _schema(types: dict[Kind, Any]) -> Any:  # noqa: ANN401 - pyarrow has no types
    columns = [_field(column, types) for column in (*wire_columns().each, *added_columns())]
    return pa.schema([*columns, pa.field(REST, pa.string())])


def _field(column: Column, types: dict[Kind, Any]) -> Any:  # noqa: ANN401 - pyarrow has no types
    kind = types[column.kind] if column.inner is None else _struct(column.inner, types)
    return pa.field(column.name, kind)


def _struct(columns: Columns, types: dict[Kind, Any]) -> Any:  # noqa: ANN401 - pyarrow has no types
    return pa.struct([_field(column, types) for column in columns.each])


def _values(call: Call) -> dict[str, Any]:
    row = row_of(call)
    for column in added_columns():
        amount = row.values[column.name]
        if column.kind is Kind.AMOUNT and amount is not None and not _fits(amount):
            row.values[column.name] = None  # rounded it would be wrong; the contract's own column has the text
    row.values[REST] = json_text(row.rest) if row.rest else None
    return row.values


def _fits(amount: Decimal) -> bool:
    _, digits, exponent = amount.as_tuple()
    assert isinstance(exponent, int)  # noqa: S101 - it is a finite number
    return exponent >= -_PLACES and len(digits) + exponent <= _DIGITS - _PLACES


def _groups(part: Path) -> Iterator[list[Any]]:
    rows: list[Any] = []
    with part.open("rb") as file:
        size = part.stat().st_size
        while file.tell() < size:
            with pa.ipc.open_stream(file) as stream:
                rows.extend(stream)
            if sum(batch.num_rows for batch in rows) >= ROW_GROUP:
                yield rows
                rows = []
    if rows:
        yield rows


def _encoded(array: Any, kind: Any) -> Any:  # noqa: ANN401 - pyarrow has no types
    """The array with dictionaries where its type is to have them, at any depth."""
    if array.type.equals(kind):
        return array
    if pa.types.is_dictionary(kind):
        return array.dictionary_encode()
    inner = [_encoded(array.field(number), field.type) for number, field in enumerate(kind)]
    return pa.StructArray.from_arrays(inner, fields=list(kind), mask=array.is_null())
