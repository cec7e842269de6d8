"""Compares the outcome of an exchange with its case: every difference as a sentence."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated, Any

import attrs
import msgspec
from msgspec import UNSET, UnsetType

KEY = "vox_conformance_key"
"""The API key for clients under test."""

Json = dict[str, Any]


class ToldError(msgspec.Struct, forbid_unknown_fields=True):
    """An error as the client under test reports it; `text` is everything that it would show a person."""

    name: str
    text: Annotated[str, msgspec.Meta(min_length=1)]
    status: int | UnsetType = UNSET
    code: str | UnsetType | None = UNSET
    message: str | UnsetType = UNSET
    details: Json | UnsetType = UNSET
    request_id: str | UnsetType | None = UNSET
    retry_after: float | UnsetType | None = UNSET
    attempts: int | UnsetType = UNSET
    cursor: str | UnsetType | None = UNSET
    path: str | UnsetType = UNSET


class Outcome(msgspec.Struct, forbid_unknown_fields=True):
    """The outcome that the client under test reports; `chance` is the constant value of its random numbers."""

    items: list[str] | UnsetType = UNSET
    pages: list[list[str]] | UnsetType = UNSET
    skipped: list[str] | UnsetType = UNSET
    reported: list[str] | UnsetType = UNSET
    error: ToldError | None = None
    cursor: str | UnsetType | None = UNSET
    finished: bool | UnsetType = UNSET
    chance: Annotated[float, msgspec.Meta(ge=0, lt=1)] | None = None


@attrs.frozen
class Seen:
    """A received request.

    Attributes:
        query: Values of each parameter.
        wait: Seconds since the previous response.
    """

    query: dict[str, list[str]]
    wait: float


@attrs.frozen
class Tolerance:
    """By how many seconds a wait may be shorter or longer than expected."""

    early: float
    late: float


VIRTUAL = Tolerance(0.001, 0.001)  # some clocks have millisecond resolution
REAL = Tolerance(0.05, 0.25)
# For rate limits in real time: the wait for the end of a window shrinks by any delay within the window.
PACED = Tolerance(0.25, 0.25)


def differences(expected: Json, outcome: Outcome, seen: Sequence[Seen], tolerance: Tolerance) -> list[str]:
    """Return the differences between a case and the outcome; empty if there are none."""
    found = [
        f"{name}: {_told(getattr(outcome, name))} instead of {_shown(value)}"
        for name, value in expected.items()
        if name not in {"requests", "error"} and getattr(outcome, name) != value
    ]
    return [
        *found,
        *_requests(expected.get("requests"), seen, outcome.chance, tolerance),
        *_error(expected.get("error"), outcome.error),
    ]


def _requests(
    expected: Sequence[Json] | None, seen: Sequence[Seen], chance: float | None, tolerance: Tolerance
) -> list[str]:
    if not seen and expected != []:
        return ["requests: received none; check that the client uses the base URL of the exchange"]
    if expected is None:
        return []
    found = []
    if len(seen) != len(expected):
        found.append(f"requests: received {len(seen)} instead of {len(expected)}")
    for number, (one, wanted) in enumerate(zip(seen, expected, strict=False), start=1):
        if one.query != wanted["query"]:
            found.append(f"request {number}: its query is {_shown(one.query)} instead of {_shown(wanted['query'])}")
        wait = wanted.get("wait", 0)
        least, most = wait if isinstance(wait, list) else (wait, wait)
        if chance is not None:
            least = most = max(least, most * chance)
        if not least - tolerance.early <= one.wait <= most + tolerance.late:
            when = f"{least:g}" if least == most else f"{least:g} to {most:g}"
            found.append(f"request {number}: sent {one.wait:g} s after the previous response instead of {when} s")
    return found


def _error(expected: Json | None, error: ToldError | None) -> list[str]:
    found = []
    # Checks the whole error, including fields that the case does not mention.
    if KEY in repr(error):
        found.append("error: contains the API key; redact it as ***")
    if expected is None or error is None:
        if expected is not None:
            found.append(f"error: none reported instead of {_shown(expected)}")
        if error is not None:
            found.append(f"error: expected none, got {_shown(error.name)}: {_shown(error.text)}")
        return found
    for name, value in expected.items():
        told = getattr(error, name)
        if told != value:
            found.append(f"error.{name}: {_told(told)} instead of {_shown(value)}")
    return found


def _told(value: object) -> str:
    return "not reported" if value is UNSET else f"is {_shown(value)}"


def _shown(value: object) -> str:
    return json.dumps(value)  # in ASCII, so that lone surrogates can be printed and look-alikes differ visibly
