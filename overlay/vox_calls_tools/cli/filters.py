"""The options that choose calls: the API's filters, and times as people write them. The same for every command.

A command that is decorated with `with_filters` gets them as a `Filters`, whose `resolve` gives what `list_calls` takes.
"""

from __future__ import annotations

import inspect
import shlex
import typing
import zoneinfo
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, tzinfo
from enum import Enum
from functools import cache, partial
from typing import Annotated, Any, NamedTuple, TypeVar

import typer

from vox_calls.errors import InvalidQueryError
from vox_calls.timestamps import from_unix_ms, to_unix_ms
from vox_calls_tools.cli import times

T = TypeVar("T")

REPEATABLE = "Repeatable."

FILTERS: Mapping[str, str] = {
    "agent_id": f"Agent, a UUID. {REPEATABLE}",
    "status": f"Such as ended. {REPEATABLE}",
    "call_type": f"Such as inbound. {REPEATABLE}",
    "disconnection_reason": f"Such as user_hangup. {REPEATABLE}",
    "call_from": f"Caller's number, as 010-1234-5678. {REPEATABLE}",
    "call_to": f"Called number. {REPEATABLE}",
    "start_at_after": "Earliest start: ISO 8601 with an offset, unix seconds or milliseconds.",
    "start_at_before": "Latest start, in the same ways.",
    "sort_order": "desc (newest first) or asc.",
}
"""Each filter of the API that is an option, and its help. A new one needs its line here and nothing else."""


@cache
def kinds(name: str) -> frozenset[Any]:
    """The types that a filter takes, as `list_calls` has them."""
    from vox_calls.client import Client  # noqa: PLC0415 - `--help` need not wait for it

    return frozenset(typing.get_args(typing.get_type_hints(Client.list_calls)[name]))


def takes_text(name: str) -> bool:
    """Whether a filter takes any text, such as a phone number."""
    return name in FILTERS and kinds(name) <= {str, Iterable[str], type(None)}


_TIMES = {
    "since": "First day or instant: 2026-11-01, 2026-11-01T09:00, today, yesterday, 7d, 12h, 30m.",
    "until": "Last day or instant, in the same ways; a day is included to its end.",
    "tz": "Time zone, as Asia/Seoul, for these times and those shown; else this machine's.",
}
_BOUNDS = {"since": "start_at_after", "until": "start_at_before"}
_LONGEST_INTEGER = 18


class Chosen(NamedTuple):
    """Filters that were read.

    Attributes:
        arguments: What to pass to `list_calls`, by name.
        zone: The zone that times are read and shown in.
        since: What `--since` came to, to the millisecond, in UTC.
        until: What `--until` came to, to the millisecond, in UTC.
    """

    arguments: Mapping[str, Any]
    zone: tzinfo
    since: datetime | None
    until: datetime | None

    @property
    def bounds(self) -> Mapping[str, str]:
        """The options that say `since` and `until` exactly, in the zone; those that were not given are left out."""
        bounds = {"--since": self.since, "--until": self.until}
        return {
            option: bound.astimezone(self.zone).isoformat(timespec="milliseconds")
            for option, bound in bounds.items()
            if bound is not None
        }

    def resume(self, cursor: str) -> str:
        """How to read on, in words: a cursor is of exact times, and `7d` moves on."""
        bounds = "".join(f"{option} {bound} " for option, bound in self.bounds.items())
        return f"the same options and {bounds}--cursor {shlex.quote(cursor)}"


class Filters(NamedTuple):
    """The options as they were typed, by their names with underscores."""

    typed: Mapping[str, Any]

    def resolve(self, now: datetime) -> Chosen:
        """Read the times, and give what `list_calls` takes.

        Raises:
            InvalidQueryError: For a zone or a time that cannot be read, or one bound given in two ways.
        """
        zone = _read("tz", self.typed["tz"], times.zone_named)
        since, until = (self._bound(name, zone, now) for name in _BOUNDS)
        if since is not None and until is not None and since > until:
            raise InvalidQueryError("until", self.typed["until"], "it is before --since, so no call can be between")
        arguments = {name: _instant(self.typed[name]) for name in FILTERS if self.typed[name] not in (None, [])}
        bounds = {"start_at_after": since, "start_at_before": until}
        arguments |= {name: instant for name, instant in bounds.items() if instant is not None}
        return Chosen(arguments, zone, since, until)

    def _bound(self, name: str, zone: tzinfo, now: datetime) -> datetime | None:
        text = self.typed[name]
        if text is None:
            return None
        other = _BOUNDS[name]
        if self.typed[other] is not None:
            raise InvalidQueryError(name, text, f"--{other.replace('_', '-')} says the same in another way; pass one")
        read = times.lower_bound if name == "since" else times.upper_bound
        bound = _read(name, text, lambda text: read(text, zone, now))
        return from_unix_ms(to_unix_ms(bound, round_up=name == "since", field=name))


def with_filters(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command of typer's these options. Its first parameter is the `Filters`, the others are its own options."""
    own = inspect.signature(command, eval_str=True).parameters
    options = [*_options(), *list(own.values())[1:]]
    options = [option.replace(kind=inspect.Parameter.KEYWORD_ONLY) for option in options]
    names = [*FILTERS, *_TIMES]

    def run(**values: Any) -> None:  # noqa: ANN401 - whatever the options are
        command(Filters({name: values.pop(name) for name in names}), **values)

    run.__name__, run.__doc__, run.__module__ = command.__name__, command.__doc__, command.__module__
    run.__signature__ = inspect.Signature(options)  # type: ignore[attr-defined] # what typer reads options from
    run.__annotations__ = {option.name: option.annotation for option in options}
    return run


def _options() -> Iterator[inspect.Parameter]:
    for name, told in FILTERS.items():
        yield _option(name, list[str] if told.endswith(REPEATABLE) else str, told, partial(_values, name))
    for name, told in _TIMES.items():
        yield _option(name, str, told, zoneinfo.available_timezones if name == "tz" else None)


def _values(name: str) -> list[str]:
    enums = [kind for kind in kinds(name) if isinstance(kind, type) and issubclass(kind, Enum)]
    return [str(member.value) for kind in enums for member in kind]


def _option(name: str, kind: type, told: str, values: Callable[[], Iterable[str]] | None) -> inspect.Parameter:
    def complete(begun: str) -> list[str]:
        return sorted(value for value in values() if value.startswith(begun)) if values else []

    option = typer.Option(help=told, metavar="VALUE", autocompletion=complete if values else None)
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind | None, option]
    )


def _read(name: str, text: str, read: Callable[[str], T]) -> T:
    try:
        return read(text)
    except ValueError as error:
        raise InvalidQueryError(name, text, str(error)) from None


def _instant(value: object) -> object:
    """Digits are a number: unix seconds or milliseconds."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= _LONGEST_INTEGER:
        return int(value)
    return value
