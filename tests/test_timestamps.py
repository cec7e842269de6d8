"""Instants become unix milliseconds and back, exactly; what is not an instant is refused with what to pass instead."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vox_calls import InvalidQueryError, from_unix_ms, to_unix_ms

SEOUL = ZoneInfo("Asia/Seoul")
MS = 1_793_491_200_000  # 2026-11-01T00:00:00Z
LATEST = 253_402_300_799_999


@pytest.mark.parametrize(
    ("value", "ms"),
    [
        (datetime(2026, 11, 1, 9, tzinfo=SEOUL), MS),
        (datetime(2026, 11, 1, tzinfo=UTC), MS),
        ("2026-11-01T09:00:00+09:00", MS),
        ("2026-11-01 00:00Z", MS),
        ("20261101T000000Z", MS),
        ("2026-11-01t00:00:00z", MS),
        ("2026-10-31T24:00:00Z", MS),
        ("2026-11-01T00:00:00,123Z", MS + 123),
        (MS // 1_000, MS),
        (MS, MS),
        (9_999_999_999, 9_999_999_999_000),
        (10_000_000_000, 10_000_000_000_000),
        (99_999_999_999, 99_999_999_999_000),
        (100_000_000_000, 100_000_000_000),
        (9_999_999_999_999, 9_999_999_999_999),
        (float(MS // 1_000), MS),
        (1_793_491_200.123, MS + 123),
        (0.0, 0),
        (datetime(1970, 1, 1, tzinfo=UTC), 0),
        ("9999-12-31T23:59:59.999Z", LATEST),
    ],
)
def test_an_instant_becomes_unix_milliseconds(value: Any, ms: int) -> None:
    assert to_unix_ms(value) == ms
    assert to_unix_ms(value, round_up=True) == ms


@pytest.mark.parametrize(
    "value",
    [
        "2026-11-01T00:00:00.0000000001Z",
        datetime(2026, 11, 1, microsecond=1, tzinfo=UTC),
        1_793_491_200.0005,
    ],
)
def test_a_part_below_a_millisecond_rounds_up_for_a_lower_bound_and_down_for_an_upper_one(value: Any) -> None:
    assert to_unix_ms(value) == MS
    assert to_unix_ms(value, round_up=True) == MS + 1


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        (datetime(2026, 11, 1), "tzinfo"),  # noqa: DTZ001 - naive on purpose
        ("2026-11-01T00:00:00", "offset"),
        (date(2026, 11, 1), "aware datetime"),
        ("2026-11-01", "2026-11-01T09:00:00+09:00"),
        ("2026-11-01T00:00.5Z", "ISO 8601"),
        ("2026-11-01T00:00:60Z", "no such date and time"),
        ("2026-02-30T00:00:00Z", "no such date and time"),
        ("9999-12-31T24:00:00Z", "no such date and time"),
        ("", "ISO 8601"),
        ("1793491200", "ISO 8601"),
        (True, "bool"),
        (math.nan, "aware datetime"),
        (math.inf, "aware datetime"),
        (1e12, "as an int"),
        (-1, "negative"),
        (-1.0, "before 1970"),
        (datetime(1969, 12, 31, tzinfo=UTC), "before 1970"),
        (datetime(9999, 12, 31, 23, 59, 59, tzinfo=timezone(timedelta(hours=-1))), "after the year 9999"),
        (0, "1 digits"),
        (10**9 - 1, "9 digits"),
        (10**13, "14 digits"),
        pytest.param(10**5_000, "far too long", id="5001 digits"),
        (None, "NoneType"),
        ([MS], "list"),
    ],
)
def test_what_is_no_instant_is_refused_with_what_to_pass_instead(value: Any, hint: str) -> None:
    with pytest.raises(InvalidQueryError) as caught:
        to_unix_ms(value, field="start_at_after")
    assert hint in caught.value.reason
    assert caught.value.field == "start_at_after"
    assert caught.value.value is value


@given(st.integers(0, LATEST))
def test_every_millisecond_survives_the_way_there_and_back(ms: int) -> None:
    instant = from_unix_ms(ms)
    assert instant.tzinfo is UTC
    assert to_unix_ms(instant) == to_unix_ms(instant, round_up=True) == ms
    assert to_unix_ms(instant.isoformat()) == ms


@given(st.datetimes(min_value=datetime(1970, 1, 2), timezones=st.timezones()), st.booleans())  # noqa: DTZ001 - zones follow
def test_an_instant_is_the_same_in_every_zone(instant: datetime, round_up: bool) -> None:
    exact = (instant - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    expected = -(-exact // 1_000) if round_up else exact // 1_000
    if expected <= LATEST:
        assert to_unix_ms(instant, round_up=round_up) == expected


@given(st.integers(100_000_000_000, 9_999_999_999_999))
def test_milliseconds_divided_into_float_seconds_still_mean_the_same_millisecond(ms: int) -> None:
    assert to_unix_ms(ms / 1_000) == to_unix_ms(ms / 1_000, round_up=True) == ms


@pytest.mark.parametrize("value", [-1, LATEST + 1, 1.5, True, "1", None])
def test_only_milliseconds_become_a_datetime(value: Any) -> None:
    with pytest.raises(InvalidQueryError):
        from_unix_ms(value)
