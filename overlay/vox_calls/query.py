"""What a caller asks for becomes what the API takes, or a refusal that says why not. Nothing is sent from here."""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from difflib import get_close_matches
from enum import Enum
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

import attrs

from vox_calls.errors import InvalidQueryError
from vox_calls.parts import Part
from vox_calls.timestamps import READ_AS_SECONDS, to_unix_ms
from vox_calls_raw.api.calls import list_calls
from vox_calls_raw.models import CallStatus, CallType, DisconnectionReason, SortOrder

MAX_PAGE_SIZE = 100
"""The largest `limit` that the API takes."""

MAX_PARALLEL = 16
"""How many parts of a time may be read at once."""

T = TypeVar("T")
E = TypeVar("E", CallStatus, CallType, DisconnectionReason, SortOrder)

_LONGEST_SHOWN = 60
_UUID = re.compile(r"[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE | re.ASCII)
_LOCAL_NUMBER = re.compile(r"[0-9]{3,12}")
_SEPARATORS = frozenset(".()[]{}")
_SEPARATOR_CATEGORIES = frozenset({"Zs", "Pd", "Cf"})  # spaces, dashes, and what address books put around numbers


@attrs.frozen
class Query:
    """Filters in the form that the API takes, and how to read the result.

    Attributes:
        filters: The value of each filter that was given, by the API's own name, typed as the raw client wants it.
        page_size: The API's `limit`: how many calls a page holds at most.
        cursor: Where to begin; None for the first page.
        max_items: How many calls to hand out at most; None for all.
        prefetch: How many pages to fetch ahead, 0 or 1.
        parallel: How many parts of the time asked for to read at once; 1 for one page after the other.
    """

    filters: Mapping[str, Any]
    page_size: int = MAX_PAGE_SIZE
    cursor: str | None = None
    max_items: int | None = None
    prefetch: int = 0
    parallel: int = 1

    @classmethod
    def of(
        cls,
        *,
        page_size: object,
        cursor: object,
        max_items: object,
        prefetch: object = 0,
        parallel: object = 1,
        **filters: object,
    ) -> Query:
        """Check and normalise what was passed to `list_calls`.

        Raises:
            InvalidQueryError: Reports every parameter that is wrong, at once.
        """
        errors: list[InvalidQueryError] = []

        def checked(field: str, value: object, normalise: Callable[[object], T]) -> T | None:
            if value is None:
                return None
            try:
                return normalise(value)
            except InvalidQueryError as error:
                errors.append(InvalidQueryError(field, error.value, error.reason))
            except ValueError as error:
                errors.append(InvalidQueryError(field, value, str(error)))
            return None

        normalised = {
            field: checked(field, value, NORMALISERS[field]) for field, value in filters.items() if value is not None
        }
        size = checked("page_size", page_size, partial(_integer, least=1, most=MAX_PAGE_SIZE))
        if page_size is None:
            errors.append(InvalidQueryError("page_size", None, f"pass an integer from 1 to {MAX_PAGE_SIZE}"))
        begin = checked("cursor", cursor, _cursor)
        most = checked("max_items", max_items, partial(_integer, least=0, most=None))
        ahead = checked("prefetch", prefetch, partial(_integer, least=0, most=1))
        parts = checked("parallel", parallel, partial(_integer, least=1, most=MAX_PARALLEL)) or 1
        query = cls(normalised, size or MAX_PAGE_SIZE, begin, most, ahead or 0, parts)
        if parts > 1:
            errors += _undivided(query, filters)
        if errors:
            raise InvalidQueryError.combine(errors)
        return query

    @property
    def most(self) -> int:
        """How many calls to hand out at most."""
        return sys.maxsize if self.max_items is None else self.max_items

    @property
    def ascending(self) -> bool:
        """Whether the earliest call comes first."""
        return self.filters.get("sort_order") is SortOrder.ASC

    @property
    def part(self) -> Part:
        """The time asked for, where it has two ends."""
        return Part(self.filters["start_at_after"], self.filters["start_at_before"])

    def within(self, part: Part, **changes: Any) -> Query:  # noqa: ANN401 - what attrs.evolve takes
        """The same query for a part of the time asked for."""
        bounds = {"start_at_after": part.after, "start_at_before": part.before}
        return attrs.evolve(self, filters={**self.filters, **bounds}, **changes)

    def request(self, cursor: str | None) -> dict[str, Any]:
        """Method, path and parameters of the request for the page at this cursor, as the raw client builds them.

        The same limit goes with every page, since nobody knows what the server keeps in its cursors.
        """
        limit = self.page_size if self.max_items is None else min(self.page_size, max(self.max_items, 1))
        parameters = {**self.filters, "limit": limit}
        if cursor is not None:
            parameters["cursor"] = cursor
        return list_calls._get_kwargs(**parameters)  # noqa: SLF001 - the generator's name for it


def _undivided(query: Query, given: Mapping[str, object]) -> Iterator[InvalidQueryError]:
    """Why the query cannot be read at several places at once."""
    missing = [name for name in ("start_at_after", "start_at_before") if given.get(name) is None]
    if missing:
        reason = f"reading at several places at once divides the time asked for; pass {' and '.join(missing)} too"
        yield InvalidQueryError("parallel", query.parallel, reason)
    if query.max_items is not None:
        reason = (
            "reading at several places at once fetches pages that so many calls may not need; leave one of the two out"
        )
        yield InvalidQueryError("max_items", query.max_items, reason)
    if query.cursor is not None and {"start_at_after", "start_at_before"} <= query.filters.keys():
        named = Part.of_cursor(query.cursor)
        if named is None or not query.part.holds(named[0]):
            reason = (
                "not one of an iteration over the same time with parallel; pass it with the arguments that it came from"
            )
            yield InvalidQueryError("cursor", query.cursor, reason)


def _many(one: Callable[[object], T], value: object) -> list[T]:
    if isinstance(value, (str, bytes, UUID, Mapping)) or not isinstance(value, Iterable):
        return [one(value)]
    values = list(dict.fromkeys(one(item) for item in value))
    if not values:
        raise ValueError("the list is empty, which could mean everything or nothing; leave the filter out for all")
    return values


def _uuid(value: object) -> UUID:
    if isinstance(value, UUID):
        return value
    if isinstance(value, str) and _UUID.fullmatch(value):
        return UUID(value)
    raise ValueError(f"{_shown(value)} is not a UUID")


def _enum(kind: type[E], value: object) -> E:
    plain = value.value if isinstance(value, Enum) else value
    known = [member.value for member in kind]
    hint = ""
    if isinstance(plain, str):
        if plain in known:
            return kind(plain)
        near = get_close_matches(plain.strip().lower(), known, n=1, cutoff=0.5)
        hint = f"; did you mean {near[0]!r}?" if near else ""
    raise ValueError(f"{_shown(plain)} is not one of {', '.join(known)}{hint}")


def _phone_number(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{_shown(value)} is not a string; as a number it would lose its leading zero")  # noqa: TRY004 - reported with its field by `of`
    digits = "".join(
        character
        for character in value
        if character not in _SEPARATORS and unicodedata.category(character) not in _SEPARATOR_CATEGORIES
    )
    if digits.startswith("+82"):
        digits = "0" + digits.removeprefix("+82").removeprefix("0")
    elif digits.startswith("+"):
        raise ValueError(f"{_shown(value)} is not a Korean number; only the country code +82 can be asked for")
    if not _LOCAL_NUMBER.fullmatch(digits):
        raise ValueError(f"{_shown(value)} is not a phone number; write it like 010-1234-5678 (3 to 12 digits)")
    return digits


def _instant(value: Any, *, round_up: bool) -> int:  # noqa: ANN401 - whatever the caller holds
    milliseconds = to_unix_ms(value, round_up=round_up)
    if milliseconds in READ_AS_SECONDS:
        raise ValueError("the API would take milliseconds this early (1970 to 1973) for seconds; pass a later instant")
    return milliseconds


def _integer(value: object, *, least: int, most: int | None) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < least or (most is not None and value > most):
        bounds = f"from {least} to {most}" if most is not None else f"of at least {least}"
        raise ValueError(f"{_shown(value)} is not an integer {bounds}")
    return value


def _cursor(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("a cursor is the next_cursor of a page or the cursor of an error, unchanged, and never empty")
    value.encode()  # half a surrogate pair cannot be sent
    return value


def _shown(value: object) -> str:
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001 - whatever an object's own repr does, such as that of an integer without end
        return f"an {type(value).__name__}"
    return text if len(text) <= _LONGEST_SHOWN else f"{text[: _LONGEST_SHOWN - 3]}..."


_PHONE_NUMBERS = partial(_many, _phone_number)

NORMALISERS: Mapping[str, Callable[[object], Any]] = {
    "agent_id": partial(_many, _uuid),
    "status": partial(_many, partial(_enum, CallStatus)),
    "call_type": partial(_many, partial(_enum, CallType)),
    "disconnection_reason": partial(_many, partial(_enum, DisconnectionReason)),
    "call_from": _PHONE_NUMBERS,
    "call_to": _PHONE_NUMBERS,
    "start_at_after": partial(_instant, round_up=True),
    "start_at_before": partial(_instant, round_up=False),
    "sort_order": partial(_enum, SortOrder),
}
"""How each filter of the API is read. One of the contract's without an entry here fails a test that names it."""
