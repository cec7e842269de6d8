"""Whether what came of an exchange is what its case expects: every difference, in a sentence."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated, Any

import attrs
import msgspec
from msgspec import UNSET, UnsetType

KEY = "vox_conformance_key"
"""The key of every client under test."""

Json = dict[str, Any]


class ToldError(msgspec.Struct, forbid_unknown_fields=True):
    """An error as the client under test tells it; `text` is all that it would show a person."""

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
    """What came of an exchange, as the client under test tells it; `chance` is the number that it always gave."""

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
    """A request as it came.

    Attributes:
        query: Each parameter with its values.
        wait: Seconds since the answer before it.
    """

    query: dict[str, list[str]]
    wait: float


@attrs.frozen
class Tolerance:
    """How many seconds a wait may be shorter or longer than expected."""

    early: float
    late: float


VIRTUAL = Tolerance(0.001, 0.001)  # some clocks show whole milliseconds
REAL = Tolerance(0.05, 0.25)
# In real time, where the wait for a second's end is shorter by all that took longer in it.
PACED = Tolerance(0.25, 0.25)


def differences(expected: Json, outcome: Outcome, seen: Sequence[Seen], tolerance: Tolerance) -> list[str]:
    """What is not as the case expects; nothing where all is."""
    found = [
        f"{name}: {_told(getattr(outcome, name))} and not {_shown(value)}"
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
        return ["requests: none came, so nothing was tried; the client's base URL is the one beside the case"]
    if expected is None:
        return []
    found = []
    if len(seen) != len(expected):
        found.append(f"requests: {len(seen)} came, and not {len(expected)}")
    for number, (one, wanted) in enumerate(zip(seen, expected, strict=False), start=1):
        if one.query != wanted["query"]:
            found.append(f"request {number}: its query is {_shown(one.query)} and not {_shown(wanted['query'])}")
        wait = wanted.get("wait", 0)
        least, most = wait if isinstance(wait, list) else (wait, wait)
        if chance is not None:
            least = most = max(least, most * chance)
        if not least - tolerance.early <= one.wait <= most + tolerance.late:
            when = f"{least:g}" if least == most else f"{least:g} to {most:g}"
            found.append(f"request {number}: it came {one.wait:g} s after the answer before it, and not {when} s")
    return found


def _error(expected: Json | None, error: ToldError | None) -> list[str]:
    found = []
    # All of it, and not what the case asks for alone: the key may be where nobody looks.
    if KEY in repr(error):
        found.append("error: the key is in it, and *** does not stand in its place")
    if expected is None or error is None:
        if expected is not None:
            found.append(f"error: none was told, and not {_shown(expected)}")
        if error is not None:
            found.append(f"error: there is to be none, and not {_shown(error.name)}: {_shown(error.text)}")
        return found
    for name, value in expected.items():
        told = getattr(error, name)
        if told != value:
            found.append(f"error.{name}: {_told(told)} and not {_shown(value)}")
    return found


def _told(value: object) -> str:
    return "it was not told," if value is UNSET else f"it is {_shown(value)}"


def _shown(value: object) -> str:
    return json.dumps(value)  # in ASCII, so that half a surrogate pair can be printed and look-alikes be told apart
