"""The columns of an export, derived from the generated classes: a new field becomes a new column.

Three kinds of column, in this order:

- Every field of the contract, with its own name and value: `start_at` is unix milliseconds. Objects with declared
  fields are nested; free objects and lists are JSON text.
- The properties that `Call` adds: `started_at`, `ended_at`, `duration_ms` and `cost`. Null if the server's value is
  invalid; the field that they derive from still has it.
- `additional_properties`: JSON text of everything else: fields unknown to the contract, and values that a column cannot
  hold, such as an integer of more than 64 bits. It has the shape of the call's JSON, so merging both restores what the
  API sent. Usually null.
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
"""Replaces a redacted text."""

_INT64 = range(-(2**63), 2**63)
_MILLISECOND = timedelta(milliseconds=1)
_EXACT = 2**53  # floats represent every integer up to here


class Kind(Enum):
    """The type of a column."""

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
    """A column, or a field of a nested column.

    Attributes:
        name: Name in the contract.
        kind: Type of its values.
        inner: Columns of an OBJECT.
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
        """Return the values of each column, and what is left of each object."""
        rests = [
            {} if self.names.issuperset(item) else {key: item[key] for key in item if key not in self.names}
            for item in items
        ]
        return tuple(_read(column, [item.get(column.name) for item in items], rests) for column in self.each), rests


@attrs.frozen
class Values:
    """The values of one column for some calls.

    Attributes:
        column: The column.
        each: The value of each call, or None. For an OBJECT, whether it is present.
        inner: The values of an OBJECT's columns; None where the object is absent.
    """

    column: Column
    each: Sequence[Any]
    inner: tuple[Values, ...] = ()


@attrs.frozen
class Table:
    """Some calls as columns.

    Attributes:
        wire: Columns of the contract.
        added: Columns that `Call` adds.
        rests: What is left of each call's JSON.
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
    """Return a column for each field of a call."""
    return _columns_of(Call)


@functools.cache
def added_columns() -> tuple[Column, ...]:
    """Return a column for each property that `Call` adds to the contract.

    Raises:
        TypeError: The contract has a field of the same name.
    """
    kinds = {datetime: Kind.INSTANT, timedelta: Kind.DURATION, Decimal: Kind.AMOUNT}
    columns = []
    for name, getter in _properties():
        (kind,) = (kinds[hint] for hint in _alternatives(typing.get_type_hints(getter)["return"]))
        columns.append(Column(f"{name}_ms" if kind is Kind.DURATION else name, kind))
    if taken := wire_columns().names & {REST, *(column.name for column in columns)}:
        raise TypeError(f"fields of the contract clash with columns of the export: {', '.join(taken)}")
    return tuple(columns)


def table_of(calls: Sequence[Call]) -> Table:
    """Return the columns of some calls, with recording URLs redacted."""
    wire, rests = wire_columns().read([without_secret(call.to_dict()) for call in calls])
    added = tuple(
        Values(column, [_added(getter, call) for call in calls])
        for column, (_, getter) in zip(added_columns(), _properties(), strict=True)
    )
    return Table(wire, added, rests)


def without_secret(item: dict[str, Any]) -> dict[str, Any]:
    """Redact the recording URL in the JSON of a call, in place."""
    if item.get(SECRET):
        item[SECRET] = HIDDEN
    return item


def json_text(value: object) -> str:
    """Return JSON that can be encoded as UTF-8: lone surrogates are escaped."""
    try:
        text = msgspec.json.encode(value).decode()
    except (UnicodeEncodeError, OverflowError, RecursionError):
        return json.dumps(value)
    # msgspec writes null for infinity, which 1e999 decodes to.
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
    hints = typing.get_type_hints(cls)  # resolved by fields_of
    columns = tuple(Column(field.wire_name, *_kind(hints[field.name])) for field in fields)
    return Columns(columns, frozenset(column.name for column in columns))


def _kind(hint: Any) -> tuple[Kind, Columns | None]:  # noqa: ANN401 - a type expression
    kinds = list(_alternatives(hint))
    kind = kinds[0] if len(kinds) == 1 and isinstance(kinds[0], type) and not typing.get_origin(kinds[0]) else object
    if attrs.has(kind):
        return Kind.OBJECT, _columns_of(kind)
    if str in kinds and set(kinds) <= {str, int, float}:
        return Kind.TEXT, None
    plain = {bool: Kind.BOOLEAN, int: Kind.INTEGER, float: Kind.NUMBER, str: Kind.TEXT, UUID: Kind.TEXT}
    if issubclass(kind, Enum):
        return Kind.ENUM, None
    return plain.get(kind, Kind.JSON), None


def _alternatives(hint: Any) -> Iterator[Any]:  # noqa: ANN401 - a type expression
    kinds = (hint,) if typing.get_origin(hint) is list else typing.get_args(hint) or (hint,)
    return (kind for kind in kinds if kind is not type(None))


def _added(getter: Callable[[Call], Any], call: Call) -> Any:  # noqa: ANN401 - any property of Call
    try:
        value = getter(call)
    except InvalidResponseError:
        return None  # the contract's own column still has the value
    return value // _MILLISECOND if isinstance(value, timedelta) else value


def _read(column: Column, values: list[Any], rests: list[dict[str, Any]]) -> Values:
    """Return what a column can hold of some values, and move the others to the rests."""
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


def _texts(values: list[Any]) -> list[str | None]:
    # A field may be a text or a number.
    if not {str, type(None)}.issuperset(map(type, values)):
        values = [json_text(value) if isinstance(value, int | float) else value for value in values]
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


# Converts values for each kind of column; None for a value that the column cannot hold.
_HOLD: Mapping[Kind, Callable[[list[Any]], list[Any]]] = {
    Kind.TEXT: _texts,
    Kind.ENUM: _texts,
    Kind.INTEGER: _int64s,
    Kind.NUMBER: _float64s,
    Kind.BOOLEAN: _as_they_are,
    Kind.JSON: _json_texts,
}
