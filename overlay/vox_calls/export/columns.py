"""A call as one row: the columns are read off the generated classes, so a new field is a new column.

Three kinds of column, in this order:

- every field of the contract under its own name and with its own value: `start_at` is unix milliseconds. Objects with
  fields of their own are nested; free objects and lists are JSON text
- what the overlay's `Call` adds to them: `started_at`, `ended_at`, `duration_ms` and `cost`. Null where the server sent
  something that cannot be read as that; the field that it is made of still has what came
- `additional_properties`: JSON text of all that has no place in the others: fields that the contract does not have,
  and values that a column cannot hold, such as an integer of more than 64 bits. An object like the call's own JSON, so
  that the two merge into what came. Null where there is nothing of the kind, as nearly always
"""

from __future__ import annotations

import functools
import json
import typing
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from enum import Enum, auto
from typing import Any
from uuid import UUID

import attrs

from vox_calls.errors import InvalidResponseError
from vox_calls.models import Call
from vox_calls.shapes import Shape, shape_of

REST = "additional_properties"
SECRET = "recording_url"  # noqa: S105 - the name of a field, whose value is left out of every export
HIDDEN = "[hidden]"

_INT64 = range(-(2**63), 2**63)
_MILLISECOND = timedelta(milliseconds=1)
_NOTHING_LEFT = attrs.NOTHING


class Kind(Enum):
    """What a column holds."""

    TEXT = auto()
    ENUM = auto()
    INTEGER = auto()
    NUMBER = auto()
    BOOLEAN = auto()
    JSON = auto()
    OBJECT = auto()
    INSTANT = auto()
    DURATION = auto()
    AMOUNT = auto()


@attrs.frozen
class Column:
    """A column, or a field of a nested one.

    Attributes:
        name: As the contract has it.
        kind: What it holds.
        inner: The columns of an OBJECT.
    """

    name: str
    kind: Kind
    inner: Columns | None = None


@attrs.frozen
class Columns:
    """The columns of an object of the contract."""

    each: tuple[Column, ...]
    names: frozenset[str]

    def read(self, item: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """The values of the columns, and what is left of the object."""
        rest = {} if self.names.issuperset(item) else {key: item[key] for key in item if key not in self.names}
        values: dict[str, Any] = {}
        for column in self.each:
            value = item.get(column.name)
            if value is not None:
                value, left = _read(column, value)
                if left is not _NOTHING_LEFT:
                    rest[column.name] = left
            values[column.name] = value
        return values, rest


@attrs.frozen
class Row:
    """A call as its row: values by column, nested ones as dicts, and what is left of its JSON."""

    values: dict[str, Any]
    rest: dict[str, Any]


@functools.cache
def wire_columns() -> Columns:
    """A column for each field of a call."""
    return _columns_of(shape_of(Call), Call)


@functools.cache
def added_columns() -> tuple[Column, ...]:
    """A column for each property that the overlay adds to a call.

    Raises:
        TypeError: Where the contract has a field of the same name.
    """
    kinds = {datetime: Kind.INSTANT, timedelta: Kind.DURATION, Decimal: Kind.AMOUNT}
    columns = []
    for name, getter in _properties():
        (kind,) = (kinds[hint] for hint in _alternatives(typing.get_type_hints(getter)["return"]))
        columns.append(Column(f"{name}_ms" if kind is Kind.DURATION else name, kind))
    if taken := wire_columns().names & {REST, *(column.name for column in columns)}:
        raise TypeError(f"the contract has a field with the name of a column of the export's: {', '.join(taken)}")
    return tuple(columns)


def row_of(call: Call) -> Row:
    """The row of a call, without the URL of its recording."""
    values, rest = wire_columns().read(without_secret(call.to_dict()))
    for column, (_, getter) in zip(added_columns(), _properties(), strict=True):
        try:
            value = getter(call)
        except InvalidResponseError:
            value = None  # the columns of the contract still have what came
        values[column.name] = value // _MILLISECOND if isinstance(value, timedelta) else value
    return Row(values, rest)


def without_secret(item: dict[str, Any]) -> dict[str, Any]:
    """The JSON of a call, changed to say that there is a recording but not where."""
    if item.get(SECRET):
        item[SECRET] = HIDDEN
    return item


def json_text(value: object) -> str:
    """JSON in as few characters as can be written as UTF-8; half a surrogate pair is escaped."""
    text = json.dumps(value, ensure_ascii=False)
    return text if _is_text(text) else json.dumps(value)


@functools.cache
def _properties() -> tuple[tuple[str, Callable[[Call], Any]], ...]:
    return tuple(
        (name, member.fget)
        for name, member in vars(Call).items()
        if isinstance(member, property) and member.fget is not None
    )


def _columns_of(shape: Shape, cls: type[Any]) -> Columns:
    hints = typing.get_type_hints(cls)  # real types since the shape was made
    columns = tuple(Column(field.wire_name, *_kind(hints[field.name])) for field in shape.fields)
    return Columns(columns, frozenset(column.name for column in columns))


def _kind(hint: Any) -> tuple[Kind, Columns | None]:  # noqa: ANN401 - a type expression
    kinds = list(_alternatives(hint))
    kind = kinds[0] if len(kinds) == 1 and isinstance(kinds[0], type) and not typing.get_origin(kinds[0]) else object
    if attrs.has(kind):
        return Kind.OBJECT, _columns_of(shape_of(kind), kind)
    plain = {bool: Kind.BOOLEAN, int: Kind.INTEGER, float: Kind.NUMBER, str: Kind.TEXT, UUID: Kind.TEXT}
    if issubclass(kind, Enum):
        return Kind.ENUM, None
    return plain.get(kind, Kind.JSON), None


def _alternatives(hint: Any) -> Iterator[Any]:  # noqa: ANN401 - a type expression
    kinds = (hint,) if typing.get_origin(hint) is list else typing.get_args(hint) or (hint,)
    return (kind for kind in kinds if kind is not type(None))


def _read(column: Column, value: Any) -> tuple[Any, Any]:  # noqa: ANN401 - any JSON
    """The value that a column holds, and what is left of it."""
    if column.inner is not None:
        values, rest = column.inner.read(value)
        return values, rest or _NOTHING_LEFT
    held = _HOLD[column.kind](value)
    return held, value if held is None else _NOTHING_LEFT


def _text(value: str) -> str | None:
    return value if _is_text(value) else None


def _int64(value: float) -> int | None:
    whole = int(value)  # 1.7e12 is an integer to JSON
    return whole if whole in _INT64 else None


def _float64(value: float) -> float | None:
    try:
        return float(value) if float(value) == value else None
    except OverflowError:
        return None


def _is_text(text: str) -> bool:
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            return False
    return True


# What each kind of column holds of a value; None where it cannot.
_HOLD: Mapping[Kind, Callable[[Any], object]] = {
    Kind.TEXT: _text,
    Kind.ENUM: _text,
    Kind.INTEGER: _int64,
    Kind.NUMBER: _float64,
    Kind.BOOLEAN: bool,
    Kind.JSON: json_text,
}
