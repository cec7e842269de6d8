"""Timestamps convert to unix milliseconds and back exactly; others are rejected with what to pass."""

from __future__ import annotations

import math
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vox_calls import InvalidQueryError, from_unix_ms, to_unix_ms

SEOUL = ZoneInfo("Asia/Seoul")
MS = 1_793_491_200_000  # 2026-11-01T00:00:00Z
LATEST = 253_402_300_799_999


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
        (0, "is one digit long"),
        (10**9 - 1, "is 9 digits long"),
        (10**13, "is 14 digits long"),
        pytest.param(10**5_000, "far too long", id="5001 digits"),
        (None, "NoneType"),
        ([MS], "list"),
    ],
)
def test_invalid_timestamps_are_rejected_with_what_to_pass(value: Any, hint: str) -> None:
    with pytest.raises(InvalidQueryError) as caught:
        to_unix_ms(value, field="start_at_after")
    assert hint in caught.value.reason
    assert caught.value.field == "start_at_after"
    assert caught.value.value is value


@given(st.integers(0, LATEST))
def test_every_millisecond_survives_a_round_trip(ms: int) -> None:
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
def test_float_seconds_keep_their_millisecond(ms: int) -> None:
    assert to_unix_ms(ms / 1_000) == to_unix_ms(ms / 1_000, round_up=True) == ms


@pytest.mark.parametrize(
    "value",
    [
        np.int64(MS),
        np.uint64(MS // 1_000),
        np.float64(MS / 1_000),
        pd.Timestamp(MS, unit="ms", tz="Asia/Seoul"),
        pd.Timestamp("2026-11-01T00:00:00Z").to_pydatetime(),
    ],
)
def test_aware_and_integer_scalars_of_libraries_are_accepted(value: Any) -> None:
    assert to_unix_ms(value) == to_unix_ms(value, round_up=True) == MS


def test_nanoseconds_of_pandas_are_rounded_as_bounds() -> None:
    value: Any = pd.Timestamp("2026-11-01T00:00:00.000000001Z")
    assert (to_unix_ms(value), to_unix_ms(value, round_up=True)) == (MS, MS + 1)


@pytest.mark.parametrize(
    "value",
    [
        np.bool_(1),
        np.datetime64("2026-11-01T00:00:00"),
        np.float32(MS / 1_000),
        np.int64(-1),
        np.array([MS]),
        pd.Timestamp("2026-11-01"),
        pd.NaT,
    ],
)
def test_other_scalars_of_libraries_are_rejected(value: Any) -> None:
    with pytest.raises(InvalidQueryError):
        to_unix_ms(value)


def test_scalar_support_imports_no_library() -> None:
    code = "import sys, vox_calls; vox_calls.to_unix_ms(1793491200); print({'numpy', 'pandas'} & set(sys.modules))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "set()\n"


def test_invalid_milliseconds_are_rejected_by_name() -> None:
    with pytest.raises(InvalidQueryError, match=r"^ms: pass unix milliseconds, an integer from 0") as caught:
        from_unix_ms(-1)
    assert (caught.value.field, caught.value.value) == ("ms", -1)
