"""What `list_calls` takes becomes what the API takes, or an error that says why not. Sends nothing."""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import timedelta
from functools import partial
from inspect import signature
from operator import index
from typing import Any, TypeVar
from uuid import UUID

import attrs

from vox_calls.enums import CallStatus, CallType, DisconnectionReason, SortOrder, request_value
from vox_calls.errors import InvalidQueryError, shown
from vox_calls.timestamps import MILLISECOND, READ_AS_SECONDS, to_unix_ms
from vox_calls_raw.api.calls import list_calls

MAX_PAGE_SIZE = 100
"""The largest `limit` that the API takes."""

DEFAULT_PAGE_SIZE = 100
"""The `limit` of a client that was not told another."""

T = TypeVar("T")

_REQUIRED = {
    name
    for name, parameter in signature(list_calls._get_kwargs).parameters.items()  # noqa: SLF001 - the generator's name for it
    if parameter.default is parameter.empty
}
_UUID = re.compile(r"[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE | re.ASCII)
_LOCAL_NUMBER = re.compile(r"[0-9]{3,12}")
_AGENT_VERSION = re.compile(r"current|v[0-9]+")
_DIGITS = re.compile(r"[0-9]+")
_LARGEST = 2**63 - 1
_MOST_PAIRS = 20
_RANGES = (("start_at_after", "start_at_before"), ("duration_ms_min", "duration_ms_max"))
_SEPARATORS = frozenset(".()[]{}")
_SEPARATOR_CATEGORIES = frozenset({"Zs", "Pd", "Cf"})  # spaces, dashes, and what address books put around numbers


@attrs.frozen
class Query:
    """Validated filters, and how to read the result.

    Attributes:
        filters: The value of each filter that was given, by the API's name, typed as the raw client wants it.
        page_size: The API's `limit`: calls a page, at most.
        cursor: Where to begin; None for the first page.
        max_items: How many calls to yield, at most.
        prefetch: How many pages to fetch early, 0 or 1.
    """

    filters: Mapping[str, Any]
    page_size: int = DEFAULT_PAGE_SIZE
    cursor: str | None = None
    max_items: int = sys.maxsize
    prefetch: int = 0

    @classmethod
    def of(
        cls, *, page_size: object, cursor: object, max_items: object, prefetch: object = 0, **filters: object
    ) -> Query:
        """Validate and normalise what was passed to `list_calls`.

        Raises:
            InvalidQueryError: Reports every invalid parameter, at once.
        """
        errors: list[InvalidQueryError] = []

        def checked(field: str, value: object, normalise: Callable[[object], T]) -> T | None:
            try:
                return None if value is None else normalise(value)
            except InvalidQueryError as error:
                errors.append(InvalidQueryError(field, error.value, error.reason))
            except ValueError as error:
                errors.append(InvalidQueryError(field, value, str(error)))
            return None

        normalised = {
            field: checked(field, value, NORMALISERS[field]) for field, value in filters.items() if value is not None
        }
        missing = _REQUIRED - {field for field, value in filters.items() if value is not None}
        errors += [InvalidQueryError(field, None, "the API requires it") for field in sorted(missing)]
        errors += [InvalidQueryError(field, filters[field], why) for field, why in _contradictions(normalised)]
        size = checked("page_size", page_size, partial(_integer, least=1, most=MAX_PAGE_SIZE))
        if page_size is None:
            errors.append(InvalidQueryError("page_size", None, f"pass an integer from 1 to {MAX_PAGE_SIZE}"))
        begin = checked("cursor", cursor, _cursor)
        most = checked("max_items", max_items, partial(_integer, least=0))
        early = checked("prefetch", prefetch, partial(_integer, least=0, most=1))
        if errors:
            raise InvalidQueryError.combine(errors)
        return cls(normalised, size or DEFAULT_PAGE_SIZE, begin, sys.maxsize if most is None else most, early or 0)

    def request(self, cursor: str | None) -> dict[str, Any]:
        """Build method, path and parameters of the request for the page at a cursor, by the raw client.

        Every page of an iteration has the same limit: what a cursor holds is the server's affair.
        """
        parameters = {**self.filters, "limit": min(self.page_size, max(self.max_items, 1))}
        if cursor is not None:
            parameters["cursor"] = cursor
        return list_calls._get_kwargs(**parameters)  # noqa: SLF001 - the generator's name for it


def normalise_filters(filters: Mapping[str, object]) -> dict[str, Any]:
    """Return filters as the API gets them: equal, however they were written.

    Args:
        filters: Arguments of `list_calls` that filter or sort, by name.

    Returns:
        JSON values by name, lists sorted, instants in unix milliseconds.

    Raises:
        InvalidQueryError: For a filter that does not exist, or an invalid value.

    Example:
        >>> normalise_filters({"call_to": "010-1234-5678", "start_at_after": "2026-11-01T09:00:00+09:00"})
        {'call_to': ['01012345678'], 'start_at_after': 1793491200000}
    """
    if unknown := sorted(filters.keys() - NORMALISERS.keys()):
        reason = f"there is no such filter; there are {', '.join(NORMALISERS)}"
        raise InvalidQueryError(unknown[0], filters[unknown[0]], reason)
    query = Query.of(page_size=DEFAULT_PAGE_SIZE, cursor=None, max_items=None, **filters)
    sent = query.request(None)["params"]
    return {
        name: sorted(sent[name]) if isinstance(sent[name], list) else sent[name]
        for name in query.filters
        if name in sent
    }


def _contradictions(filters: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield each filter that others make useless, and why."""
    for least, most in _RANGES:
        if filters.get(least) is not None and filters.get(most) is not None and filters[most] < filters[least]:
            yield most, f"it is below {least}, so no call can match; exchange the two"
    agents = filters.get("agent_id", ())  # None if invalid, which is reported already
    if filters.get("agent_version") and agents is not None and len(agents) != 1:
        yield "agent_version", "the API takes it together with exactly one agent_id"


def _many(one: Callable[[object], T], value: object) -> list[T]:
    if isinstance(value, (str, bytes, UUID, Mapping)) or not isinstance(value, Iterable):
        return [one(value)]
    values = list(dict.fromkeys(one(item) for item in value))
    if not values:
        raise ValueError("the list is empty, which could mean everything or nothing; omit the filter to match all")
    return values


def _uuid(value: object) -> UUID:
    if isinstance(value, UUID):
        return value
    if isinstance(value, str) and _UUID.fullmatch(value):
        return UUID(value)
    raise ValueError(f"{shown(value)} is not a UUID")


def _phone_number(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{shown(value)} is not a string; as a number it would lose its leading zero")  # noqa: TRY004 - reported with its field by `of`
    digits = "".join(
        character
        for character in value
        if character not in _SEPARATORS and unicodedata.category(character) not in _SEPARATOR_CATEGORIES
    )
    if digits.startswith("+82"):
        digits = "0" + digits.removeprefix("+82").removeprefix("0")
    elif digits.startswith("+"):
        raise ValueError(f"{shown(value)} is not a Korean number; the only country code is +82")
    if not _LOCAL_NUMBER.fullmatch(digits):
        raise ValueError(f"{shown(value)} is not a phone number; write it like 010-1234-5678 (3 to 12 digits)")
    return digits


def _instant(value: Any, *, round_up: bool) -> int:  # noqa: ANN401 - whatever the caller holds
    milliseconds = to_unix_ms(value, round_up=round_up)
    if milliseconds in READ_AS_SECONDS:
        raise ValueError("the API would read milliseconds this early (1970 to 1973) as seconds; pass a later instant")
    return milliseconds


def _agent_version(value: object) -> str:
    if isinstance(value, str) and _AGENT_VERSION.fullmatch(value):
        return value
    raise ValueError(f"{shown(value)} is not a version; pass current, or v and a number, such as v262")


def _campaign(value: object) -> str:
    text = value if isinstance(value, str) else str(_integer(value, least=0, most=_LARGEST))
    if not _DIGITS.fullmatch(text):
        raise ValueError(f"{shown(value)} is not the number of a campaign; pass its digits")
    return text


def _duration(value: object, *, round_up: bool) -> int:
    if isinstance(value, timedelta):
        value = -(-value // MILLISECOND) if round_up else value // MILLISECOND
    return _integer(value, least=0, most=_LARGEST)


def _pairs(value: object) -> list[str]:
    if isinstance(value, Mapping):
        pairs = [pair for key, held in value.items() for pair in _many(partial(_pair, key), held)]
    else:
        pairs = _many(_written_pair, value)
    pairs = list(dict.fromkeys(pairs))
    if not 0 < len(pairs) <= _MOST_PAIRS:
        raise ValueError(f"pass 1 to {_MOST_PAIRS} pairs of key and value; these are {len(pairs)}")
    return pairs


def _pair(key: object, value: object) -> str:
    if not isinstance(key, str) or not key or ":" in key:
        raise ValueError(f"{shown(key)} is not a key that the API can compare: a text without a colon")
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValueError(f"the value of {shown(key)} is not a text; pass it as the API has it")  # noqa: TRY004 - as above
    pair = f"{key}:{value}"
    pair.encode()  # half a surrogate pair cannot be sent
    return pair


def _written_pair(value: object) -> str:
    if not isinstance(value, str) or ":" not in value:
        raise ValueError(f"{shown(value)} is not a pair; pass a dict, or texts such as 'source:crm'")
    key, _, held = value.partition(":")
    return _pair(key, held)


def _integer(value: object, *, least: int, most: int | None = None) -> int:
    bounds = f"from {least} to {most}" if most is not None else f"of at least {least}"
    try:
        number = least - 1 if isinstance(value, bool) else index(value)  # type: ignore[arg-type] # see timestamps
    except TypeError:
        number = least - 1
    if number < least or (most is not None and number > most):
        raise ValueError(f"{shown(value)} is not an integer {bounds}")
    return number


def _cursor(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("pass the next_cursor of a page or the cursor of an error, unchanged; it is never empty")
    value.encode()  # half a surrogate pair cannot be sent
    return value


_PHONE_NUMBERS = partial(_many, _phone_number)

NORMALISERS: Mapping[str, Callable[[object], Any]] = {
    "agent_id": partial(_many, _uuid),
    "agent_version": partial(_many, _agent_version),
    "status": partial(_many, partial(request_value, CallStatus)),
    "call_type": partial(_many, partial(request_value, CallType)),
    "disconnection_reason": partial(_many, partial(request_value, DisconnectionReason)),
    "call_from": _PHONE_NUMBERS,
    "call_to": _PHONE_NUMBERS,
    "customer_id": _uuid,
    "campaign_id": _campaign,
    "metadata": _pairs,
    "dynamic_variables": _pairs,
    "duration_ms_min": partial(_duration, round_up=True),
    "duration_ms_max": partial(_duration, round_up=False),
    "start_at_after": partial(_instant, round_up=True),
    "start_at_before": partial(_instant, round_up=False),
    "sort_order": partial(request_value, SortOrder),
}
"""How each filter of the API is normalised. A parameter of the contract without an entry fails a test that names it."""
