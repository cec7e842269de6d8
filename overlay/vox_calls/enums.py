"""Job 3, enum validation: closed in requests, open in responses, strict on demand.

A request takes the contract's values alone, for a typo would match nothing. Responses grow: the vendor adds values
without notice, so an unknown one is kept. It equals its string and has `is_known` False, and is logged once; clients
made with `strict_enums=True` raise instead. The rules are ENUM-1 to ENUM-5 of `openapi/conformance/`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from difflib import get_close_matches
from enum import Enum
from typing import TypeVar

from vox_calls.errors import UnknownEnumValueError, shown
from vox_calls_raw.models import CallStatus, CallType, DisconnectionReason, SortOrder

__all__ = ["CallStatus", "CallType", "DisconnectionReason", "SortOrder", "UnknownValues", "request_value"]

E = TypeVar("E", bound=Enum)

logger: logging.Logger = logging.getLogger("vox_calls")

_MOST_REMEMBERED = 1_000


def request_value(kind: type[E], value: object) -> E:
    """Return the member of an enum for a value of a request.

    Raises:
        ValueError: For a value that the contract does not list; names the nearest one.

    Example:
        >>> request_value(CallStatus, "endd")
        Traceback (most recent call last):
        ...
        ValueError: 'endd' is not one of queued, ongoing, ended, error, canceled, not_connected; did you mean 'ended'?
    """
    plain = value.value if isinstance(value, Enum) else value
    known = [member.value for member in kind]
    hint = ""
    if isinstance(plain, str):
        if plain in known:
            return kind(plain)
        near = get_close_matches(plain.strip().lower(), known, n=1, cutoff=0.5)
        hint = f"; did you mean {near[0]!r}?" if near else ""
    raise ValueError(f"{shown(plain)} is not one of {', '.join(known)}{hint}")


class UnknownValues:
    """Reports values of responses that the contract does not list: a warning for each, or an error.

    Args:
        strict: Raise instead of logging.
        redact: Removes the API key from what is logged.
    """

    def __init__(self, *, strict: bool = False, redact: Callable[[str], str] = str) -> None:
        self._strict = strict
        self.redact = redact
        self._seen: set[tuple[str, str]] = set()

    def report(self, path: str, kind: type[Enum], value: str) -> None:
        """Report one value, and where it stands.

        Raises:
            UnknownEnumValueError: When strict.
        """
        text = ascii(self.redact(value)[:100])
        if self._strict:
            raise UnknownEnumValueError(path, f"{kind.__name__} has no value {text}")
        if (kind.__name__, value) not in self._seen and len(self._seen) < _MOST_REMEMBERED:
            self._seen.add((kind.__name__, value))
            logger.warning("%s: %s is unknown to this version of vox-calls", kind.__name__, text)
