"""Resolves the filters of a command line to arguments of `list_calls`, and words them for the user."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, tzinfo
from typing import Any, NamedTuple, TypeVar

from vox_calls import InvalidQueryError, from_unix_ms, to_unix_ms
from vox_calls_tools.cli import times
from vox_calls_tools.cli.filters import FILTERS

T = TypeVar("T")

_BOUNDS = {"since": "start_at_after", "until": "start_at_before"}
_LONGEST_INTEGER = 18
_DURATION = re.compile(r"(?P<count>[0-9]{1,12})(?P<unit>ms|s|m|h|)", re.ASCII)
_UNITS = {
    "": timedelta(milliseconds=1),
    "ms": timedelta(milliseconds=1),
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
}


class Chosen(NamedTuple):
    """Resolved filters.

    Attributes:
        arguments: Arguments for `list_calls`, by name.
        zone: Time zone to read and show times in.
        since: Value of `--since` in UTC, to the millisecond.
        until: Value of `--until` in UTC, to the millisecond.
    """

    arguments: Mapping[str, Any]
    zone: tzinfo
    since: datetime | None
    until: datetime | None

    @property
    def bounds(self) -> Mapping[str, str]:
        """The exact values of `--since` and `--until`, if given, as options in the zone."""
        bounds = {"--since": self.since, "--until": self.until}
        return {
            option: bound.astimezone(self.zone).isoformat(timespec="milliseconds")
            for option, bound in bounds.items()
            if bound is not None
        }

    def resume(self, cursor: str) -> str:
        """Return how to resume, in words. The times are exact, because `7d` means another time by then."""
        bounds = "".join(f"{option} {bound} " for option, bound in self.bounds.items())
        return f"the same options and {bounds}--cursor {shlex.quote(cursor)}"


def resolve(typed: Mapping[str, Any], now: datetime) -> Chosen:
    """Read the options of the filters; see `Filters.resolve`."""
    zone = _read("tz", typed["tz"], times.zone_named)
    since, until = (_bound(typed, name, zone, now) for name in _BOUNDS)
    if since is not None and until is not None and since > until:
        raise InvalidQueryError("until", typed["until"], "it is before --since, so no call can match")
    arguments = {
        name: _READ.get(name, _as_typed)(name, typed[name]) for name in FILTERS if typed[name] not in (None, [])
    }
    bounds = {"start_at_after": since, "start_at_before": until}
    arguments |= {name: instant for name, instant in bounds.items() if instant is not None}
    return Chosen(arguments, zone, since, until)


def _bound(typed: Mapping[str, Any], name: str, zone: tzinfo, now: datetime) -> datetime | None:
    text = typed[name]
    if text is None:
        return None
    other = _BOUNDS[name]
    if typed[other] is not None:
        raise InvalidQueryError(name, text, f"--{other.replace('_', '-')} sets the same bound; pass only one of them")
    read = times.lower_bound if name == "since" else times.upper_bound
    bound = _read(name, text, lambda text: read(text, zone, now))
    return from_unix_ms(to_unix_ms(bound, round_up=name == "since", field=name))


def _read(name: str, text: str, read: Callable[[str], T]) -> T:
    try:
        return read(text)
    except ValueError as error:
        raise InvalidQueryError(name, text, str(error)) from None


def _as_typed(_: str, value: object) -> object:
    return value


def _instant(_: str, value: str) -> object:
    """Convert digits to a number: unix seconds or milliseconds."""
    return int(value) if value.isascii() and value.isdigit() and len(value) <= _LONGEST_INTEGER else value


def _duration(name: str, value: str) -> timedelta:
    found = _DURATION.fullmatch(value)
    if found is None:
        option = name.removeprefix("duration_ms_")
        raise InvalidQueryError(f"duration-{option}", value, "write it like 30s, 5m, 1h, or in milliseconds: 1500")
    return int(found["count"]) * _UNITS[found["unit"]]


_READ: Mapping[str, Callable[[str, Any], object]] = {
    "start_at_after": _instant,
    "start_at_before": _instant,
    "duration_ms_min": _duration,
    "duration_ms_max": _duration,
}
