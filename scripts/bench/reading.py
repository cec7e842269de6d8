"""Reading every value of a decoded object, as fast as Python can, so that what is decoded late is paid for."""

from __future__ import annotations

import typing
from collections.abc import Callable
from operator import attrgetter
from typing import Any

import attrs

from vox_calls_raw import models


def reader_of(cls: type[Any]) -> Callable[[Any], object]:
    """What reads each public field of a class that the generator wrote, and of all that stands in them."""
    fields = [field for field in attrs.fields(cls) if not field.name.startswith("_")]
    kinds = typing.get_type_hints(cls, localns=vars(models))
    readers = [(index, reader) for index, field in enumerate(fields) if (reader := _reader(kinds[field.name]))]
    values_of = attrgetter(*(field.name for field in fields))
    if not readers:
        return values_of

    def read(value: object) -> object:
        values = values_of(value)
        if len(fields) == 1:
            values = (values,)
        for index, reader in readers:
            if values[index] is not None:
                reader(values[index])
        return values

    return read


def _reader(kind: Any) -> Callable[[Any], object] | None:  # noqa: ANN401 - a type
    for part in (kind, *typing.get_args(kind)):
        origin = typing.get_origin(part) or part
        if attrs.has(origin):
            return reader_of(origin)
        if isinstance(origin, type) and issubclass(origin, dict):
            return lambda value: tuple(value.values() if isinstance(value, dict) else value)
        if isinstance(origin, type) and issubclass(origin, list):
            return _each(_reader(typing.get_args(part)[0]))
    return None


def _each(reader: Callable[[Any], object] | None) -> Callable[[Any], object]:
    return tuple if reader is None else lambda values: [reader(value) for value in values]
