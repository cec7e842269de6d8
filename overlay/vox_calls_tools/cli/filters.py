"""The options that all commands share to choose calls: the API's filters and human-friendly times.

A command decorated with `with_filters` gets them as `Filters`, whose `resolve` returns the arguments of `list_calls`.
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
    "agent_id": f"Agent UUID. {REPEATABLE}",
    "agent_version": f"Version of the one agent: current, or v and a number. {REPEATABLE}",
    "status": f"Status, such as ended. {REPEATABLE}",
    "call_type": f"Call type, such as inbound. {REPEATABLE}",
    "disconnection_reason": f"Disconnection reason, such as user_hangup. {REPEATABLE}",
    "call_from": f"Caller's number, such as 010-1234-5678. {REPEATABLE}",
    "call_to": f"Called number. {REPEATABLE}",
    "customer_id": "Customer UUID.",
    "campaign_id": "Number of the campaign.",
    "metadata": f"Pair that was attached to the call, such as source:crm. {REPEATABLE}",
    "dynamic_variables": f"Pair of the agent's variables, such as did:0215881234. {REPEATABLE}",
    "duration_ms_min": "Shortest duration: 30s, 5m, 1h, or milliseconds.",
    "duration_ms_max": "Longest duration, in the same formats.",
    "start_at_after": "Earliest start: ISO 8601 with an offset, unix seconds or milliseconds.",
    "start_at_before": "Latest start, in the same formats.",
    "sort_order": "Sort order: desc (newest first) or asc.",
}
"""Help of the filters of the API. A new filter needs only its line here to become an option."""


_HARMLESS = frozenset({"agent_version"})
_PERSONAL = frozenset({"metadata", "dynamic_variables", "customer_id"})
_SHORT = {"duration_ms_min": "--duration-min", "duration_ms_max": "--duration-max"}


@cache
def kinds(name: str) -> frozenset[Any]:
    """Return the types that a filter accepts, from the signature of `list_calls`."""
    from vox_calls import Client

    return frozenset(typing.get_args(typing.get_type_hints(Client.list_calls)[name]))


def takes_text(name: str) -> bool:
    """Tell whether a filter accepts any text, such as a phone number."""
    return name in FILTERS and kinds(name) <= {str, Iterable[str], type(None)} and name not in _HARMLESS


def is_personal(name: str) -> bool:
    """Tell whether the value of a filter may be personal and cannot be masked."""
    return name in _PERSONAL


_TIMES = {
    "since": "First day or time: 2026-11-01, 2026-11-01T09:00, today, yesterday, 7d, 12h, 30m.",
    "until": "Last day or time, in the same formats; includes the whole day.",
    "tz": "Time zone of input and output, such as Asia/Seoul; else the local one.",
}


class Filters(NamedTuple):
    """The options as typed, by name with underscores."""

    typed: Mapping[str, Any]

    def resolve(self, now: datetime) -> Chosen:
        """Resolve the times, and return the arguments of `list_calls`.

        Raises:
            InvalidQueryError: A zone or a time is invalid, or two options set the same bound.
        """
        from vox_calls_tools.cli.chosen import resolve

        return resolve(self.typed, now)


def with_filters(command: Callable[..., None]) -> Callable[..., None]:
    """Add these options to a typer command, which gets them as `Filters` in its first parameter."""
    own = inspect.signature(command, eval_str=True).parameters
    options = [*_options(), *list(own.values())[1:]]
    options = [option.replace(kind=inspect.Parameter.KEYWORD_ONLY) for option in options]
    names = [*FILTERS, *_TIMES]

    def run(**values: Any) -> None:
        command(Filters({name: values.pop(name) for name in names}), **values)

    run.__name__, run.__doc__, run.__module__ = command.__name__, command.__doc__, command.__module__
    run.__signature__ = inspect.Signature(options)  # type: ignore[attr-defined] # typer reads the options from it
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

    flags = [_SHORT[name], f"--{name.replace('_', '-')}"] if name in _SHORT else []
    option = typer.Option(*flags, help=told, metavar="VALUE", autocompletion=complete if values else None)
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind | None, option]
    )
