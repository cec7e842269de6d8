"""Times on the command line, with a fixed `now`."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vox_calls import InvalidQueryError
from vox_calls.query import NORMALISERS
from vox_calls_tools.cli.filters import FILTERS, Filters
from vox_calls_tools.cli.times import lower_bound, upper_bound, zone_label, zone_named

SEOUL = ZoneInfo("Asia/Seoul")
NOW = datetime(2026, 11, 23, 15, 30, 20, 123_456, tzinfo=UTC)  # the 24th already in Seoul


@pytest.mark.parametrize(
    ("written", "first", "last"),
    [
        ("2026-11-01", "2026-11-01T00:00:00+09:00", "2026-11-01T23:59:59.999+09:00"),
        ("today", "2026-11-24T00:00:00+09:00", "2026-11-24T23:59:59.999+09:00"),
        (" Yesterday ", "2026-11-23T00:00:00+09:00", "2026-11-23T23:59:59.999+09:00"),
        ("now", "2026-11-23T15:30:20.123456Z", "2026-11-23T15:30:20.123456Z"),
        ("2026-11-01T09:00", "2026-11-01T09:00:00+09:00", "2026-11-01T09:00:00+09:00"),
        ("2026-11-01 09:00:30,5", "2026-11-01T09:00:30.5+09:00", "2026-11-01T09:00:30.5+09:00"),
        ("2026-11-01T09:00Z", "2026-11-01T09:00:00Z", "2026-11-01T09:00:00Z"),
        ("2026-11-01T09:00:00-0330", "2026-11-01T12:30:00Z", "2026-11-01T12:30:00Z"),
        ("90s", "2026-11-23T15:28:50.123456Z", "2026-11-23T15:28:50.123456Z"),
        ("30m", "2026-11-23T15:00:20.123456Z", "2026-11-23T15:00:20.123456Z"),
        ("12H", "2026-11-23T03:30:20.123456Z", "2026-11-23T03:30:20.123456Z"),
        ("7d", "2026-11-16T15:30:20.123456Z", "2026-11-16T15:30:20.123456Z"),
        ("2w", "2026-11-09T15:30:20.123456Z", "2026-11-09T15:30:20.123456Z"),
    ],
)
def test_a_written_time_covers_its_whole_unit(written: str, first: str, last: str) -> None:
    assert lower_bound(written, SEOUL, NOW) == datetime.fromisoformat(first)
    assert upper_bound(written, SEOUL, NOW) == datetime.fromisoformat(last)


@pytest.mark.parametrize(
    ("zone", "written", "first", "last"),
    [
        # clocks forward from 02:00 to 03:00: 02:30 does not exist
        ("Europe/Berlin", "2026-03-29T02:30", "2026-03-29T03:00:00+02:00", "2026-03-29T01:59:59.999+01:00"),
        # clocks back from 03:00 to 02:00: 02:30 exists twice
        ("Europe/Berlin", "2026-10-25T02:30", "2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+01:00"),
        # days of 23 and 25 hours
        ("Europe/Berlin", "2026-03-29", "2026-03-29T00:00:00+01:00", "2026-03-29T23:59:59.999+02:00"),
        ("Europe/Berlin", "2026-10-25", "2026-10-25T00:00:00+02:00", "2026-10-25T23:59:59.999+01:00"),
        # a day that starts at 01:00, and one whose last hour repeats
        ("America/Sao_Paulo", "2018-11-04", "2018-11-04T01:00:00-02:00", "2018-11-04T23:59:59.999-02:00"),
        ("America/Sao_Paulo", "2018-02-17", "2018-02-17T00:00:00-02:00", "2018-02-17T23:59:59.999-03:00"),
        # a skipped day
        ("Pacific/Apia", "2011-12-30", "2011-12-31T00:00:00+14:00", "2011-12-29T23:59:59.999-10:00"),
        # an offset of half an hour, and a change by half an hour
        ("Australia/Lord_Howe", "2026-10-04T02:15:00.5", "2026-10-04T02:30:00+11:00", "2026-10-04T01:59:59.999+10:30"),
    ],
)
def test_clock_changes_neither_lose_nor_add_calls(zone: str, written: str, first: str, last: str) -> None:
    assert lower_bound(written, ZoneInfo(zone), NOW) == datetime.fromisoformat(first)
    assert upper_bound(written, ZoneInfo(zone), NOW) == datetime.fromisoformat(last)


ZONES = st.sampled_from(
    ["Asia/Seoul", "Europe/Berlin", "America/Sao_Paulo", "Pacific/Apia", "Africa/Casablanca", "UTC"]
)
MINUTES = st.datetimes(datetime(1975, 1, 1), datetime(2037, 1, 1)).map(  # noqa: DTZ001 - a clock's face
    lambda face: face.replace(second=0, microsecond=0)
)


@given(ZONES, MINUTES)
def test_bounds_are_the_outermost_matching_instants(name: str, face: datetime) -> None:
    zone, written = ZoneInfo(name), face.isoformat()
    step = timedelta(milliseconds=1)
    first, last = lower_bound(written, zone, NOW), upper_bound(written, zone, NOW)

    def shown(instant: datetime) -> datetime:
        return instant.astimezone(zone).replace(tzinfo=None)

    assert shown(first) >= face > shown(first - step)
    assert shown(last) <= face < shown(last + step)


@given(ZONES, st.dates(date(1975, 1, 1), date(2037, 1, 1)))
def test_days_follow_each_other_without_a_gap_or_an_overlap(name: str, day: date) -> None:
    zone, next_day = ZoneInfo(name), day + timedelta(days=1)
    ends = upper_bound(day.isoformat(), zone, NOW)
    assert lower_bound(next_day.isoformat(), zone, NOW) - ends == timedelta(milliseconds=1)


NONSENSE = (
    *("", "tomorrow", "7", "7 d", "-7d", "7y", "1.5h", "2026-11", "20261101", "2026-11-01T09", "2026-11-01+09:00"),
    *("2026-11-01T09:00+9", "2026-11-01T09:00:00.1234567", "01/11/2026", "1793491200", "٢d"),
)


@pytest.mark.parametrize("written", NONSENSE)
def test_an_invalid_time_is_rejected_with_valid_forms(written: str) -> None:
    with pytest.raises(ValueError, match=r"write 2026-11-01, .* 7d"):
        lower_bound(written, SEOUL, NOW)


@pytest.mark.parametrize("written", ["2026-02-29", "2026-11-01T24:00", "2026-13-01", "2026-11-01T09:00+25:00"])
def test_nonexistent_days_and_times_are_rejected(written: str) -> None:
    with pytest.raises(ValueError, match="no such date or time"):
        upper_bound(written, SEOUL, NOW)


@pytest.mark.parametrize("written", ["0001-01-01", "9999999w"])
def test_times_beyond_the_calendar_are_rejected(written: str) -> None:
    with pytest.raises(ValueError, match="out of range"):
        lower_bound(written, SEOUL, NOW)


def test_an_unknown_zone_suggests_the_nearest_name() -> None:
    assert zone_named("Asia/Seoul") is SEOUL
    for wrong in ("asia/seul", "Asia/Soul"):
        with pytest.raises(ValueError, match="did you mean 'Asia/Seoul'"):
            zone_named(wrong)
    for wrong in ("", "Asia", "../etc/passwd", "/etc/localtime", "x\0y", "\ud800"):
        with pytest.raises(ValueError, match="unknown time zone"):
            zone_named(wrong)


def test_a_zone_is_shown_with_its_utc_offset() -> None:
    assert zone_label(SEOUL, NOW) == "Asia/Seoul (now UTC+09:00)"
    assert zone_label(ZoneInfo("America/St_Johns"), NOW) == "America/St_Johns (now UTC-03:30)"
    assert zone_label(UTC, NOW) == "UTC"


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/Sao_Paulo", "Asia/Seoul"])
def test_the_local_zone_equals_the_one_by_its_name(zone: str) -> None:
    program = """
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo
import sys
from vox_calls_tools.cli.times import lower_bound, upper_bound, zone_named
here, named, now = zone_named(None), ZoneInfo(sys.argv[1]), datetime(2026, 11, 23, tzinfo=UTC)
for day in ("2018-02-17", "2018-11-04", "2026-03-29", "2026-10-25", "2026-03-29T02:30", "2026-10-25T02:30"):
    assert lower_bound(day, here, now) == lower_bound(day, named, now), day
    assert upper_bound(day, here, now) == upper_bound(day, named, now), day
for hour in range(0, 365 * 24):
    instant = datetime(2018, 1, 1, 0, 30, tzinfo=UTC) + timedelta(hours=hour)
    ours, theirs = instant.astimezone(here), instant.astimezone(named)
    assert (ours.isoformat(), ours.fold, ours.tzname()) == (theirs.isoformat(), theirs.fold, theirs.tzname())
"""
    done = subprocess.run(
        [sys.executable, "-c", program, zone],
        env=os.environ | {"TZ": zone},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def typed(**options: str) -> Filters:
    return Filters(dict.fromkeys([*FILTERS, "since", "until", "tz"]) | options)


def test_options_become_the_bounds_of_the_api() -> None:
    chosen = typed(since="yesterday", start_at_before="1793491200", tz="Asia/Seoul", sort_order="asc").resolve(NOW)
    assert chosen.arguments == {
        "start_at_after": datetime(2026, 11, 23, tzinfo=SEOUL),
        "start_at_before": 1_793_491_200,
        "sort_order": "asc",
    }
    assert (chosen.zone, chosen.since, chosen.until) == (SEOUL, datetime(2026, 11, 23, tzinfo=SEOUL), None)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"since": "soonish"}, "since: not a valid time; write 2026-11-01, "),
        ({"until": "2026-02-30"}, "until: no such date"),
        ({"since": "1960-01-01"}, "since: the instant is before 1970"),
        ({"since": "2026-11-02", "until": "2026-11-01"}, "until: it is before --since"),
        ({"since": "2011-12-30", "until": "2011-12-30", "tz": "Pacific/Apia"}, "until: it is before --since"),
        ({"since": "today", "start_at_after": "1793491200"}, "since: --start-at-after sets the same bound"),
        ({"until": "today", "start_at_before": "1793491200"}, "until: --start-at-before sets the same bound"),
        ({"tz": "asia/soul"}, "tz: unknown time zone; .* did you mean 'Asia/Seoul'"),
    ],
)
def test_contradictory_options_are_rejected_by_name(options: dict[str, str], told: str) -> None:
    with pytest.raises(InvalidQueryError, match=f"^{told}"):
        typed(**options).resolve(NOW)


def test_cli_and_client_have_the_same_filters() -> None:
    assert set(FILTERS) == set(NORMALISERS), "cli/filters.py and query.py differ"


def test_a_machine_without_zones_gets_advice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zoneinfo.available_timezones", set)
    with pytest.raises(ValueError, match="pip install tzdata"):
        zone_named("Asia/Soul")


def test_the_local_zone_gives_no_offset_without_a_time() -> None:
    here = zone_named(None)
    assert (here.utcoffset(None), here.tzname(None), here.dst(None)) == (None, None, None)
