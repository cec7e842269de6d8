"""Calls that progress over time: placed, connected, over, analysed, billed.

The state of a call is a function of the time, which callers pass in: no clock and no thread.

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
"""A call as a JSON object."""

Span = float | timedelta
"""A length of time: seconds or a timedelta."""

WAITS = 5.0
LASTS = 90.0
ANALYSIS_AFTER = 10.0
COST_AFTER = 20.0

_NEVER_CONNECTED = frozenset({CallStatus.CANCELED, CallStatus.NOT_CONNECTED, CallStatus.QUEUED})
_NEVER_OVER = frozenset({CallStatus.QUEUED, CallStatus.ONGOING})
# Fields that are set when a call is over. Start, analysis and cost are set at other instants.
_KNOWN_WHEN_OVER = ("disconnection_reason", "end_at", "recording_url")
_MOST_SECONDS = 10**10  # three hundred years


@attrs.frozen
class Course:
    """The course of a call over time. Instants are in unix milliseconds and in this order; None means never.

    Attributes:
        call: The call in its final state.
        placed_at: When it appears, queued.
        connected_at: When it becomes ongoing.
        over_at: When it gets its final status.
        analysed_at: When it gets its analysis.
        billed_at: When it gets its cost, maybe before the analysis.

    Example:
        with Sandbox() as sandbox:
            sandbox.store.place(plan(call, placed_at=now_ms, waits=5, lasts=60))  # plan returns a Course
    """

    call: Mapping[str, Any]
    placed_at: int
    connected_at: int | None
    over_at: int | None
    analysed_at: int | None
    billed_at: int | None

    def look(self, now: int) -> Call | None:
        """Return the call at an instant, in unix milliseconds; None before it is placed."""
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
        """Return how many of its instants have passed. The call changes only when this number grows."""
        return sum(_reached(instant, now) for instant in self._instants)

    @property
    def length(self) -> int:
        """The number of its instants."""
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
    """Plan the course of a call.

    Its final status decides the course: a canceled or not connected call stays queued until it is over, and a call that
    is queued or ongoing in its final state stays that way.

    Args:
        call: The call in its final state. Start and end, unless null, are set to those of the course.
        placed_at: When it appears, in unix milliseconds.
        waits: Seconds, or a timedelta, until it is connected or given up.
        lasts: Seconds, or a timedelta, that it is connected.
        analysis_after: Seconds, or a timedelta, from its end to its analysis.
        cost_after: Seconds, or a timedelta, from its end to its cost.

    Raises:
        MisusedError: A length of time is invalid.

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
    """The calls in progress, and how much of each was reported."""

    def __init__(self) -> None:
        self._courses: dict[str, Course] = {}
        self._told: dict[str, int] = {}

    def add(self, course: Course) -> None:
        """Track a call, instead of any with the same id."""
        call_id = course.call["id"]
        self._courses[call_id] = course
        self._told[call_id] = 0

    def forget(self, ids: Iterable[str]) -> None:
        """Stop tracking some calls. Ignores ids that are not tracked."""
        for call_id in ids:
            self._courses.pop(call_id, None)
            self._told.pop(call_id, None)

    def clear(self) -> None:
        """Stop tracking all calls."""
        self._courses.clear()
        self._told.clear()

    def due(self, now: int) -> list[Call]:
        """Return the calls that changed since the last time, in their current state. A call never goes back."""
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
    """Convert a length of time to whole milliseconds.

    Raises:
        MisusedError: It is invalid. The message has the name.

    Example:
        >>> milliseconds(1.5, "lasts")
        1500
    """
    seconds = span.total_seconds() if isinstance(span, timedelta) else span
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise MisusedError(f"{name} must be seconds or a timedelta, not {type(span).__name__}")
    if not 0 <= seconds <= _MOST_SECONDS:
        raise MisusedError(f"{name} must be seconds or a timedelta, from 0 to {_MOST_SECONDS:,} s, not {span!r}")
    return round(seconds * 1_000)


def _reached(instant: int | None, now: int) -> bool:
    return instant is not None and instant <= now
