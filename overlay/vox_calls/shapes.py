"""What has to be known of a generated class beyond what msgspec reads off it: read off it by reflection, once."""

from __future__ import annotations

import functools
import inspect
import itertools
import operator
import sys
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from typing import Any

import attrs

from vox_calls_raw import models
from vox_calls_raw.types import Unset

_WIRE_NAME = "wire_name"  # where the generator's template keeps a name that Python cannot spell


@attrs.frozen
class Field:
    """A declared field.

    Attributes:
        name: In Python.
        wire_name: In JSON.
        absent: What to put where the field is absent, or NOTHING.
        shape: That of the object, or of each object of the list.
        is_list: Whether it is a list.
        enum: The enum of the value, or of each value of the list.
        known: The values of that enum, and None.
        is_integer: Whether it is a whole number.
    """

    name: str
    wire_name: str
    absent: Any
    shape: Shape | None
    is_list: bool
    enum: type[Enum] | None
    known: frozenset[object]
    is_integer: bool

    def each(self, raw: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        """The value of the field in an object, or each of a list of them, with its path."""
        value = raw.get(self.wire_name)
        if self.is_list:
            for position, item in enumerate(value or ()):
                yield f"{self.wire_name}[{position}]", item
        else:
            yield self.wire_name, value


class Shape:
    """A generated class with declared fields.

    Attributes:
        fields: All of them, in the contract's order.
        nested: Those that hold objects with declared fields, or lists of them.
        enums: Those that hold enum values, or lists of them.
        free: The classes of free objects that fields hold, or lists of them.
        wire_names: What the fields are called in JSON.
        has_defaults: Whether msgspec would put the generator's Unset where a field is absent.
        keeps_unknown: Whether there is a place for fields that the contract does not have.
    """

    fields: tuple[Field, ...] = ()
    nested: tuple[Field, ...] = ()
    enums: tuple[Field, ...] = ()
    free: tuple[type[dict[str, Any]], ...] = ()
    wire_names: frozenset[str] = frozenset()
    has_defaults = False
    keeps_unknown = False

    def complete(self, raw: object) -> object:
        """The same object under Python's names, with what may be absent filled in and what is unknown left out."""
        if not isinstance(raw, Mapping):
            return raw
        result = {}
        for field in self.fields:
            value = raw.get(field.wire_name, field.absent)
            if value is attrs.NOTHING:
                continue
            if field.is_integer and isinstance(value, float) and value.is_integer():
                value = int(value)  # 1.7e12 is an integer to JSON Schema, and to whoever wrote it
            if field.shape is not None:
                if field.is_list and isinstance(value, list):
                    value = [field.shape.complete(item) for item in value]
                else:
                    value = field.shape.complete(value)
            result[field.name] = value
        return result

    def knows_all(self, objects: Sequence[Mapping[str, Any]]) -> bool:
        """Whether none of these objects has a field or an enum value that the contract does not have.

        They have been decoded as they are, so each declared field is there: an equal count means no other.
        """
        if self.keeps_unknown and not set(map(len, objects)) <= {len(self.fields)}:
            return False
        for field in (*self.enums, *self.nested):
            values = list(map(operator.itemgetter(field.wire_name), objects))
            if field.is_list:
                values = list(itertools.chain.from_iterable(filter(None, values)))
            if field.enum is not None and not field.known.issuperset(values):
                return False
            if field.shape is not None and not field.shape.knows_all([value for value in values if value is not None]):
                return False
        return True

    def keep_unknown(self, raw: Any, decoded: Any) -> None:  # noqa: ANN401 - any JSON, any generated class
        """Put the fields that the contract does not have into `additional_properties`."""
        # Objects without an unknown field are nearly all there are: equal counts tell them fast, since decoding
        # has shown that every known field is there or was filled in.
        if self.keeps_unknown and (len(raw) != len(self.fields) or not self.wire_names.issuperset(raw)):
            decoded.additional_properties = {key: value for key, value in raw.items() if key not in self.wire_names}
        for field in self.nested:
            value = raw.get(field.wire_name)
            if not value or field.shape is None:
                continue
            inner = getattr(decoded, field.name)
            for item, object_ in zip(value, inner, strict=True) if field.is_list else ((value, inner),):
                if item is not None:
                    field.shape.keep_unknown(item, object_)

    def unknown_enum_values(self, raw: Any) -> Iterator[tuple[str, type[Enum], str]]:  # noqa: ANN401 - any JSON
        """Path, enum and value of each value that its enum does not list."""
        for field in self.enums:
            if field.is_list or raw.get(field.wire_name) not in field.known:
                for where, item in field.each(raw):
                    if item not in field.known and field.enum is not None:
                        yield where, field.enum, item
        for field in self.nested:
            if field.shape is not None and (field.shape.enums or field.shape.nested) and raw.get(field.wire_name):
                for where, item in field.each(raw):
                    if item is not None:
                        for inner, kind, unknown in field.shape.unknown_enum_values(item):
                            yield f"{where}.{inner}", kind, unknown


_shapes: dict[type[Any], Shape] = {}


def shape_of(cls: type[Any]) -> Shape:
    """The shape of a class, and of all that it holds. Makes the annotations of those classes real types."""
    if cls not in _shapes:
        _shapes[cls] = shape = Shape()  # known before it is filled in, for a class may hold itself
        own = [field for field in attrs.fields(cls) if field.init]
        hints = _resolve(cls)
        shape.fields = tuple(_field(field, hints[field.name]) for field in own)
        shape.nested = tuple(field for field in shape.fields if field.shape)
        shape.enums = tuple(field for field in shape.fields if field.enum)
        shape.free = tuple(kind for hint in hints.values() for kind in _classes(hint) if issubclass(kind, dict))
        shape.wire_names = frozenset(field.wire_name for field in shape.fields)
        shape.has_defaults = any(field.default is not attrs.NOTHING for field in own)
        shape.keeps_unknown = hasattr(cls, "additional_properties")
    return _shapes[cls]


def reachable(shape: Shape) -> list[Shape]:
    """The shape itself and those of all that it holds."""
    found = [shape]
    for known in found:
        found += [field.shape for field in known.nested if field.shape is not None and field.shape not in found]
    return found


def _field(field: attrs.Attribute[Any], hint: Any) -> Field:  # noqa: ANN401 - a type expression
    kinds = _alternatives(hint)
    classes = _classes(hint)
    enum = next((kind for kind in classes if issubclass(kind, Enum)), None)
    nested = next((kind for kind in classes if attrs.has(kind)), None)
    return Field(
        name=field.name,
        wire_name=field.metadata.get(_WIRE_NAME, field.name),
        absent=_absent(kinds),
        shape=shape_of(nested) if nested else None,
        is_list=any(typing.get_origin(kind) is list for kind in kinds),
        enum=enum,
        known=frozenset([None, *(member.value for member in enum)]) if enum else frozenset(),
        is_integer=int in kinds and float not in kinds,
    )


def _classes(hint: Any) -> list[type[Any]]:  # noqa: ANN401 - a type expression
    """The classes that a value may be of, or each value of a list."""
    kinds = _alternatives(hint)
    lists = [kind for kind in kinds if typing.get_origin(kind) is list]
    inner = [item for kind in lists for item in _alternatives(typing.get_args(kind)[0])] or kinds
    return [kind for kind in inner if isinstance(kind, type) and not typing.get_origin(kind)]


def _absent(kinds: tuple[Any, ...]) -> object:
    if types.NoneType in kinds:
        return None
    for kind in kinds:
        if typing.get_origin(kind) is list:
            return []
        if isinstance(kind, type) and issubclass(kind, dict):
            return {}
    return attrs.NOTHING


def _alternatives(hint: Any) -> tuple[Any, ...]:  # noqa: ANN401 - a type expression
    return typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)


def _resolve(cls: type[Any]) -> dict[str, Any]:
    """Make the annotations of a generated class real types, once.

    Its module imports its neighbours for the type checker alone, so msgspec could not. And where the contract has a
    field that is not required, the generator allows its Unset; here such a field is None.
    """
    hints: dict[str, Any] = {}
    for base in reversed(cls.__mro__):
        own = inspect.get_annotations(base)
        if own and attrs.has(base):
            names = {**vars(models), **vars(sys.modules[base.__module__])}
            resolved = typing.get_type_hints(base, localns=names)
            base.__annotations__ = {name: _without_unset(resolved[name]) for name in own}
            hints.update(base.__annotations__)
    return hints


def _without_unset(hint: Any) -> Any:  # noqa: ANN401 - a type expression
    kinds = _alternatives(hint)
    if Unset not in kinds:
        return hint
    return functools.reduce(operator.or_, (kind for kind in kinds if kind is not Unset), None)
