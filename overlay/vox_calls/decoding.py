"""JSON becomes the generated classes, strictly, with the place of every fault; what is unknown is kept.

Nothing here knows a field of the contract. Everything is read off the generated classes once, so a field or an enum
value that is added to the contract is decoded as soon as the client is regenerated. The rules:

- a wrong type is an InvalidResponseError with the path of the value
- an absent field is null where it may be null, empty where it is an object or a list without rules of its own, and
  an error otherwise
- an unknown field is kept in `additional_properties`
- an unknown enum value is kept, equals its string, and is reported
"""

from __future__ import annotations

import functools
import inspect
import logging
import operator
import re
import sys
import types
import typing
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any, Generic, TypeVar

import attrs
import msgspec

from vox_calls.errors import InvalidResponseError, UnknownEnumValueError
from vox_calls_raw import models
from vox_calls_raw.types import Unset

T = TypeVar("T")

logger = logging.getLogger("vox_calls")

_WIRE_NAME = "wire_name"  # where the generator's template keeps a name that Python cannot spell
_FAULT = re.compile(r"(?P<reason>.*?)(?: - at `(?:\$|key in \$)(?P<path>.*)`)?", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `(?P<name>.*)`")
_MOST_REMEMBERED = 1_000


def parse(body: bytes) -> object:
    """The JSON of a body.

    Raises:
        InvalidResponseError: For anything that is not JSON in UTF-8.

    """
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidResponseError("", f"the body is not JSON: {error}") from None


class EnumWatch:
    """What happens to enum values that the contract does not list: one warning for each, or an error."""

    def __init__(self, *, strict: bool = False) -> None:
        self._strict = strict
        self._seen: set[tuple[str, str]] = set()

    def unknown(self, path: str, kind: type[Enum], value: str, raw: object) -> None:
        """Report an unknown value.

        Raises:
            UnknownEnumValueError: Where enums are strict.

        """
        shown = ascii(value[:100])
        if self._strict:
            raise UnknownEnumValueError(path, f"{kind.__name__} has no value {shown}", raw=raw)
        if (kind.__name__, value) not in self._seen and len(self._seen) < _MOST_REMEMBERED:
            self._seen.add((kind.__name__, value))
            logger.warning("%s: %s is a value that this version of vox-calls does not know", kind.__name__, shown)


class Decoder(Generic[T]):
    """Decodes JSON values into one generated class, or a subclass of one, and all that it holds."""

    def __init__(self, cls: type[T]) -> None:
        self._cls = cls
        self._shape = _Shape.of(cls)

    def decode(self, raw: object, *, path: str = "", watch: EnumWatch | None = None) -> T:
        """One object.

        Args:
            raw: The JSON value. It is not changed.
            path: Where it stands in the response, for errors.
            watch: What happens to unknown enum values; kept in silence without one.

        Raises:
            InvalidResponseError: With the path of what is wrong.

        """
        try:
            if self._shape.has_defaults:
                decoded = self._decode_completed(raw, path)
            else:
                decoded = msgspec.convert(raw, self._cls, dec_hook=_free_object)
        except msgspec.ValidationError:
            decoded = self._decode_completed(raw, path)
        self._shape.keep_unknown(raw, decoded)
        if watch is not None:
            for where, kind, value in self._shape.unknown_enum_values(raw):
                watch.unknown(_join(path, where), kind, value, raw)
        return decoded

    def _decode_completed(self, raw: object, path: str) -> T:
        try:
            return msgspec.convert(self._shape.complete(raw), self._cls, dec_hook=_free_object)
        except (msgspec.ValidationError, RecursionError) as error:
            fault = _FAULT.fullmatch(str(error))
            where, reason = (fault["path"] or "", fault["reason"]) if fault else ("", str(error))
            if missing := _MISSING.fullmatch(reason):
                where, reason = f"{where}.{missing['name']}", "the field is missing"
            raise InvalidResponseError(_join(path, where.removeprefix(".")), reason, raw=raw) from None


@attrs.frozen
class _Field:
    name: str
    wire_name: str
    absent: Any  # what to put where the field is absent, or NOTHING
    shape: _Shape | None  # of the object, or of each object of the list
    is_list: bool
    enum: type[Enum] | None
    known: frozenset[object]


@attrs.frozen
class _Shape:
    """What has to be known of a generated class beyond what msgspec reads off it."""

    fields: tuple[_Field, ...]
    wire_names: frozenset[str]
    nested: tuple[_Field, ...]
    enums: tuple[_Field, ...]
    has_defaults: bool  # msgspec would put the generator's Unset where such a field is absent

    @classmethod
    def of(cls, described: type[Any]) -> _Shape:
        own = [field for field in attrs.fields(described) if field.init]
        hints = _resolve(described)
        fields = tuple(_field(field, hints[field.name]) for field in own)
        return cls(
            fields,
            frozenset(field.wire_name for field in fields),
            tuple(field for field in fields if field.shape),
            tuple(field for field in fields if field.enum),
            any(field.default is not attrs.NOTHING for field in own)
            or any(field.shape.has_defaults for field in fields if field.shape),
        )

    def complete(self, raw: object) -> object:
        """The same object under Python's names, with what may be absent filled in and what is unknown left out."""
        if not isinstance(raw, Mapping):
            return raw
        result = {}
        for field in self.fields:
            value = raw.get(field.wire_name, field.absent)
            if value is attrs.NOTHING:
                continue
            if field.shape is not None:
                if field.is_list and isinstance(value, list):
                    value = [field.shape.complete(item) for item in value]
                else:
                    value = field.shape.complete(value)
            result[field.name] = value
        return result

    def keep_unknown(self, raw: Any, decoded: Any) -> None:  # noqa: ANN401 - any JSON, any generated class
        """Put the fields that the contract does not have into `additional_properties`."""
        # Objects without an unknown field are nearly all there are: equal counts tell them fast, since decoding
        # has shown that every known field is there or was filled in.
        if len(raw) != len(self.fields) or not self.wire_names.issuperset(raw):
            decoded.additional_properties = {key: value for key, value in raw.items() if key not in self.wire_names}
        for field in self.nested:
            value = raw.get(field.wire_name)
            if not value or field.shape is None:
                continue
            if field.is_list:
                for item, object_ in zip(value, getattr(decoded, field.name), strict=True):
                    field.shape.keep_unknown(item, object_)
            else:
                field.shape.keep_unknown(value, getattr(decoded, field.name))

    def unknown_enum_values(self, raw: Any) -> Iterator[tuple[str, type[Enum], str]]:  # noqa: ANN401 - any JSON
        """Path, enum and value of each value that its enum does not list."""
        for field in self.enums:
            value = raw.get(field.wire_name)
            for where, item in _items(field, value):
                if item not in field.known and field.enum is not None:
                    yield where, field.enum, item
        for field in self.nested:
            value = raw.get(field.wire_name)
            if not value or field.shape is None:
                continue
            for where, item in _items(field, value):
                for inner, kind, unknown in field.shape.unknown_enum_values(item):
                    yield f"{where}.{inner}", kind, unknown


def _items(field: _Field, value: Any) -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - any JSON
    if field.is_list and value:
        for position, item in enumerate(value):
            yield f"{field.wire_name}[{position}]", item
    else:
        yield field.wire_name, value


def _field(field: attrs.Attribute[Any], hint: Any) -> _Field:  # noqa: ANN401 - a type expression
    kinds = _alternatives(hint)
    is_list = any(typing.get_origin(kind) is list for kind in kinds)
    inner = [item for kind in kinds for item in _alternatives(*typing.get_args(kind))] if is_list else kinds
    classes = [kind for kind in inner if isinstance(kind, type) and not typing.get_origin(kind)]
    enum = next((kind for kind in classes if issubclass(kind, Enum)), None)
    nested = next((kind for kind in classes if attrs.has(kind)), None)
    return _Field(
        name=field.name,
        wire_name=field.metadata.get(_WIRE_NAME, field.name),
        absent=_absent(kinds),
        shape=_Shape.of(nested) if nested else None,
        is_list=is_list,
        enum=enum,
        known=frozenset([None, *(member.value for member in enum)]) if enum else frozenset(),
    )


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


def _free_object(kind: type[Any], value: Any) -> Any:  # noqa: ANN401 - msgspec's signature
    if issubclass(kind, dict) and isinstance(value, dict):
        return kind(value)
    raise TypeError(f"Expected `object`, got `{_json_type(value)}`")


def _json_type(value: object) -> str:
    names = {type(None): "null", bool: "bool", int: "int", float: "float", str: "str", list: "array"}
    return names.get(type(value), type(value).__name__)


def _join(path: str, where: str) -> str:
    return f"{path}.{where}" if path and where and not where.startswith("[") else path + where
