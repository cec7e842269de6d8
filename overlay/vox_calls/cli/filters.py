"""The options that choose calls: the API's filters, and times as people write them. The same for every command.

@app.command()
@with_filters
def count(filters: Filters, *, quiet: ... = False) -> None:
chosen = filters.resolve(datetime.now(UTC))
client.list_calls(**chosen.arguments, max_items=...)
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, tzinfo
from enum import Enum
from typing import Annotated, Any, TypeVar

import attrs
import typer

from vox_calls import Client, InvalidQueryError
from vox_calls.cli import times

T = TypeVar("T")

FILTERS: Mapping[str, str] = {
    "agent_id": "Agent, a UUID.",
    "status": "Such as ended.",
    "call_type": "Such as inbound.",
    "disconnection_reason": "Such as user_hangup.",
    "call_from": "Caller's number, as 010-1234-5678.",
    "call_to": "Called number.",
    "start_at_after": "Earliest start: ISO 8601 with an offset, unix seconds or milliseconds.",
    "start_at_before": "Latest start, in the same ways.",
    "sort_order": "desc (newest first) or asc.",
}
"""Each filter of the API that is an option, and its help. A new one needs its line here and nothing else."""

_TIMES = {
    "since": "First day or instant: 2026-11-01, 2026-11-01T09:00, today, yesterday, 7d, 12h, 30m.",
    "until": "Last day or instant, in the same ways; a day is included to its end.",
    "tz": "Time zone, as Asia/Seoul, for these times and those shown; else this machine's.",
}
_BOUNDS = {"since": "start_at_after", "until": "start_at_before"}
_LONGEST_INTEGER = 18


@attrs.frozen
class Chosen:
    """Filters that were read.

    Attributes:
        arguments: What to pass to `list_calls`, by name.
        zone: The zone that times are read and shown in.
        since: What `--since` came to, in UTC.
        until: What `--until` came to, in UTC.
    """

    arguments: Mapping[str, Any]
    zone: tzinfo
    since: datetime | None
    until: datetime | None


@attrs.frozen
class Filters:
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
        return _read(name, text, lambda text: read(text, zone, now))


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
    hints = typing.get_type_hints(Client.list_calls)
    for name, told in FILTERS.items():
        kinds = typing.get_args(hints[name])
        enums = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, Enum)]
        repeatable = any(typing.get_origin(kind) is Iterable for kind in kinds)
        yield _option(
            name,
            list[str] if repeatable else str,
            f"{told} Repeatable." if repeatable else told,
            [str(member.value) for enum in enums for member in enum],
        )
    for name, told in _TIMES.items():
        yield _option(name, str, told, [])


def _option(name: str, kind: type, told: str, values: list[str]) -> inspect.Parameter:
    def complete(begun: str) -> list[str]:
        return [value for value in values if value.startswith(begun)]

    option = typer.Option(help=told, autocompletion=complete if values else None)
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
