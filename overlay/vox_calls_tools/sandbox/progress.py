"""Calls that go on with time: placed, connected, over, analysed, billed.

What a call looks like follows from the instant. No clock and no thread: whoever keeps the time says what it is.

    call = {"id": "a", "status": "ended", "start_at": None, "end_at": None, "call_cost": {"total_cost": "150.00"}}
    course = plan(call, placed_at=1_793_491_200_000, waits=5, lasts=60)
    course.look(1_793_491_210_000)["status"]  # "ongoing"
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

import attrs

from vox_calls import CallStatus
from vox_calls_tools.sandbox.errors import MisusedError

Call = dict[str, Any]
"""A call as JSON has it."""

Span = float | timedelta
"""A length of time: seconds, or a timedelta."""

WAITS = 5.0
LASTS = 90.0
ANALYSIS_AFTER = 10.0
COST_AFTER = 20.0

_NEVER_CONNECTED = frozenset({CallStatus.CANCELED, CallStatus.NOT_CONNECTED, CallStatus.QUEUED})
_NEVER_OVER = frozenset({CallStatus.QUEUED, CallStatus.ONGOING})
# What is told of a call when it is over. Start, analysis and cost have instants of their own.
_KNOWN_WHEN_OVER = ("disconnection_reason", "end_at", "recording_url")
_MOST_SECONDS = 10**10  # three hundred years


@attrs.frozen
class Course:
    """How a call goes on. Each instant is in unix milliseconds, none before the one above it; None is never.

    Attributes:
        call: The call as it is in the end.
        placed_at: When it is first seen, waiting.
        connected_at: When it is ongoing.
        over_at: When it has its last status.
        analysed_at: When its analysis is there.
        billed_at: When its cost is there; it may be before the analysis.

    Example:
        with Sandbox() as sandbox:
            sandbox.store.place(plan(call, placed_at=now_ms, waits=5, lasts=60))  # whose Course says what it is when
    """

    call: Mapping[str, Any]
    placed_at: int
    connected_at: int | None
    over_at: int | None
    analysed_at: int | None
    billed_at: int | None

    def look(self, now: int) -> Call | None:
        """The call at an instant, in unix milliseconds. None before it is placed."""
        if now < self.placed_at:
            return None
        hidden: list[str] = []
        call = dict(self.call)
        if not _reached(self.over_at, now):
            connected = _reached(self.connected_at, now)
            call["status"] = (CallStatus.ONGOING if connected else CallStatus.QUEUED).value
            hidden += _KNOWN_WHEN_OVER if connected else ("start_at", *_KNOWN_WHEN_OVER)
        if not _reached(self.analysed_at, now):
            hidden.append("call_analysis")
        if not _reached(self.billed_at, now):
            hidden.append("call_cost")
        return {**call, **dict.fromkeys(hidden)}

    def passed(self, now: int) -> int:
        """How many of its instants are over. Its looks change when this grows, and not before."""
        return sum(_reached(instant, now) for instant in self._instants)

    @property
    def length(self) -> int:
        """How many instants it has."""
        return sum(instant is not None for instant in self._instants)

    @property
    def _instants(self) -> tuple[int | None, ...]:
        return self.placed_at, self.connected_at, self.over_at, self.analysed_at, self.billed_at


def plan(
    call: Mapping[str, Any],
    *,
    placed_at: int,
    waits: Span = WAITS,
    lasts: Span = LASTS,
    analysis_after: Span = ANALYSIS_AFTER,
    cost_after: Span = COST_AFTER,
) -> Course:
    """The course of a call that is placed at an instant, in unix milliseconds.

    Its last status says which way it goes: one that is not connected or canceled in the end waits until then, and one
    that is queued or ongoing in the end stays so.

    Args:
        call: The call as it is to be in the end. Its start and end, where it has them, are set to what follows.
        placed_at: When it is first seen.
        waits: How long until it is connected, or until it is given up.
        lasts: How long it is connected.
        analysis_after: How long from its end until its analysis is there.
        cost_after: How long from its end until its cost is there.

    Raises:
        MisusedError: For a length of time that is none.

    Example:
        >>> course = plan({"id": "a", "status": "ended"}, placed_at=1_793_491_200_000, waits=5, lasts=60)
        >>> [(course.look(1_793_491_200_000 + ms) or {}).get("status") for ms in (0, 5_000, 65_000)]
        ['queued', 'ongoing', 'ended']
    """
    waiting, talking = milliseconds(waits, "waits"), milliseconds(lasts, "lasts")
    analysis, cost = milliseconds(analysis_after, "analysis_after"), milliseconds(cost_after, "cost_after")
    tried_until = placed_at + waiting
    connected_at = None if call.get("status") in _NEVER_CONNECTED else tried_until
    over_at = tried_until if connected_at is None else tried_until + talking
    started_at = placed_at if connected_at is None else connected_at
    never_over = call.get("status") in _NEVER_OVER
    return Course(
        call={
            **call,
            "start_at": None if call.get("start_at") is None else started_at,
            "end_at": None if call.get("end_at") is None else over_at,
        },
        placed_at=placed_at,
        connected_at=connected_at,
        over_at=None if never_over else over_at,
        analysed_at=None if never_over else over_at + analysis,
        billed_at=None if never_over else over_at + cost,
    )


class Progress:
    """The calls that go on, and how much of each has been told."""

    def __init__(self) -> None:
        self._courses: dict[str, Course] = {}
        self._told: dict[str, int] = {}

    def add(self, course: Course) -> None:
        """Follow a call; one with the same id is forgotten."""
        call_id = course.call["id"]
        self._courses[call_id] = course
        self._told[call_id] = 0

    def forget(self, ids: Iterable[str]) -> None:
        """Follow these calls no longer; one that is not followed is no error."""
        for call_id in ids:
            self._courses.pop(call_id, None)
            self._told.pop(call_id, None)

    def clear(self) -> None:
        """Follow none."""
        self._courses.clear()
        self._told.clear()

    def due(self, now: int) -> list[Call]:
        """The calls that look other than when this was last asked, as they are now. None of them ever goes back."""
        changed = []
        for call_id, course in list(self._courses.items()):
            passed = course.passed(now)
            look = course.look(now)
            if look is not None and passed > self._told[call_id]:
                changed.append(look)
                self._told[call_id] = passed
            if passed == course.length:
                self.forget([call_id])
        return changed


def milliseconds(span: Span, name: str) -> int:
    """A length of time in whole milliseconds.

    Raises:
        MisusedError: With that name, for what is no length of time.

    Example:
        >>> milliseconds(1.5, "lasts")
        1500
    """
    seconds = span.total_seconds() if isinstance(span, timedelta) else span
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise MisusedError(f"{name} is seconds or a timedelta, not {type(span).__name__}")
    if not 0 <= seconds <= _MOST_SECONDS:
        raise MisusedError(f"{name} is seconds or a timedelta, none of it negative or endless; not {span!r}")
    return round(seconds * 1_000)


def _reached(instant: int | None, now: int) -> bool:
    return instant is not None and instant <= now
