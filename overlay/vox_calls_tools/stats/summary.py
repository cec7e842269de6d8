"""What was counted, as plain values that do not change."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Generic, TypeVar

import attrs

from vox_calls import CallStatus

K = TypeVar("K")

ANSWERED = (
    "A call is answered when it was connected: it has a start and its status is not "
    f"{CallStatus.NOT_CONNECTED.value}. A voicemail that picks up counts."
)
"""What is meant by answered, for people."""


@attrs.frozen
class Group(Generic[K]):
    """The calls that have one thing in common.

    Attributes:
        key: That thing.
        calls: How many there are.
        answered: How many of them were answered.
        won: What they cost together, in Korean won, exactly.

    Example:
        >>> Group("ended", calls=4, answered=4, won=Decimal("600.00")).answered
        4
    """

    key: K
    calls: int
    answered: int
    won: Decimal

    @property
    def answered_rate(self) -> float | None:
        """The part of the calls that was answered, from 0 to 1. None where there are no calls."""
        return self.answered / self.calls if self.calls else None


@attrs.frozen
class Bucket:
    """The answered calls that last `at_least` seconds and less than `below`; None is no limit.

    Example:
        >>> Bucket(at_least=60, below=120, calls=3)
        Bucket(at_least=60, below=120, calls=3)
    """

    at_least: int
    below: int | None
    calls: int


@attrs.frozen
class Lengths:
    """How long the answered calls lasted that are over, in whole seconds, each call rounded to the nearest.

    Attributes:
        calls: How many have a length.
        total_ms: What they last together, in milliseconds, exactly.
        median: Half of the calls, or more, last no longer than this many seconds. None without calls.
        p90: Nine tenths of the calls, or more, last no longer than this many seconds.
        longest: The longest, in seconds.
        buckets: How many calls are how long.

    Example:
        lengths = tally.summary().lengths
        print(lengths.median, "s in the middle,", timedelta(milliseconds=lengths.total_ms), "in all")
    """

    calls: int
    total_ms: int
    median: int | None
    p90: int | None
    longest: int | None
    buckets: tuple[Bucket, ...]


@attrs.frozen
class Summary:
    """What was counted.

    Attributes:
        total: All calls. Its key is None.
        first, last: The earliest and the latest start, in UTC. None where no call has one.
        priced: How many calls have a cost.
        undated: How many calls have no start that can be read: they are in no day and no hour.
        unreadable: How many values could not be read: starts that are no instant, costs that are no number, lengths
            that cannot be.
        skipped: How many calls could not be read at all; they are counted nowhere else.
        lengths: How long the calls lasted.
        days: By the day of the start, in the zone of the tally; the earliest first. Days without calls are not there.
        hours: The 24 hours of the day of the start, in that zone, from 0.
        shares: By `status`, `call_type` and `disconnection_reason`, the most frequent value first. A value that is
            None stands for the calls that have none.
        agents: By the agent's id, the one with the most calls first.

    Example:
        for group in tally.summary().shares["status"]:
            print(group.key, group.calls, group.won)
    """

    total: Group[None]
    first: datetime | None
    last: datetime | None
    priced: int
    undated: int
    unreadable: int
    skipped: int
    lengths: Lengths
    days: tuple[Group[date], ...]
    hours: tuple[Group[int], ...]
    shares: dict[str, tuple[Group[str | None], ...]]
    agents: tuple[Group[str], ...]
