"""Makes calls from some given fields: checks them by name, and makes up consistent values for the others.

The fields come from the generated classes, so new fields of the contract work without changes here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from difflib import get_close_matches
from enum import Enum
from pathlib import Path
from typing import Any
from uuid import UUID

import attrs

from vox_calls import models
from vox_calls.errors import InvalidQueryError, InvalidResponseError
from vox_calls.timestamps import to_unix_ms
from vox_calls.toolkit import Field, fields_of
from vox_calls_tools.sandbox.errors import MisusedError
from vox_calls_tools.sandbox.synthetic import synthetic_call

Call = dict[str, Any]
"""A call as a JSON object."""

_AGO = 600_000  # ms; longer than a synthetic call lasts, so that it has ended
_MINUTE = 60_000  # ms
_BEYOND = "additional_properties"


def handmade(given: Mapping[str, Any], *, number: int, now: int) -> Call:
    """Make a complete call from some of its fields.

    Args:
        given: Fields by name. Instants may be aware datetimes, enums may be members or strings, objects may be partial.
            Unknown fields go into `additional_properties`.
        number: Seed for the made-up fields.
        now: The current time in unix milliseconds. By default, the call has just ended.

    Raises:
        MisusedError: A field or an enum value is unknown, or a value has the wrong type.
    """
    wanted = _read(given)
    start, end = wanted.get("start_at"), wanted.get("end_at")
    made_up = synthetic_call(
        number,
        at=start if isinstance(start, int) else end - _MINUTE if isinstance(end, int) else now - _AGO + number,
        private=bool(wanted.get("opt_out_sensitive_data_storage")),
        **{argument: _member(name, wanted) for argument, name in _DECIDING.items()},
    )
    return _checked(_merged(made_up, wanted, models.Call))


def changed(call: Mapping[str, Any], given: Mapping[str, Any]) -> Call:
    """Return a call with some fields replaced.

    Raises:
        MisusedError: See `handmade`.
    """
    return _checked(_merged(call, _read(given), models.Call))


def read_calls(path: Path) -> Iterator[Call]:
    """Read the calls of an exported file: `.jsonl`, `.csv` or `.parquet`, compressed or not.

    Args:
        path: The file.

    Yields:
        Each call as JSON, with absent fields filled in.

    Raises:
        ConfigurationError: At once, for a name without a known format.
        FileError: The file cannot be read, or a line is not a call. The message has the file and the line.
        MisusedError: Two calls have the same id.

    Example:
        with Sandbox(read_calls(Path("calls.jsonl"))) as sandbox:
            ...
    """
    from vox_calls_tools import stats  # noqa: PLC0415 - rarely needed

    return _once(path, stats.read_calls(path, _refuse))


def _refuse(error: Exception) -> None:
    raise error


def _once(path: Path, calls: Iterable[models.Call]) -> Iterator[Call]:
    nothing = _nothing(models.Call)
    seen: set[str] = set()
    for call in calls:
        if call.id in seen:
            raise MisusedError(f"{path}: two calls have the id {call.id!r}; remove one")
        seen.add(call.id)
        given = call.to_dict()
        yield {**given, **{name: absent for name, absent in nothing.items() if name not in given}}


# The arguments of synthetic_call that the other fields depend on, and the fields that set them.
_DECIDING = {"status": "status", "reason": "disconnection_reason", "call_type": "call_type"}


def _member(name: str, wanted: Mapping[str, Any]) -> Any:  # noqa: ANN401 - a member of any enum
    (kind,) = (field.enum for field in fields_of(models.Call) if field.wire_name == name)
    value = wanted.get(name)
    return kind(value) if kind is not None and isinstance(value, str) else None


def _read(given: Mapping[str, Any]) -> Call:
    fields = {field.name: field for field in fields_of(models.Call)}
    wanted: Call = {}
    for name, value in given.items():
        if name == _BEYOND:
            continue
        if name not in fields:
            raise MisusedError(
                f"a call has no field {name!r}{_near(name, fields)}; to add an unknown field, pass "
                f"{_BEYOND}={{{name!r}: ...}}"
            )
        wanted[fields[name].wire_name] = _json(_known(fields[name], value), name)
    return {**wanted, **_json(given.get(_BEYOND, {}), _BEYOND)}


def _known(field: Field, value: object) -> object:
    # Any member is accepted: CallStatus("new") is not a typo.
    if field.enum is not None and type(value) is str and value not in field.known:
        raise MisusedError(
            f"{field.name} has no value {value!r}{_near(value, field.known)}; to use an unknown value, pass "
            f"{field.enum.__name__}({value!r})"
        )
    return value


def _near(name: str, known: Iterable[object]) -> str:
    near = get_close_matches(name, [one for one in known if isinstance(one, str)], n=1)
    return f", did you mean {near[0]!r}?" if near else ""


def _json(value: Any, name: str) -> Any:  # noqa: ANN401 - any value of a call, as JSON
    match value:
        case datetime():
            try:
                value = to_unix_ms(value, field=name)
            except InvalidQueryError as error:
                raise MisusedError(str(error)) from None
        case Mapping():
            value = {str(key): _json(item, f"{name}.{key}") for key, item in value.items()}
        case list() | tuple():
            value = [_json(item, f"{name}[{position}]") for position, item in enumerate(value)]
        case Enum():
            value = value.value
        case UUID() | Decimal():
            value = str(value)
        case _ if attrs.has(type(value)):
            value = value.to_dict()
        case None | str() | int() | float():
            pass
        case _:
            raise MisusedError(f"{name} is a {type(value).__name__}, which JSON does not support")
    return value


def _merged(call: Mapping[str, Any], wanted: Mapping[str, Any], cls: type[Any]) -> Call:
    inner = {field.wire_name: field.model for field in fields_of(cls) if field.model is not None and not field.is_list}
    merged = dict(call)
    for name, value in wanted.items():
        if name in inner and isinstance(value, Mapping):
            merged[name] = _merged(call.get(name) or _nothing(inner[name]), value, inner[name])
        else:
            merged[name] = value
    return merged


def _nothing(cls: type[Any]) -> Call:
    """Return the fields that may be absent, with the values that stand for absence."""
    return {field.wire_name: field.absent for field in fields_of(cls) if field.absent is not attrs.NOTHING}


def _checked(call: Call) -> Call:
    try:
        models.Call.from_dict(call)
    except InvalidResponseError as error:
        raise MisusedError(f"not a valid call: {error}") from None
    return call
