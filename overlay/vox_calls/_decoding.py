"""JSON becomes the generated classes: strictly, with the path of every fault, and keeping what is unknown.

Nothing here knows a field of the contract: all of it is read off the generated classes, so a field or an enum value
that the contract gains is decoded as soon as the client is regenerated. The rules are DEC-1 to DEC-14 of
`openapi/conformance/`:

- A value of a wrong type is an InvalidResponseError with its path.
- An absent field is None where it may be null, empty if it is a list or a free object, else an error.
- An unknown field is kept in `additional_properties`.
- An unknown enum value is kept, equals its string, and is reported.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import json
import operator
import re
import threading
import typing
from codecs import BOM_UTF8
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, NoReturn, TypeVar

import attrs
import msgspec

from vox_calls._fields import Field, fields_of
from vox_calls.enums import UnknownValues
from vox_calls.errors import InvalidResponseError
from vox_calls_raw import models

T = TypeVar("T")
Json = Any
"""Any JSON value."""

_FAULT = re.compile(r"(?P<reason>.*?)(?: - at `(?:\$|key in \$)(?P<path>.*)`)?", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `(?P<name>.*)`")
_MOST_DIGITS = 4_000
_JSON_TYPES = {type(None): "null", bool: "bool", int: "int", float: "float", str: "str", list: "array"}


def parse_json(body: bytes) -> object:
    r"""Parse JSON as servers send it: a character that is not valid Unicode costs that character alone.

    Raises:
        InvalidResponseError: For anything that is not JSON.

    Example:
        >>> parse_json(b'{"summary": "cut here: \\ud83d"}')
        {'summary': 'cut here: \ud83d'}
    """
    body = body.removeprefix(BOM_UTF8)
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        reason = str(error)
    try:
        # Slower, but it accepts half a surrogate pair: servers cut texts in the middle of an emoji.
        return json.loads(body.decode("utf-8", "replace"), parse_int=_integer, parse_constant=_not_json)
    except (ValueError, RecursionError):
        raise InvalidResponseError("", f"the body is not JSON: {reason}") from None


def _not_json(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _integer(digits: str) -> int | float:
    # Python rejects integers of more digits, and one value must not cost a page.
    return int(digits) if len(digits) <= _MOST_DIGITS else float(digits)


# msgspec crashes if a thread meets its description of a class while another thread builds it. So decoders are built
# under a lock, with all the classes that they hold, and published whole.
_building = threading.Lock()
_decoders: dict[type[Any], Decoder[Any]] = {}


def decoder_of(cls: type[T]) -> Decoder[T]:
    """Return the decoder of a generated class or a subclass of one. Threads may share it.

    TypeError if the contract has something there that cannot be decoded, such as a choice between two objects.
    """
    if cls not in _decoders:
        with _building:
            if cls not in _decoders:
                _decoders[cls] = Decoder(cls)
    return _decoders[cls]


class Decoder(Generic[T]):
    """Decodes JSON values into one class, and all that it holds. Made by `decoder_of` alone."""

    def __init__(self, cls: type[T]) -> None:
        self._cls = cls
        self._fields = fields_of(cls)
        self._wire_names = frozenset(field.wire_name for field in self._fields)
        self._enums = [(field, field.enum) for field in self._fields if field.enum]
        self._nested = [(field, field.model) for field in self._fields if field.model]
        self._keeps_unknown = hasattr(cls, "additional_properties")
        try:
            msgspec.convert(None, cls, dec_hook=_map)
        except msgspec.ValidationError:
            pass  # None is not an object; msgspec now knows the class
        except TypeError as error:
            raise TypeError(f"{cls.__name__} of the contract has a field that cannot be decoded: {error}") from None
        for field in self._fields:
            if field.map:
                _maker(field.map)

    def decode(self, raw: Json, *, path: str = "", unknown: UnknownValues | None = None) -> T:
        """Decode one object, which stands at a path in the response; InvalidResponseError with the path of a fault."""
        try:
            try:
                decoded = msgspec.convert(raw, self._cls, dec_hook=_map)
            except (msgspec.ValidationError, UnicodeError):
                decoded = self._decode_completed(raw, path)
            self._keep_unknown(raw, decoded, path, unknown)
        except InvalidResponseError as error:
            error.raw = raw
            raise
        return decoded

    def decode_all(
        self, raw: list[Any], *, path: str, unknown: UnknownValues | None = None
    ) -> list[T] | list[T | InvalidResponseError]:
        """Decode each object of a list: for each the object, or its fault.

        The same as one by one, in half the time for well-formed objects.
        """
        with contextlib.suppress(msgspec.ValidationError, UnicodeError):
            decoded: list[T] = msgspec.convert(raw, list[self._cls], dec_hook=_map)  # type: ignore[name-defined] # the class that this decodes
            if self._knows_all(raw):
                return decoded
        return [self._outcome(item, f"{path}[{position}]", unknown) for position, item in enumerate(raw)]

    def _outcome(self, raw: Json, path: str, unknown: UnknownValues | None) -> T | InvalidResponseError:
        try:
            return self.decode(raw, path=path, unknown=unknown)
        except InvalidResponseError as error:
            return error.with_traceback(None)  # its frames would keep the page

    def _decode_completed(self, raw: Json, path: str) -> T:
        try:
            complete = self.complete(raw)
            try:
                return msgspec.convert(complete, self._cls, dec_hook=_map)
            except UnicodeError:
                # Half a surrogate pair where text does not belong: msgspec would not say where.
                return msgspec.convert(_without_halves(complete), self._cls, dec_hook=_map)
        except (msgspec.ValidationError, RecursionError) as error:
            fault = _FAULT.fullmatch(str(error))
            where, reason = (fault["path"] or "", fault["reason"]) if fault else ("", str(error))
            if missing := _MISSING.fullmatch(reason):
                where, reason = f"{where}.{missing['name']}", "the field is missing"
            raise InvalidResponseError(_join(path, where.removeprefix(".")), reason) from None

    def complete(self, raw: Json) -> Json:
        """The object under Python's names, with absent fields filled in and unknown ones left out."""
        if not isinstance(raw, Mapping):
            return raw
        result = {}
        for field in self._fields:
            value = raw.get(field.wire_name, field.absent)
            if value is attrs.NOTHING:
                continue
            if field.is_integer and isinstance(value, float) and value.is_integer():
                value = int(value)  # 1.7e12 is an integer to JSON Schema
            if field.model:
                complete = decoder_of(field.model).complete
                value = [*map(complete, value)] if field.is_list and isinstance(value, list) else complete(value)
            result[field.name] = value
        return result

    def _knows_all(self, objects: Sequence[Mapping[str, Any]]) -> bool:
        """Whether all fields and enum values of these objects are known. Column by column, which is fast.

        They were decoded without being completed, so every declared field is there: an equal count means no other.
        """
        if self._keeps_unknown and not set(map(len, objects)) <= {len(self._fields)}:
            return False
        return all(field.known.issuperset(_column(field, objects)) for field, _ in self._enums) and all(
            decoder_of(model)._knows_all([value for value in _column(field, objects) if value is not None])  # noqa: SLF001 - of this class
            for field, model in self._nested
        )

    def _keep_unknown(self, raw: Json, decoded: Any, path: str, unknown: UnknownValues | None) -> None:  # noqa: ANN401 - any generated class
        """Keep unknown fields and report unknown enum values, of an object and of those that it holds."""
        if self._keeps_unknown and not self._wire_names.issuperset(raw):
            decoded.additional_properties = {key: value for key, value in raw.items() if key not in self._wire_names}
        for field, enum in self._enums:
            for where, value in _each(field, raw):
                if unknown is not None and value not in field.known:
                    unknown.report(_join(path, where), enum, value)
        for field, model in self._nested:
            held = getattr(decoded, field.name)
            inners = held or () if field.is_list else (held,)
            for (where, item), inner in zip(_each(field, raw), inners, strict=True):
                if item is not None:
                    decoder_of(model)._keep_unknown(item, inner, _join(path, where), unknown)  # noqa: SLF001 - of this class


def _each(field: Field, raw: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """The value of a field, or each item of a list, with its path."""
    value = raw.get(field.wire_name)
    if not field.is_list:
        return [(field.wire_name, value)]
    return [(f"{field.wire_name}[{position}]", item) for position, item in enumerate(value or ())]


def _column(field: Field, objects: Sequence[Mapping[str, Any]]) -> list[Any]:
    """The values of a field in all objects, or all items of its lists."""
    values = list(map(operator.itemgetter(field.wire_name), objects))
    return list(itertools.chain.from_iterable(filter(None, values))) if field.is_list else values


def _without_halves(value: Json) -> Json:
    """The value with U+FFFD for each half of a surrogate pair."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, dict):
        return {key: _without_halves(item) for key, item in value.items()}
    return [_without_halves(item) for item in value] if isinstance(value, list) else value


def _map(kind: type[dict[str, Any]], value: Json) -> object:
    """Make what msgspec does not know: its hook."""
    if not isinstance(value, dict):
        raise TypeError(f"Expected `object`, got `{_JSON_TYPES.get(type(value), type(value).__name__)}`")
    return _maker(kind)(value)


@functools.cache
def _maker(kind: type[dict[str, Any]]) -> Callable[[dict[str, Any]], object]:
    """What makes a map of a dict, and each of its values what the contract says."""
    if not issubclass(kind, dict):
        raise TypeError(f"Expected `{kind.__name__}`, got `object`")
    (base,) = kind.__orig_bases__  # type: ignore[attr-defined] # dict[str, ...], by the generator's template
    value_type = typing.get_args(base)[1]
    if isinstance(value_type, str):
        value_type = vars(models)[value_type]
    with contextlib.suppress(msgspec.ValidationError):
        msgspec.convert(None, value_type, dec_hook=_map)  # builds what msgspec has to know of the type

    def make(value: dict[str, Any]) -> object:
        try:
            return kind({key: convert(item) for key, item in value.items()})
        except (InvalidResponseError, msgspec.ValidationError) as error:
            raise ValueError(str(error)) from None  # msgspec adds where it stands

    def convert(item: Json) -> object:
        if attrs.has(value_type):
            return decoder_of(value_type).decode(item)
        return msgspec.convert(item, value_type, dec_hook=_map)

    return make


def _join(path: str, where: str) -> str:
    return f"{path}.{where}" if path and where and not where.startswith("[") else path + where
