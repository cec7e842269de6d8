"""What the contract says of the fields of an object, read off the generated classes, once for each class."""

from __future__ import annotations

import sys
import types
import typing
from enum import Enum
from typing import Any

import attrs

from vox_calls_raw import models

# Where the generator's template keeps a name that Python cannot spell, and what may be absent.
_WIRE_NAME, _OPTIONAL = "wire_name", "optional"


@attrs.frozen
class Field:
    """A declared field of an object.

    Attributes:
        name: Its name in Python.
        wire_name: Its name in JSON.
        absent: What stands for it when it is absent; `attrs.NOTHING` where it is required.
        is_optional: Whether the contract allows it to be absent, apart from null.
        is_list: Whether it is a list; what follows is then said of each item.
        is_integer: Whether it is a whole number.
        enum: The enum of its value.
        known: The values of that enum, and None.
        model: The generated class of the object that it holds; see `fields_of`.
        map: The generated class of the object that it holds: any key, values of one type.

    Example:
        >>> from vox_calls import Call
        >>> [field.wire_name for field in fields_of(Call) if field.enum]
        ['call_type', 'status', 'disconnection_reason']
    """

    name: str
    wire_name: str
    absent: Any
    is_optional: bool
    is_list: bool
    is_integer: bool
    enum: type[Enum] | None
    known: frozenset[object]
    model: type[Any] | None
    map: type[dict[str, Any]] | None


_known: dict[type[Any], tuple[Field, ...]] = {}


def fields_of(cls: type[Any]) -> tuple[Field, ...]:
    """Return the declared fields of a generated class or a subclass of one, such as `Call`, in the contract's order.

    Example:
        >>> from vox_calls import Call
        >>> fields_of(Call)[0].name
        'id'
    """
    if cls not in _known:
        hints = typing.get_type_hints(cls)
        _known[cls] = tuple(_field(field, hints[field.name]) for field in attrs.fields(cls) if field.init)
    return _known[cls]


def _field(field: attrs.Attribute[Any], hint: Any) -> Field:  # noqa: ANN401 - a type expression
    kinds = _alternatives(hint)
    lists = [kind for kind in kinds if typing.get_origin(kind) is list]
    inner = [item for kind in lists for item in _alternatives(typing.get_args(kind)[0])] or kinds
    classes = [kind for kind in inner if isinstance(kind, type) and not typing.get_origin(kind)]
    enum = next((kind for kind in classes if issubclass(kind, Enum)), None)
    return Field(
        name=field.name,
        wire_name=field.metadata.get(_WIRE_NAME, field.name),
        absent=_absent(kinds),
        is_optional=field.metadata.get(_OPTIONAL, False),
        is_list=bool(lists),
        is_integer=int in kinds and float not in kinds,
        enum=enum,
        known=frozenset([None, *(member.value for member in enum)]) if enum else frozenset(),
        model=next((kind for kind in classes if attrs.has(kind)), None),
        map=next((kind for kind in classes if issubclass(kind, dict)), None),
    )


def _absent(kinds: tuple[Any, ...]) -> object:
    if types.NoneType in kinds:
        return None
    for kind in kinds:
        base = typing.get_origin(kind) or kind
        if issubclass(base, list | dict):
            return base()
    return attrs.NOTHING


def _alternatives(hint: Any) -> tuple[Any, ...]:  # noqa: ANN401 - a type expression
    return typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)


def _resolve_annotations() -> None:
    """Replace the annotations of the generated classes, which are strings, by types: msgspec could not.

    Their modules import their neighbours for type checkers alone.
    """
    for cls in vars(models).values():
        if attrs.has(cls):
            names = {**vars(models), **vars(sys.modules[cls.__module__])}
            cls.__annotations__ = typing.get_type_hints(cls, localns=names)


_resolve_annotations()
