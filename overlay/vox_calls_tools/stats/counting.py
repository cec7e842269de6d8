"""Counts calls one by one. Memory grows with days, agents and distinct values, not with calls."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from datetime import date, datetime, tzinfo
from decimal import Context, Decimal
from typing import TypeVar

from vox_calls import Call, CallStatus, InvalidResponseError, from_unix_ms
from vox_calls_tools.stats.summary import Bucket, Group, Lengths, Summary

K = TypeVar("K")

LONGEST_MS = 86_400_000
"""Lengths of a day or more, and negative ones, are implausible and not counted."""

_BOUNDS = (10, 30, 60, 120, 180, 300, 600, 1_200, 3_600)
_HOURS = 24
_MS = 1_000
# Amounts have up to 30 digits on both sides of the point, so sums are exact.
_EXACT = Context(prec=100)

_SHARES: dict[str, Callable[[Call], str | None]] = {
    "status": lambda call: call.status.value,
    "call_type": lambda call: call.call_type.value,
    "disconnection_reason": lambda call: call.disconnection_reason and call.disconnection_reason.value,
}


class Tally:
    """Counts calls, in any order.

    Args:
        zone: Time zone of days and hours; None for the local one.

    Example:
        >>> from datetime import UTC
        >>> tally = Tally(UTC)
        >>> tally.add(Call.from_dict({
        ...     "id": "a", "call_type": "inbound", "status": "ended",
        ...     "agent": {"agent_id": "7c0a4c61-8a31-4f57-9f0e-2f1d4be0a4d2", "agent_version": "v1"},
        ...     "start_at": 1793491200000, "end_at": 1793491294500, "call_cost": {"total_cost": "150.00"},
        ... }))
        >>> summary = tally.summary()
        >>> summary.days
        (Group(key=datetime.date(2026, 11, 1), calls=1, answered=1, won=Decimal('150.00')),)
        >>> summary.lengths.median
        95
    """

    def __init__(self, zone: tzinfo | None = None) -> None:
        self.zone = zone
        self._total = _Count()
        self._days: defaultdict[date, _Count] = defaultdict(_Count)
        self._hours: defaultdict[int, _Count] = defaultdict(_Count)
        self._agents: defaultdict[str, _Count] = defaultdict(_Count)
        self._shares: dict[str, defaultdict[str | None, _Count]] = {name: defaultdict(_Count) for name in _SHARES}
        self._starts: tuple[int, int] | None = None
        self._seconds: Counter[int] = Counter()
        self._total_ms = 0
        self._apart: Counter[str] = Counter()

    def add(self, call: Call) -> None:
        """Count a call."""
        answered = call.start_at is not None and call.status != CallStatus.NOT_CONNECTED
        won = self._cost(call)
        counts = [self._total, self._agents[str(call.agent.agent_id)]]
        counts += [self._shares[name][value(call)] for name, value in _SHARES.items()]
        local = self._start(call)
        if local is not None:
            counts += [self._days[local.date()], self._hours[local.hour]]
        for count in counts:
            count.add(1, int(answered), won)
        if answered:
            self._length(call)

    def skip(self) -> None:
        """Count a call that could not be decoded."""
        self._apart["skipped"] += 1

    def merge(self, other: Tally) -> None:
        """Add the counts of another tally, which is not changed.

        Args:
            other: The other tally, with the same zone.

        Raises:
            ValueError: The other tally has another zone.
        """
        if other.zone != self.zone:
            raise ValueError("cannot merge tallies of different zones; create both with the same zone")
        self._total.include(other._total)
        _include(self._days, other._days)
        _include(self._hours, other._hours)
        _include(self._agents, other._agents)
        for name, counts in other._shares.items():
            _include(self._shares[name], counts)
        for ms in other._starts or ():
            self._see(ms)
        self._seconds.update(other._seconds)
        self._total_ms += other._total_ms
        self._apart.update(other._apart)

    def summary(self) -> Summary:
        """Return the counts so far."""
        return Summary(
            total=self._total.group(None),
            first=None if self._starts is None else from_unix_ms(self._starts[0]),
            last=None if self._starts is None else from_unix_ms(self._starts[1]),
            priced=self._apart["priced"],
            undated=self._apart["undated"],
            unreadable=self._apart["unreadable"],
            skipped=self._apart["skipped"],
            lengths=self._lengths(),
            days=tuple(count.group(day) for day, count in sorted(self._days.items())),
            hours=tuple(self._hours.get(hour, _Count()).group(hour) for hour in range(_HOURS)),
            shares={name: _most_first(counts) for name, counts in self._shares.items()},
            agents=_most_first(self._agents),
        )

    def _start(self, call: Call) -> datetime | None:
        try:
            started = call.started_at
            if started is not None and call.start_at is not None:
                local = started.astimezone(self.zone)
                self._see(call.start_at)
                return local
        except (InvalidResponseError, OverflowError, OSError):
            # Not an instant, or after the year 9999 in that zone. Windows supports no zones after the year 3000.
            self._apart["unreadable"] += 1
        self._apart["undated"] += 1
        return None

    def _see(self, ms: int) -> None:
        first, last = self._starts or (ms, ms)
        self._starts = min(first, ms), max(last, ms)

    def _cost(self, call: Call) -> Decimal:
        try:
            cost = call.cost
        except InvalidResponseError:
            self._apart["unreadable"] += 1
            return Decimal(0)
        if cost is None:
            return Decimal(0)
        self._apart["priced"] += 1
        return cost

    def _length(self, call: Call) -> None:
        if call.start_at is None or call.end_at is None:
            return
        length = call.end_at - call.start_at
        if 0 <= length < LONGEST_MS:
            self._seconds[(length + _MS // 2) // _MS] += 1
            self._total_ms += length
        else:
            self._apart["unreadable"] += 1

    def _lengths(self) -> Lengths:
        return Lengths(
            calls=self._seconds.total(),
            total_ms=self._total_ms,
            median=_percentile(self._seconds, 50),
            p90=_percentile(self._seconds, 90),
            longest=max(self._seconds, default=None),
            buckets=tuple(
                Bucket(
                    at_least,
                    below,
                    sum(
                        calls
                        for seconds, calls in self._seconds.items()
                        if at_least <= seconds and (below is None or seconds < below)
                    ),
                )
                for at_least, below in zip((0, *_BOUNDS), (*_BOUNDS, None), strict=True)
            ),
        )


def summed(groups: Iterable[Group[K]]) -> Group[None]:
    """Sum some groups into one, without a key.

    Example:
        >>> groups = [Group("ended", 4, 4, Decimal("600.00")), Group("error", 1, 1, Decimal(0))]
        >>> summed(groups)
        Group(key=None, calls=5, answered=5, won=Decimal('600.00'))
    """
    count = _Count()
    for group in groups:
        count.add(group.calls, group.answered, group.won)
    return count.group(None)


class _Count:
    __slots__ = ("answered", "calls", "won")

    def __init__(self) -> None:
        self.calls = 0
        self.answered = 0
        self.won = Decimal(0)

    def add(self, calls: int, answered: int, won: Decimal) -> None:
        self.calls += calls
        self.answered += answered
        if won:
            self.won = _EXACT.add(self.won, won)

    def include(self, other: _Count) -> None:
        self.add(other.calls, other.answered, other.won)

    def group(self, key: K) -> Group[K]:
        return Group(key, self.calls, self.answered, self.won)


def _include(counts: defaultdict[K, _Count], others: defaultdict[K, _Count]) -> None:
    for key, other in others.items():
        counts[key].include(other)


def _most_first(counts: dict[K, _Count]) -> tuple[Group[K], ...]:
    groups = (count.group(key) for key, count in counts.items())
    return tuple(sorted(groups, key=lambda group: (-group.calls, str(group.key))))


def _percentile(seconds: Counter[int], percent: int) -> int | None:
    rank = -(-seconds.total() * percent // 100)
    for length in sorted(seconds):
        rank -= seconds[length]
        if rank <= 0:
            return length
    return None
