"""Converts times on the command line to instants, in a time zone. Pure: `now` is passed in.

A day follows the zone's calendar and may have 23 or 25 hours. When clocks change, some local times are skipped and
others occur twice. One rule covers all cases: a lower bound is the first instant at which the clock shows that time or
a later one, an upper bound the last instant at which it shows that time or an earlier one.
"""

from __future__ import annotations

import difflib
import re
import zoneinfo
from bisect import bisect_left
from datetime import UTC, date, datetime, time, timedelta, tzinfo

WRITTEN = (
    "write 2026-11-01, 2026-11-01T09:00, 2026-11-01T09:00+09:00, today, yesterday, now, "
    "or how long ago: 30m, 12h, 7d, 2w"
)
"""The accepted formats, for messages."""

_DAY_ENDS = time(23, 59, 59, 999_000)  # the API's bounds are inclusive, to the millisecond
_MILLISECOND = timedelta(milliseconds=1)
_SECOND = timedelta(seconds=1)
_DAY = timedelta(days=1)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_AGO = re.compile(r"([0-9]{1,7})([smhdw])")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MOMENT = re.compile(
    _DATE.pattern
    + r"[T ](?P<hour>[0-9]{2}):[0-9]{2}(:[0-9]{2}([.,][0-9]{1,6})?)?"
    + r"(?P<offset>Z|[+-][0-9]{2}:?[0-9]{2})?"
)


class LocalZone(tzinfo):
    """The local time zone with all its changes, according to the operating system."""

    def utcoffset(self, instant: datetime | None) -> timedelta | None:
        """Return the offset from UTC at a local time."""
        if instant is None:
            return None
        # Computed from instants only: versions of Python differ in how they treat skipped local times.
        wall = instant.replace(tzinfo=None, fold=0)
        before = _distance(wall - min(_DAY, wall - datetime.min))  # noqa: DTZ901 - local time
        after = _distance(wall + min(_DAY, datetime.max - wall))  # noqa: DTZ901 - as above
        if before == after:
            return before
        first, second = _distance(wall - before) == before, _distance(wall - after) == after
        if first == second:  # occurs twice, or is skipped
            return after if instant.fold else before
        return before if first else after

    def tzname(self, instant: datetime | None) -> str | None:
        """Return the name of the zone at a local time, such as KST."""
        offset = self.utcoffset(instant)
        if instant is None or offset is None:
            return None
        return (instant.replace(tzinfo=UTC) - offset).astimezone().tzname()

    def dst(self, _: datetime | None) -> None:
        """Return None: not supported."""

    def fromutc(self, instant: datetime) -> datetime:
        """Return the local time of an instant; `fold` is 1 for the second occurrence of a local time."""
        here = instant.replace(tzinfo=UTC).astimezone()
        shown = here.replace(tzinfo=self)
        return shown if shown.utcoffset() == here.utcoffset() else shown.replace(fold=1)


def _distance(instant: datetime) -> timedelta:
    """Return the local offset from UTC at an instant, given as a naive datetime in UTC."""
    return instant.replace(tzinfo=UTC).astimezone().utcoffset() or timedelta()


def zone_named(name: str | None) -> tzinfo:
    """Return the time zone with an IANA name; the local one for None.

    Raises:
        ValueError: The name is unknown. The message suggests the nearest one.
    """
    if name is None:
        return LocalZone()
    try:
        return zoneinfo.ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        known = {zone.lower(): zone for zone in zoneinfo.available_timezones()}
    if not known:
        raise ValueError("no time zone data is installed; pip install tzdata")
    near = difflib.get_close_matches(name.lower(), known, n=1)
    hint = f"; did you mean {known[near[0]]!r}?" if near else ""
    raise ValueError(f"unknown time zone; write one like Asia/Seoul or UTC{hint}")


def zone_label(zone: tzinfo, at: datetime) -> str:
    """Return the name of a zone and its offset at an instant: `Asia/Seoul (now UTC+09:00)`."""
    here = at.astimezone(zone)
    name = getattr(zone, "key", None) or here.tzname()
    return "UTC" if name == "UTC" else f"{name} (now UTC{here.isoformat()[-6:]})"


def lower_bound(text: str, zone: tzinfo, now: datetime) -> datetime:
    """Return the first instant of a day, or the instant of a time.

    Ages such as `7d` count back from `now` in elapsed time: a day is 24 hours.

    Args:
        text: A day, time or age such as `2026-11-01`, `today`, `2026-11-01T09:00` or `7d`; see `WRITTEN`.
        zone: Time zone of days, and of times without an offset.
        now: The current time, aware.

    Raises:
        ValueError: The text is invalid. The message lists the accepted formats.

    Example:
        >>> from zoneinfo import ZoneInfo
        >>> noon = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
        >>> lower_bound("today", ZoneInfo("Asia/Seoul"), noon).isoformat()
        '2026-11-22T15:00:00+00:00'
    """
    return _instant(text, zone, now, last=False)


def upper_bound(text: str, zone: tzinfo, now: datetime) -> datetime:
    """Return the last millisecond of a day, or the instant of a time; see `lower_bound`.

    Example:
        >>> from zoneinfo import ZoneInfo
        >>> noon = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
        >>> upper_bound("2026-11-22", ZoneInfo("Asia/Seoul"), noon).isoformat()
        '2026-11-22T14:59:59.999000+00:00'
    """
    return _instant(text, zone, now, last=True)


def _instant(text: str, zone: tzinfo, now: datetime, *, last: bool) -> datetime:
    written = text.strip()
    try:
        return _read(written, zone, now, last=last)
    except (OverflowError, OSError):
        raise ValueError(f"out of range; {WRITTEN}") from None


def _read(written: str, zone: tzinfo, now: datetime, *, last: bool) -> datetime:
    word = written.lower()
    if word == "now":
        return now.astimezone(UTC)
    if word in {"today", "yesterday"}:
        today = now.astimezone(zone).date()
        return _day(today - timedelta(days=word == "yesterday"), zone, last=last)
    if ago := _AGO.fullmatch(word):
        return now.astimezone(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
    try:
        if _DATE.fullmatch(written):
            return _day(date.fromisoformat(written), zone, last=last)
        if moment := _MOMENT.fullmatch(written):
            if moment["hour"] == "24":  # only some versions of Python accept it
                raise ValueError("hour must be in 0..23")
            exact = datetime.fromisoformat(written)
            return exact.astimezone(UTC) if moment["offset"] else _bound(exact, zone, last=last)
    except ValueError as error:
        raise ValueError(f"no such date or time: {error}") from None
    raise ValueError(f"not a valid time; {WRITTEN}")


def _day(day: date, zone: tzinfo, *, last: bool) -> datetime:
    return _bound(datetime.combine(day, _DAY_ENDS if last else time.min), zone, last=last)


def _bound(wall: datetime, zone: tzinfo, *, last: bool) -> datetime:
    """Return the first or last instant of a local time; see the rule at the top."""
    before, after = (wall.replace(tzinfo=zone, fold=fold).utcoffset() or timedelta() for fold in (0, 1))
    if before >= after:  # occurs once, or twice because the clock was set back
        return (wall - (after if last else before)).replace(tzinfo=UTC)
    changed = _change(wall - after, wall - before, zone)
    return changed - _MILLISECOND if last else changed


def _change(earliest: datetime, latest: datetime, zone: tzinfo) -> datetime:
    """Return the second at which a zone's clock is set forward, between two instants in UTC."""
    begin = earliest.replace(microsecond=0, tzinfo=UTC)
    before = begin.astimezone(zone).utcoffset()

    def changed(after: int) -> bool:
        return (begin + after * _SECOND).astimezone(zone).utcoffset() != before

    return begin + bisect_left(range((latest - earliest) // _SECOND + 2), 1, key=changed) * _SECOND
