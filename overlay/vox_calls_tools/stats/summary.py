"""The results of counting, as immutable values."""

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
"""The definition of answered, for people."""


@attrs.frozen
class Group(Generic[K]):
    """The counts of calls with a common key.

    Attributes:
        key: The key, such as a status or a day.
        calls: Number of calls.
        answered: Number of answered calls.
        won: Their exact total cost in Korean won.

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
        """The share of answered calls, from 0 to 1; None without calls."""
        return self.answered / self.calls if self.calls else None


@attrs.frozen
class Bucket:
    """The number of answered calls in a range of lengths.

    Attributes:
        at_least: Lower bound in seconds, inclusive.
        below: Upper bound in seconds, exclusive; None for no bound.
        calls: Number of calls.

    Example:
        >>> Bucket(at_least=60, below=120, calls=3)
        Bucket(at_least=60, below=120, calls=3)
    """

    at_least: int
    below: int | None
    calls: int


@attrs.frozen
class Lengths:
    """The lengths of answered calls that are over, each rounded to the nearest second.

    Attributes:
        calls: Number of calls with a length.
        total_ms: Exact total length in milliseconds.
        median: Median in seconds; None without calls.
        p90: 90th percentile in seconds; None without calls.
        longest: Longest length in seconds; None without calls.
        buckets: Number of calls by range of lengths.

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
    """The counts of a tally.

    Attributes:
        total: All calls. Its key is None.
        first: Earliest start in UTC; None if no call has a start.
        last: Latest start in UTC; None if no call has a start.
        priced: Number of calls with a cost.
        undated: Number of calls without a valid start, which are missing from `days` and `hours`.
        unreadable: Number of invalid values: starts, costs and implausible lengths.
        skipped: Number of calls that could not be decoded; they are counted nowhere else.
        lengths: Lengths of the calls.
        days: Calls by day of the start in the tally's zone, earliest first, without empty days.
        hours: Calls by hour of the start in the tally's zone, 24 hours from 0.
        shares: Calls by `status`, `call_type` and `disconnection_reason`, most frequent value first. The key None
            stands for calls without a value.
        agents: Calls by agent id, most calls first.

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
