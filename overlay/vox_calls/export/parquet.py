"""Parquet: typed columns, read alike by pandas, polars, DuckDB and Spark. Needs pyarrow, the extra `arrow`.

A Parquet file cannot be gone on with, for its index stands at its end. So pages are kept as Arrow IPC streams, each
whole in itself, one behind the other; when all are there they become row groups, some thousands at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import attrs
import pyarrow as pa
import pyarrow.parquet as pq

from vox_calls.export.columns import REST, Column, Kind, Values, added_columns, table_of, wire_columns
from vox_calls.models import Call

ROW_GROUP = 5_000
"""Calls in a row group: what is held in memory at the end."""

# 18 digits before the point and 10 behind it: a sum of them still fits what Spark and others can hold, 38 digits.
_DIGITS, _PLACES = 28, 10

_TYPES = {
    Kind.TEXT: pa.string(),
    Kind.ENUM: pa.dictionary(pa.int32(), pa.string()),
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
        columns = [_field(column) for column in (*wire_columns().each, *added_columns())]
        self._schema = pa.schema([*columns, pa.field(REST, pa.string())])

    def preamble(self) -> bytes:
        """Nothing."""
        return b""

    def page(self, calls: Sequence[Call]) -> bytes:
        """The calls as an Arrow IPC stream of their own."""
        if not calls:
            return b""
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, self._schema) as writer:
            writer.write_batch(self._batch(calls))
        content: bytes = sink.getvalue().to_pybytes()
        return content

    def _batch(self, calls: Sequence[Call]) -> Any:  # noqa: ANN401 - pyarrow has no types
        table = table_of(calls)
        arrays = [
            _array(values, field.type)
            for values, field in zip((*table.wire, *table.added), self._schema, strict=False)  # and the rest
        ]
        return pa.RecordBatch.from_arrays([*arrays, pa.array(table.rest_texts, pa.string())], schema=self._schema)

    def finish(self, part: Path, beside: Path) -> Path:
        """Write the pages to `beside` as row groups."""
        with pq.ParquetWriter(beside, self._schema, compression="zstd") as writer:
            for rows in _groups(part):
                # Every page has a dictionary of its own, for enums grow while the export runs.
                table = pa.Table.from_batches(rows, self._schema).unify_dictionaries()
                writer.write_table(table, row_group_size=table.num_rows)
        return beside


def _field(column: Column) -> Any:  # noqa: ANN401 - pyarrow has no types
    if column.inner is None:
        return pa.field(column.name, _TYPES[column.kind])
    # Dictionaries inside of structs cannot be unified.
    inner = [attrs.evolve(one, kind=Kind.TEXT) if one.kind is Kind.ENUM else one for one in column.inner.each]
    return pa.field(column.name, pa.struct([_field(one) for one in inner]))


def _array(values: Values, kind: Any) -> Any:  # noqa: ANN401 - pyarrow has no types
    if values.column.inner is not None:
        inner = [_array(one, field.type) for one, field in zip(values.inner, kind, strict=True)]
        return pa.StructArray.from_arrays(inner, fields=list(kind), mask=pa.array([not one for one in values.each]))
    each = values.each
    if pa.types.is_dictionary(kind):
        places = {
            value: place for place, value in enumerate(dict.fromkeys(value for value in each if value is not None))
        }
        indices = pa.array([None if value is None else places[value] for value in each], kind.index_type)
        return pa.DictionaryArray.from_arrays(indices, pa.array(list(places), kind.value_type))
    if values.column.kind is Kind.AMOUNT:
        # Rounded it would be wrong. The contract's own column has the text.
        each = [amount if amount is not None and _fits(amount) else None for amount in each]
    return pa.array(each, kind)


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
