"""Job 2, timestamp normalisation: any way to write an instant becomes unix milliseconds, and back.

Exact integer arithmetic throughout. The rules are TIME-1 to TIME-14 of `openapi/conformance/`.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from operator import index

from dateutil.parser import isoparse

from vox_calls.errors import InvalidQueryError

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LATEST_MS = 253_402_300_799_999
"""The last millisecond of the year 9999, where `datetime` ends."""

READ_AS_SECONDS = range(10**9, 10**11)
"""Milliseconds of 10 or 11 digits, which the API would read as seconds."""

MILLISECOND = timedelta(milliseconds=1)
_SECONDS_DIGITS = (10, 11)
_MILLISECONDS_DIGITS = (12, 13)
_MIDNIGHT = "24"
_LARGEST = 10**18  # far beyond any instant: Python raises when it prints integers of thousands of digits
_ACCEPTED = (
    "pass an aware datetime, an ISO 8601 string with an offset, unix seconds (10 or 11 digits) or unix milliseconds "
    "(12 or 13 digits)"
)
_ISO = re.compile(
    r"(?P<whole>\d{4}-?\d\d-?\d\d[T ](?P<hour>\d\d)(?::?\d\d(?P<seconds>:?\d\d)?)?)"
    r"(?:[.,](?P<fraction>\d{1,30}))?"
    r"(?P<offset>Z|[+-]\d\d(?::?\d\d)?)?",
    re.ASCII | re.IGNORECASE,
)


def to_unix_ms(value: datetime | str | float, *, round_up: bool = False, field: str = "timestamp") -> int:
    """Convert an instant to unix milliseconds.

    Args:
        value: An aware `datetime`; an ISO 8601 string with an offset; an `int`, where 10 or 11 digits are seconds and
            12 or 13 are milliseconds, as the API has it; or a `float` of seconds such as `time.time()`, which stands
            for the decimal number that Python prints for it.
        round_up: How to round a part below a millisecond. A lower bound rounds up and an upper bound down, so that the
            range never grows.
        field: The name under which an error reports the value.

    Returns:
        Milliseconds since 1970-01-01T00:00:00Z.

    Raises:
        InvalidQueryError: For a naive datetime or string, a date, a bool, NaN, an instant before 1970 or after 9999,
            and an integer of another length.

    Example:
        >>> to_unix_ms("2026-11-01T09:00:00+09:00")
        1793491200000
        >>> to_unix_ms(1793491200)
        1793491200000
        >>> to_unix_ms(1793491200.0005, round_up=True)
        1793491200001
    """
    try:
        milliseconds = _to_unix_ms(value, round_up=round_up)
    except ValueError as error:
        raise InvalidQueryError(field, value, str(error)) from None
    if not 0 <= milliseconds <= LATEST_MS:
        raise InvalidQueryError(field, value, "the instant is before 1970 or after the year 9999")
    return milliseconds


def from_unix_ms(ms: int) -> datetime:
    """Convert unix milliseconds to an aware `datetime` in UTC. Exact, both ways.

    Raises:
        InvalidQueryError: For anything but an integer from 0 to the end of the year 9999.

    Example:
        >>> from_unix_ms(1793491200123)
        datetime.datetime(2026, 11, 1, 0, 0, 0, 123000, tzinfo=datetime.timezone.utc)
    """
    if type(ms) is not int or not 0 <= ms <= LATEST_MS:
        raise InvalidQueryError("ms", ms, "pass unix milliseconds, an integer from 0 to the end of the year 9999")
    return EPOCH + ms * MILLISECOND


def _to_unix_ms(value: object, *, round_up: bool) -> int:
    match value:
        case bool():
            raise ValueError(f"a bool is not an instant; {_ACCEPTED}")
        case datetime():
            return _from_datetime(value, round_up=round_up)
        case date():
            raise ValueError("a date is not an instant; pass an aware datetime")
        case str():
            return _from_iso(value, round_up=round_up)
        case float():
            return _from_seconds(value, round_up=round_up)
    try:
        number = index(value)  # type: ignore[arg-type] # integers of other libraries have __index__ too
    except TypeError:
        raise ValueError(f"{type(value).__name__} is not an instant; {_ACCEPTED}") from None
    return _from_integer(number)


def _from_datetime(value: datetime, *, round_up: bool) -> int:
    if value.utcoffset() is None:
        raise ValueError("the datetime is naive, so its instant is ambiguous; set its tzinfo")
    since = value - EPOCH
    microseconds = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
    # pandas' Timestamp is a datetime with three more digits.
    nanoseconds = microseconds * 1_000 + int(getattr(value, "nanosecond", 0))
    return _divide(nanoseconds, 1_000_000, round_up=round_up)


def _from_iso(text: str, *, round_up: bool) -> int:
    found = _ISO.fullmatch(text)
    if found is None or (found["fraction"] and not found["seconds"]):
        raise ValueError("not an ISO 8601 date and time; write it like 2026-11-01T09:00:00+09:00")
    if found["offset"] is None:
        raise ValueError("the time has no offset, so its instant is ambiguous; add Z or one like +09:00")
    try:
        # The fraction is kept apart: a datetime would cut it off below the microsecond.
        whole = isoparse((found["whole"] + found["offset"]).upper())
    except (ValueError, OverflowError) as error:
        raise ValueError(f"no such date and time: {error}") from None
    fraction = found["fraction"] or "0"
    if found["hour"] == _MIDNIGHT and int(fraction):
        raise ValueError("no such date and time: after 24 only zeros are valid")
    since = whole - EPOCH
    scale = 10 ** len(fraction)
    return _divide(((since.days * 86_400 + since.seconds) * scale + int(fraction)) * 1_000, scale, round_up=round_up)


def _from_seconds(seconds: float, *, round_up: bool) -> int:
    exact = Decimal(repr(float(seconds)))
    if not exact.is_finite():
        raise ValueError(f"{exact} is not an instant; {_ACCEPTED}")
    if exact.copy_abs() >= 10 ** _SECONDS_DIGITS[-1]:
        raise ValueError("a float is read as seconds, and this one is too large; pass milliseconds as an int")
    return int((exact * 1_000).to_integral_value(ROUND_CEILING if round_up else ROUND_FLOOR))


def _from_integer(number: int) -> int:
    digits = len(str(number)) if 0 <= number <= _LARGEST else 0
    if digits in _SECONDS_DIGITS:
        return number * 1_000
    if digits in _MILLISECONDS_DIGITS:
        return number
    length = f"{digits} digits long" if digits > 1 else "one digit long"
    shape = "negative" if number < 0 else length if digits else "far too long"
    raise ValueError(
        f"the integer is {shape}: neither unix seconds (10 or 11 digits) nor unix milliseconds (12 or 13 digits)"
    )


def _divide(number: int, by: int, *, round_up: bool) -> int:
    return -(-number // by) if round_up else number // by
