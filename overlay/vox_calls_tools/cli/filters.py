"""The options that choose calls: the API's filters, and times as people write them. The same for every command.

A command that is decorated with `with_filters` gets them as a `Filters`, whose `resolve` gives what `list_calls` takes.
"""

from __future__ import annotations

import inspect
import typing
import zoneinfo
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from enum import Enum
from functools import cache, partial
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

if TYPE_CHECKING:
    from vox_calls_tools.cli.chosen import Chosen

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
    from vox_calls import Client

    return frozenset(typing.get_args(typing.get_type_hints(Client.list_calls)[name]))


def takes_text(name: str) -> bool:
    """Whether a filter takes any text, such as a phone number."""
    return name in FILTERS and kinds(name) <= {str, Iterable[str], type(None)}


_TIMES = {
    "since": "First day or instant: 2026-11-01, 2026-11-01T09:00, today, yesterday, 7d, 12h, 30m.",
    "until": "Last day or instant, in the same ways; a day is included to its end.",
    "tz": "Time zone, as Asia/Seoul, for these times and those shown; else this machine's.",
}


class Filters(NamedTuple):
    """The options as they were typed, by their names with underscores."""

    typed: Mapping[str, Any]

    def resolve(self, now: datetime) -> Chosen:
        """Read the times, and return what `list_calls` takes.

        Raises:
            InvalidQueryError: For a zone or a time that cannot be read, or one bound given in two ways.
        """
        from vox_calls_tools.cli.chosen import resolve

        return resolve(self.typed, now)


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
