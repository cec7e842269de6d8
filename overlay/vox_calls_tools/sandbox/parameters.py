"""What a request asks for: the query of `GET /v3/calls`, validated as the API does it."""

from __future__ import annotations

import hashlib
import inspect
import json
import re
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from typing import Any
from uuid import UUID

import attrs

from vox_calls import CallStatus, CallType, DisconnectionReason, SortOrder
from vox_calls_raw.api.calls import list_calls
from vox_calls_tools.sandbox.store import Filters

# Taken from the generated client, so that they match the contract.
ALLOWED_PARAMETERS = tuple(inspect.signature(list_calls._get_kwargs).parameters)  # noqa: SLF001 - the generator's name
DEFAULT_LIMIT = 50
MAX_LIMIT = 100

_INTEGER = re.compile(r"[0-9]{1,19}")
_LARGEST = 2**63 - 1
_NUMBER = re.compile(r"[0-9]{3,12}")
_SECONDS_DIGITS = (10, 11)
_MOST_PAIRS = 20


class RefusedError(Exception):
    """A response other than 200, in the API's error envelope."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        details: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers
        self.body: dict[str, object] = {"error": {"code": code, "message": message, "details": dict(details or {})}}


@attrs.frozen
class Asked:
    """What a request asks for."""

    filters: Filters
    ascending: bool
    cursor: str | None
    limit: int

    @property
    def fingerprint(self) -> str:
        """Identifies the filters that a cursor belongs to."""
        asked = json.dumps([sorted((name, sorted(set(self.filters[name]))) for name in self.filters), self.ascending])
        return hashlib.sha256(asked.encode()).hexdigest()[:12]


def read(query: Iterable[tuple[str, str]]) -> Asked:
    """Read the query of a request.

    Raises:
        RefusedError: For anything that the API does not take.
    """
    given: dict[str, list[str]] = {}
    for name, value in query:
        if name not in ALLOWED_PARAMETERS:
            allowed = {"allowed_query_parameters": list(ALLOWED_PARAMETERS)}
            raise invalid(f"Unsupported query parameter: {name}", allowed)
        given.setdefault(name, []).append(value)
    filters = {name: FILTERS[name](name, values) for name, values in given.items() if name in FILTERS}
    if "agent_version" in filters and len(filters.get("agent_id", [])) != 1:
        raise invalid("agent_version needs exactly one agent_id.", {"parameter": "agent_version"})
    order = _one("sort_order", _among(SortOrder)("sort_order", given.get("sort_order", [SortOrder.DESC.value])))
    limit = _number("limit", given.get("limit", [str(DEFAULT_LIMIT)]))
    if not 1 <= limit <= MAX_LIMIT:
        raise invalid(f"limit must be an integer from 1 to {MAX_LIMIT}.", {"parameter": "limit"})
    cursor = _one("cursor", given["cursor"]) if "cursor" in given else None
    return Asked(filters, order == SortOrder.ASC.value, cursor, limit)


def invalid(message: str, details: Mapping[str, object]) -> RefusedError:
    """Make the refusal of a parameter."""
    return RefusedError(400, "VALIDATION_ERROR", message, details=details)


def _one(name: str, values: list[str]) -> str:
    if len(values) != 1:
        raise invalid(f"{name} may be given only once.", {"parameter": name})
    return values[0]


def _number(name: str, values: list[str]) -> int:
    value = _one(name, values)
    if not _INTEGER.fullmatch(value) or int(value) > _LARGEST:
        raise invalid(f"{name} must be a 64-bit integer, at least 0.", {"parameter": name})
    return int(value)


def _instant(name: str, values: list[str]) -> list[int]:
    number = _number(name, values)
    return [number * 1_000 if len(str(number)) in _SECONDS_DIGITS else number]


def _among(kind: type[Enum]) -> Callable[[str, list[str]], list[str]]:
    allowed = [member.value for member in kind]

    def check(name: str, values: list[str]) -> list[str]:
        for value in values:
            if value not in allowed:
                raise invalid(f"{name} has no value {value!r}.", {"parameter": name, "allowed_values": allowed})
        return values

    return check


def _uuids(name: str, values: list[str]) -> list[str]:
    try:
        return [str(UUID(value)) for value in values]
    except ValueError:
        raise invalid(f"{name} must be a UUID.", {"parameter": name}) from None


def _numbers(name: str, values: list[str]) -> list[str]:
    if not all(_NUMBER.fullmatch(value) for value in values):
        raise invalid(f"{name} must be a domestic number, digits only.", {"parameter": name})
    return values


def _length(name: str, values: list[str]) -> list[int]:
    return [_number(name, values)]


def _customer(name: str, values: list[str]) -> list[str]:
    return _uuids(name, [_one(name, values)])


def _matching(pattern: str) -> Callable[[str, list[str]], list[str]]:
    def check(name: str, values: list[str]) -> list[str]:
        if not all(re.fullmatch(pattern, value, re.ASCII) for value in values):
            raise invalid(f"{name} must match {pattern}.", {"parameter": name})
        return values

    return check


def _campaign(name: str, values: list[str]) -> list[str]:
    return _matching(r"[0-9]+")(name, [_one(name, values)])


def _pairs(name: str, values: list[str]) -> list[str]:
    if len(values) > _MOST_PAIRS:
        raise invalid(f"{name} may be given {_MOST_PAIRS} times.", {"parameter": name})
    return _matching("(?s)[^:]+:.*")(name, values)


FILTERS: Mapping[str, Callable[[str, list[str]], list[Any]]] = {
    "agent_id": _uuids,
    "agent_version": _matching(r"current|v[0-9]+"),
    "status": _among(CallStatus),
    "call_type": _among(CallType),
    "disconnection_reason": _among(DisconnectionReason),
    "call_from": _numbers,
    "call_to": _numbers,
    "customer_id": _customer,
    "campaign_id": _campaign,
    "metadata": _pairs,
    "dynamic_variables": _pairs,
    "duration_ms_min": _length,
    "duration_ms_max": _length,
    "start_at_after": _instant,
    "start_at_before": _instant,
}
"""How each filter of the API is read."""
