"""Converts lists of Python values to Arrow arrays, by building their buffers.

`pyarrow.array` would do, but it imports pandas if that is installed, which costs 50 MB of memory.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import accumulate
from typing import Any

import pyarrow as pa

from vox_calls_tools.export.columns import Kind

# 18 digits before the point and 10 after it: sums still fit the 38 digits that Spark and others support.
DIGITS, PLACES = 28, 10

TYPES = {
    Kind.TEXT: pa.string(),
    Kind.ENUM: pa.dictionary(pa.int32(), pa.string()),
    Kind.INTEGER: pa.int64(),
    Kind.NUMBER: pa.float64(),
    Kind.BOOLEAN: pa.bool_(),
    Kind.JSON: pa.string(),
    Kind.INSTANT: pa.timestamp("ms", tz="UTC"),
    Kind.DURATION: pa.int64(),
    Kind.AMOUNT: pa.decimal128(DIGITS, PLACES),
}
"""The Arrow type of each kind of column."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_DECIMAL_BYTES = 16


def array_of(values: Sequence[Any], kind: Kind) -> pa.Array:
    """Return the values as an array of the type of their kind; None and amounts that do not fit become null."""
    if kind is Kind.ENUM:
        places = {value: place for place, value in enumerate(dict.fromkeys(v for v in values if v is not None))}
        indices = _plain([None if value is None else places[value] for value in values], pa.int32(), "i")
        return pa.DictionaryArray.from_arrays(indices, _texts(list(places)))
    return _MAKE[kind](values)


def struct_of(is_there: Sequence[bool], inner: Sequence[Any], kind: pa.DataType) -> pa.Array:
    """Return a struct array, null where `is_there` is false."""
    buffers = [pa.py_buffer(_bits(is_there))]
    return pa.Array.from_buffers(kind, len(is_there), buffers, children=list(inner))


def _texts(values: Sequence[str | None]) -> pa.Array:
    encoded = [b"" if value is None else value.encode() for value in values]
    ends = array("i", accumulate(map(len, encoded), initial=0))
    return _made(values, pa.string(), ends, b"".join(encoded))


def _integers(values: Sequence[int | None]) -> pa.Array:
    return _plain(values, pa.int64(), "q")


def _numbers(values: Sequence[float | None]) -> pa.Array:
    return _plain(values, pa.float64(), "d")


def _booleans(values: Sequence[bool | None]) -> pa.Array:
    return _made(values, pa.bool_(), _bits(values))


def _instants(values: Sequence[datetime | None]) -> pa.Array:
    since = [None if value is None else (value - _EPOCH) // _MILLISECOND for value in values]
    return _plain(since, TYPES[Kind.INSTANT], "q")


def _amounts(values: Sequence[Decimal | None]) -> pa.Array:
    # A rounded amount would be wrong. The contract's own column still has the text of an amount that is null here.
    scaled = [None if value is None else _scaled(value) for value in values]
    content = b"".join((value or 0).to_bytes(_DECIMAL_BYTES, "little", signed=True) for value in scaled)
    return _made(scaled, TYPES[Kind.AMOUNT], content)


def _scaled(amount: Decimal) -> int | None:
    sign, digits, exponent = amount.as_tuple()
    assert isinstance(exponent, int)  # noqa: S101 - it is a finite number
    if exponent < -PLACES or len(digits) + exponent > DIGITS - PLACES:
        return None
    whole = int("".join(map(str, digits)) + "0" * (exponent + PLACES))
    return -whole if sign else whole


def _plain(values: Sequence[float | None], kind: pa.DataType, code: str) -> pa.Array:
    return _made(values, kind, array(code, [0 if value is None else value for value in values]))


def _made(values: Sequence[object], kind: pa.DataType, *content: array[int] | array[float] | bytes) -> pa.Array:
    valid = pa.py_buffer(_bits([value is not None for value in values])) if None in values else None
    return pa.Array.from_buffers(kind, len(values), [valid, *map(pa.py_buffer, content)])


def _bits(values: Sequence[object]) -> bytes:
    """Pack the truth of each value into bits, least significant first."""
    digits = "".join("1" if value else "0" for value in reversed(values))
    return int(digits or "0", 2).to_bytes((len(values) + 7) // 8, "little")


_MAKE: dict[Kind, Callable[[Sequence[Any]], Any]] = {
    Kind.TEXT: _texts,
    Kind.JSON: _texts,
    Kind.INTEGER: _integers,
    Kind.DURATION: _integers,
    Kind.NUMBER: _numbers,
    Kind.BOOLEAN: _booleans,
    Kind.INSTANT: _instants,
    Kind.AMOUNT: _amounts,
}
