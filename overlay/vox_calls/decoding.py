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

import contextlib
import functools
import json
import logging
import re
import threading
import typing
from collections.abc import Callable
from enum import Enum
from typing import Any, Generic, NoReturn, TypeVar

import attrs
import msgspec

from vox_calls.errors import InvalidResponseError, UnknownEnumValueError
from vox_calls.shapes import reachable, shape_of
from vox_calls_raw import models

T = TypeVar("T")

logger: logging.Logger = logging.getLogger("vox_calls")

_FAULT = re.compile(r"(?P<reason>.*?)(?: - at `(?:\$|key in \$)(?P<path>.*)`)?", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `(?P<name>.*)`")
_MOST_REMEMBERED = 1_000
_MOST_DIGITS = 4_000


def parse(body: bytes) -> object:
    """The JSON of a body. A character that is not valid Unicode costs itself, not the body.

    Raises:
        InvalidResponseError: For anything that is not JSON.
    """
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        reason = str(error)
    try:
        # Slower, and takes half a surrogate pair, as servers send that cut a text in the middle of an emoji.
        return json.loads(body.decode("utf-8", "replace"), parse_int=_integer, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise InvalidResponseError("", f"the body is not JSON: {reason}") from None


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _integer(digits: str) -> int | float:
    # Python makes no integer of more digits than that, and one value must not cost a page.
    return int(digits) if len(digits) <= _MOST_DIGITS else float(digits)


class EnumWatch:
    """What happens to enum values that the contract does not list: one warning for each, or an error."""

    def __init__(self, *, strict: bool = False, redact: Callable[[str], str] = str) -> None:
        self._strict = strict
        self._redact = redact
        self._seen: set[tuple[str, str]] = set()

    def unknown(self, path: str, kind: type[Enum], value: str, raw: object) -> None:
        """Report an unknown value.

        Raises:
            UnknownEnumValueError: Where enums are strict.
        """
        shown = ascii(self._redact(value)[:100])
        if self._strict:
            raise UnknownEnumValueError(path, f"{kind.__name__} has no value {shown}", raw=raw)
        if (kind.__name__, value) not in self._seen and len(self._seen) < _MOST_REMEMBERED:
            self._seen.add((kind.__name__, value))
            logger.warning("%s: %s is a value that this version of vox-calls does not know", kind.__name__, shown)


# msgspec crashes where a thread meets its description of a class while another one builds it, and classes may hold each
# other. So decoders are built under a lock, with all that they will ever need, and published when they are whole.
_building = threading.RLock()
_unfinished: dict[type[Any], Decoder[Any]] = {}
_decoders: dict[type[Any], Decoder[Any]] = {}


def decoder_of(cls: type[T]) -> Decoder[T]:
    """The decoder of a class, built on first use. Threads may share it."""
    if cls in _decoders:
        return _decoders[cls]
    with _building:
        if cls in _decoders:
            return _decoders[cls]
        if cls in _unfinished:
            return _unfinished[cls]
        outermost = not _unfinished
        try:
            decoder: Decoder[T] = Decoder.__new__(Decoder)
            _unfinished[cls] = decoder
            decoder.__init__(cls)  # type: ignore[misc] # it may ask for itself
            if outermost:
                _decoders.update(_unfinished)
            return decoder
        finally:
            if outermost:
                _unfinished.clear()


class Decoder(Generic[T]):
    """Decodes JSON values into one generated class, or a subclass of one, and all that it holds.

    Raises:
        TypeError: Where the contract has a shape that cannot be decoded, such as a choice between two objects.
    """

    def __init__(self, cls: type[T]) -> None:
        self._cls = cls
        self._shape = shape_of(cls)
        # msgspec would put the generator's Unset where a field with a default is absent.
        self._complete_always = any(shape.has_defaults for shape in reachable(self._shape))
        try:
            msgspec.convert(None, cls, dec_hook=_free_object)
        except msgspec.ValidationError:
            pass  # None is no object; what matters is that msgspec can make something of the class
        except TypeError as error:
            raise TypeError(f"{cls.__name__} of the contract has a field that cannot be decoded: {error}") from None
        for shape in reachable(self._shape):
            for kind in shape.free:
                _maker(kind)

    def decode(self, raw: object, *, path: str = "", watch: EnumWatch | None = None) -> T:
        """One object.

        Args:
            raw: The JSON value. It is not changed.
            path: Where it stands in the response, for errors.
            watch: What happens to unknown enum values; kept in silence without one.

        Raises:
            InvalidResponseError: With the path of what is wrong.
        """
        if self._complete_always:
            decoded = self._decode_completed(raw, path)
        else:
            try:
                decoded = msgspec.convert(raw, self._cls, dec_hook=_free_object)
            except (msgspec.ValidationError, UnicodeError):
                decoded = self._decode_completed(raw, path)
        self._look_for_unknown(raw, decoded, path, watch)
        return decoded

    def decode_all(
        self, raw: list[Any], *, path: str, watch: EnumWatch | None = None
    ) -> list[T] | list[T | InvalidResponseError]:
        """Each object of a list, or what is wrong with it.

        The same as one by one, in half the time where nothing is odd, which is nearly always.

        Args:
            raw: The JSON values. They are not changed.
            path: Where the list stands in the response, for errors.
            watch: What happens to unknown enum values; kept in silence without one.
        """
        try:
            # Where absent fields are to be filled in, or one object is wrong, each has to be looked at.
            decoded = None if self._complete_always else msgspec.convert(raw, list[self._cls], dec_hook=_free_object)  # type: ignore[name-defined] # the class that this decodes
        except (msgspec.ValidationError, UnicodeError):
            decoded = None
        if decoded is not None and self._shape.knows_all(raw):
            return decoded
        outcomes: list[T | InvalidResponseError] = []
        for position, item in enumerate(raw):
            where = f"{path}[{position}]"
            try:
                if decoded is None:
                    outcomes.append(self.decode(item, path=where, watch=watch))
                else:
                    self._look_for_unknown(item, decoded[position], where, watch)
                    outcomes.append(decoded[position])
            except InvalidResponseError as error:
                outcomes.append(error.with_traceback(None))  # its frames would keep the page
        return outcomes

    def _look_for_unknown(self, raw: object, decoded: T, path: str, watch: EnumWatch | None) -> None:
        self._shape.keep_unknown(raw, decoded)
        if watch is not None:
            for where, kind, value in self._shape.unknown_enum_values(raw):
                watch.unknown(_join(path, where), kind, value, raw)

    def _decode_completed(self, raw: object, path: str) -> T:
        try:
            complete = self._shape.complete(raw)
            try:
                return msgspec.convert(complete, self._cls, dec_hook=_free_object)
            except UnicodeError:
                # Half a surrogate pair where something else than text belongs: msgspec would not say where.
                return msgspec.convert(_mended(complete), self._cls, dec_hook=_free_object)
        except (msgspec.ValidationError, RecursionError) as error:
            fault = _FAULT.fullmatch(str(error))
            where, reason = (fault["path"] or "", fault["reason"]) if fault else ("", str(error))
            if missing := _MISSING.fullmatch(reason):
                where, reason = f"{where}.{missing['name']}", "the field is missing"
            raise InvalidResponseError(_join(path, where.removeprefix(".")), reason, raw=raw) from None


def _mended(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """The same with U+FFFD for each half of a surrogate pair."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, dict):
        return {key: _mended(item) for key, item in value.items()}
    return [_mended(item) for item in value] if isinstance(value, list) else value


def _free_object(kind: Any, value: Any) -> Any:  # noqa: ANN401 - msgspec's signature
    if not isinstance(value, dict):
        raise TypeError(f"Expected `object`, got `{_json_type(value)}`")
    return _maker(kind)(value)


@functools.cache
def _maker(kind: type[dict[str, Any]]) -> Callable[[dict[str, Any]], object]:
    """What makes a free object of a dict, and of each of its values what the contract says that it is."""
    if not issubclass(kind, dict):
        raise TypeError(f"Expected `{kind.__name__}`, got `object`")
    (base,) = kind.__orig_bases__  # type: ignore[attr-defined] # dict[str, ...], as the generator's template has it
    value_type = typing.get_args(base)[1]
    if isinstance(value_type, str):
        value_type = vars(models)[value_type]
    if value_type is Any:
        return kind
    if attrs.has(value_type):
        convert: Callable[[object], object] = decoder_of(value_type).decode
    else:
        convert = functools.partial(msgspec.convert, type=value_type, dec_hook=_free_object)
        with contextlib.suppress(msgspec.ValidationError):
            convert(None)  # builds what msgspec has to know of the type

    def make(value: dict[str, Any]) -> object:
        try:
            return kind({key: convert(item) for key, item in value.items()})
        except (InvalidResponseError, msgspec.ValidationError) as error:
            raise ValueError(str(error)) from None  # msgspec knows where this stands, and adds it

    return make


def _json_type(value: object) -> str:
    names = {type(None): "null", bool: "bool", int: "int", float: "float", str: "str", list: "array"}
    return names.get(type(value), type(value).__name__)


def _join(path: str, where: str) -> str:
    return f"{path}.{where}" if path and where and not where.startswith("[") else path + where
