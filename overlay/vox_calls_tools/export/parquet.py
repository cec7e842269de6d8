"""Parquet: typed columns for pandas, polars, DuckDB and Spark. Needs pyarrow, the extra `arrow`.

A Parquet file cannot be appended to, because its index is at its end. So pages are stored as consecutive Arrow IPC
streams, and converted to row groups once all pages are fetched.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import attrs
import pyarrow as pa
import pyarrow.parquet as pq

from vox_calls.models import Call
from vox_calls_tools.export.arrays import TYPES, array_of, struct_of
from vox_calls_tools.export.columns import REST, Column, Kind, Values, added_columns, table_of, wire_columns

ROW_GROUP = 5_000
"""Minimum number of calls in each row group but the last. One row group at a time is held in memory."""


class Parquet:
    """Writes one row per call: enums dictionary-encoded, nested objects as structs, free objects as JSON text."""

    def __init__(self) -> None:
        columns = [_field(column) for column in (*wire_columns().each, *added_columns())]
        self._schema = pa.schema([*columns, pa.field(REST, pa.string())])

    def preamble(self) -> bytes:
        """Return nothing."""
        return b""

    def page(self, calls: Sequence[Call]) -> bytes:
        """Return the calls as one Arrow IPC stream."""
        if not calls:
            return b""
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, self._schema) as writer:
            writer.write_batch(self._batch(calls))
        content: bytes = sink.getvalue().to_pybytes()
        return content

    def _batch(self, calls: Sequence[Call]) -> pa.RecordBatch:
        table = table_of(calls)
        arrays = [
            _array(values, field.type)
            for values, field in zip((*table.wire, *table.added), self._schema, strict=False)  # REST follows
        ]
        return pa.RecordBatch.from_arrays([*arrays, array_of(table.rest_texts, Kind.JSON)], schema=self._schema)

    def finish(self, part: Path, beside: Path) -> Path:
        """Write the pages to `beside` as row groups."""
        with pq.ParquetWriter(beside, self._schema, compression="zstd") as writer:
            for rows in _groups(part):
                # Each page has its own dictionary: unknown enum values may appear on any page.
                table = pa.Table.from_batches(rows, self._schema).unify_dictionaries()
                writer.write_table(table, row_group_size=table.num_rows)
        return beside


def _field(column: Column) -> pa.Field:
    if column.inner is None:
        return pa.field(column.name, TYPES[column.kind])
    # pyarrow cannot unify dictionaries inside structs.
    inner = [attrs.evolve(one, kind=Kind.TEXT) if one.kind is Kind.ENUM else one for one in column.inner.each]
    return pa.field(column.name, pa.struct([_field(one) for one in inner]))


def _array(values: Values, kind: pa.DataType) -> pa.Array:
    if values.column.inner is None:
        plain = values.column.kind is Kind.ENUM and not pa.types.is_dictionary(kind)
        return array_of(values.each, Kind.TEXT if plain else values.column.kind)
    inner = [_array(one, field.type) for one, field in zip(values.inner, kind, strict=True)]
    return struct_of(values.each, inner, kind)


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
