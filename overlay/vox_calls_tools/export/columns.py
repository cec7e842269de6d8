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
import math
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from enum import Enum, auto
from typing import Any
from uuid import UUID

import attrs
import msgspec

from vox_calls.errors import InvalidResponseError
from vox_calls.models import Call
from vox_calls.toolkit import fields_of

REST = "additional_properties"
SECRET = "recording_url"  # noqa: S105 - the name of a field, whose value is left out of every export
HIDDEN = "[hidden]"
"""What stands in the place of a text that is not shown."""

_INT64 = range(-(2**63), 2**63)
_MILLISECOND = timedelta(milliseconds=1)
_EXACT = 2**53  # every integer up to it is a float


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

    def read(self, items: Sequence[Mapping[str, Any]]) -> tuple[tuple[Values, ...], list[dict[str, Any]]]:
        """The values of each column, and what is left of each object."""
        rests = [
            {} if self.names.issuperset(item) else {key: item[key] for key in item if key not in self.names}
            for item in items
        ]
        return tuple(_read(column, [item.get(column.name) for item in items], rests) for column in self.each), rests


@attrs.frozen
class Values:
    """What some calls have in a column.

    Attributes:
        column: Which.
        each: The value of each call, or None. Of an OBJECT, whether it is there.
        inner: The values of an OBJECT's own columns, with None where it is not there.
    """

    column: Column
    each: Sequence[Any]
    inner: tuple[Values, ...] = ()


@attrs.frozen
class Table:
    """Some calls as columns.

    Attributes:
        wire: Those of the contract.
        added: Those of the overlay.
        rests: What is left of the JSON of each call.
    """

    wire: tuple[Values, ...]
    added: tuple[Values, ...]
    rests: list[dict[str, Any]]

    @property
    def rest_texts(self) -> list[str | None]:
        """The column `additional_properties`."""
        return [json_text(rest) if rest else None for rest in self.rests]


@functools.cache
def wire_columns() -> Columns:
    """A column for each field of a call."""
    return _columns_of(Call)


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


def table_of(calls: Sequence[Call]) -> Table:
    """The columns of some calls, without the URLs of their recordings."""
    wire, rests = wire_columns().read([without_secret(call.to_dict()) for call in calls])
    added = tuple(
        Values(column, [_added(getter, call) for call in calls])
        for column, (_, getter) in zip(added_columns(), _properties(), strict=True)
    )
    return Table(wire, added, rests)


def without_secret(item: dict[str, Any]) -> dict[str, Any]:
    """The JSON of a call, changed to say that there is a recording but not where."""
    if item.get(SECRET):
        item[SECRET] = HIDDEN
    return item


def json_text(value: object) -> str:
    """JSON that can be written as UTF-8: half a surrogate pair is escaped."""
    try:
        text = msgspec.json.encode(value).decode()
    except (UnicodeEncodeError, OverflowError, RecursionError):
        return json.dumps(value)
    # It writes null for what JSON has no numbers for, such as 1e999.
    return json.dumps(value, ensure_ascii=False) if "null" in text and _has_infinity(value) else text


def _has_infinity(value: object) -> bool:
    if isinstance(value, float):
        return not math.isfinite(value)
    if isinstance(value, dict):
        return any(map(_has_infinity, value.values()))
    return isinstance(value, list) and any(map(_has_infinity, value))


@functools.cache
def _properties() -> tuple[tuple[str, Callable[[Call], Any]], ...]:
    return tuple(
        (name, member.fget)
        for name, member in vars(Call).items()
        if isinstance(member, property) and member.fget is not None
    )


def _columns_of(cls: type[Any]) -> Columns:
    fields = fields_of(cls)
    hints = typing.get_type_hints(cls)  # types, since its fields were read
    columns = tuple(Column(field.wire_name, *_kind(hints[field.name])) for field in fields)
    return Columns(columns, frozenset(column.name for column in columns))


def _kind(hint: Any) -> tuple[Kind, Columns | None]:  # noqa: ANN401 - a type expression
    kinds = list(_alternatives(hint))
    kind = kinds[0] if len(kinds) == 1 and isinstance(kinds[0], type) and not typing.get_origin(kinds[0]) else object
    if attrs.has(kind):
        return Kind.OBJECT, _columns_of(kind)
    plain = {bool: Kind.BOOLEAN, int: Kind.INTEGER, float: Kind.NUMBER, str: Kind.TEXT, UUID: Kind.TEXT}
    if issubclass(kind, Enum):
        return Kind.ENUM, None
    return plain.get(kind, Kind.JSON), None


def _alternatives(hint: Any) -> Iterator[Any]:  # noqa: ANN401 - a type expression
    kinds = (hint,) if typing.get_origin(hint) is list else typing.get_args(hint) or (hint,)
    return (kind for kind in kinds if kind is not type(None))


def _added(getter: Callable[[Call], Any], call: Call) -> Any:  # noqa: ANN401 - whatever the overlay adds
    try:
        value = getter(call)
    except InvalidResponseError:
        return None  # the columns of the contract still have what came
    return value // _MILLISECOND if isinstance(value, timedelta) else value


def _read(column: Column, values: list[Any], rests: list[dict[str, Any]]) -> Values:
    """What a column holds of some values. What it cannot hold goes to the rests."""
    if column.inner is not None:
        inner, left = column.inner.read([value or {} for value in values])
        for rest, one in zip(rests, left, strict=True):
            if one:
                rest[column.name] = one
        return Values(column, [value is not None for value in values], inner)
    held = _HOLD[column.kind](values)
    if held is not values:
        for rest, value, one in zip(rests, values, held, strict=True):
            if one is None and value is not None:
                rest[column.name] = value
    return Values(column, held)


def _texts(values: list[str | None]) -> list[str | None]:
    if _is_text("".join([value for value in values if value is not None])):
        return values
    return [value if value is None or _is_text(value) else None for value in values]


def _int64s(values: list[float | None]) -> list[int | None]:
    # 1.7e12 is an integer to JSON.
    whole = [None if value is None else int(value) for value in values]
    return [value if value is None or value in _INT64 else None for value in whole]


def _float64s(values: list[float | None]) -> list[float | None]:
    return [value if value is None or -_EXACT <= value <= _EXACT else _float64(value) for value in values]


def _float64(value: float) -> float | None:
    try:
        return float(value) if float(value) == value else None
    except OverflowError:
        return None


def _json_texts(values: list[Any]) -> list[str | None]:
    return [None if value is None else json_text(value) for value in values]


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _as_they_are(values: list[Any]) -> list[Any]:
    return values


# What each kind of column holds of some values; None where it cannot.
_HOLD: Mapping[Kind, Callable[[list[Any]], list[Any]]] = {
    Kind.TEXT: _texts,
    Kind.ENUM: _texts,
    Kind.INTEGER: _int64s,
    Kind.NUMBER: _float64s,
    Kind.BOOLEAN: _as_they_are,
    Kind.JSON: _json_texts,
}
