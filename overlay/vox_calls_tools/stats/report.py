"""Turns a summary into the lines, tables and figures that the terminal and the HTML page show."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, timedelta, tzinfo
from decimal import Decimal
from typing import Any

import attrs

from vox_calls_tools.stats.counting import summed
from vox_calls_tools.stats.summary import ANSWERED, Bucket, Group, Summary

MOST_AGENTS = 20
"""Maximum number of agents shown; the others are summed up."""

_NOTHING: Group[None] = summed(())


@attrs.frozen
class Row:
    """A row of a table.

    Attributes:
        label: The label.
        calls: Number of calls.
        answered: Number of answered calls; None if the table does not show them.
        won: Cost in Korean won; None if the table does not show it.
        is_rest: Whether it sums up days or agents that are not shown. Such a row gets no bar.
    """

    label: str
    calls: int
    answered: int | None = None
    won: Decimal | None = None
    is_rest: bool = False

    @property
    def answered_rate(self) -> float | None:
        """The share of answered calls, from 0 to 1; None if there are no calls or the table does not show it."""
        return None if self.answered is None or not self.calls else self.answered / self.calls


@attrs.frozen
class Section:
    """A table.

    Attributes:
        name: Short name, such as `day`.
        title: Title.
        rows: Rows.
        of: Number of calls that shares refer to; None hides shares.
        grouped: Whether its rows have answered rates and costs.
    """

    name: str
    title: str
    rows: tuple[Row, ...]
    of: int | None = None
    grouped: bool = True

    def headings(self) -> list[str]:
        """Return the headings of the columns after the label."""
        return ["calls", *(["share"] if self.of is not None else []), *(["answered", "won"] if self.grouped else [])]

    def cells(self, row: Row) -> dict[str, str]:
        """Return the cells of a row by heading."""
        cells = {
            "calls": f"{row.calls:,}",
            "share": percent(row.calls / self.of if self.of else None),
            "answered": percent(row.answered_rate),
            "won": "-" if row.won is None else won(row.won),
        }
        return {heading: cells[heading] for heading in self.headings()}


def sections(summary: Summary, *, most_days: int) -> Iterator[Section]:
    """Yield the tables. Days before the latest `most_days` are summed up."""
    total = summary.total.calls
    yield Section("day", "Calls by day", tuple(_days(summary.days, most_days)))
    for name, groups in summary.shares.items():
        title = f"Calls by {name.removeprefix('call_').replace('_', ' ')}"
        yield Section(name, title, tuple(_row("(none)" if one.key is None else one.key, one) for one in groups), total)
    buckets = summary.lengths.buckets
    longest = max((place for place, bucket in enumerate(buckets) if bucket.calls), default=-1)
    yield Section(
        "length",
        "How long the answered calls were",
        tuple(Row(_bucket(bucket), bucket.calls) for bucket in buckets[: longest + 1]),
        summary.lengths.calls,
        grouped=False,
    )
    yield Section("hour", "Calls by hour of the day", tuple(_row(f"{one.key:02d}:00", one) for one in summary.hours))
    yield Section("agent", "Calls by agent", tuple(_agents(summary.agents)), total)


def headline(summary: Summary, zone: tzinfo | None, zone_name: str) -> str:
    """Return the number of calls and their days in one line."""
    calls = f"{summary.total.calls:,} {'call' if summary.total.calls == 1 else 'calls'}"
    if summary.first is None or summary.last is None:
        return calls
    first, last = (instant.astimezone(zone).date() for instant in (summary.first, summary.last))
    return f"{calls} on {first}, {zone_name}" if first == last else f"{calls} from {first} to {last}, {zone_name}"


def figures(summary: Summary) -> list[tuple[str, str, str]]:
    """Return the key figures: name, figure and explanation of each."""
    total, lengths = summary.total, summary.lengths
    return [
        ("Answered", percent(total.answered_rate), f"{total.answered:,} of {total.calls:,} calls"),
        ("Won", won(total.won), f"cost of {summary.priced:,} calls, as far as known"),
        ("Median length", clock(lengths.median), f"of {lengths.calls:,} answered calls that are over"),
        ("90 % are no longer than", clock(lengths.p90), f"and the longest is {clock(lengths.longest)}"),
        ("Total length", clock((lengths.total_ms + 500) // 1_000), "of the same calls"),
    ]


def notes(summary: Summary) -> list[str]:
    """Return sentences that explain the figures."""
    told = [ANSWERED]
    if summary.undated:
        told.append(f"Calls without a start, counted in no day and no hour: {summary.undated:,}.")
    if summary.unreadable:
        told.append(f"Invalid starts, lengths or costs, not counted: {summary.unreadable:,}.")
    if summary.skipped:
        told.append(f"Calls that could not be decoded, not counted: {summary.skipped:,}.")
    return told


def percent(rate: float | None) -> str:
    """Format a share from 0 to 1."""
    return "-" if rate is None else f"{rate * 100:.1f} %"


def won(amount: Decimal) -> str:
    """Format an amount with thousands separators and any decimals.

    >>> won(Decimal("23819700.00"))
    '23,819,700'
    >>> won(Decimal("1350.50"))
    '1,350.50'
    """
    return f"{amount:,.0f}" if amount == amount.to_integral_value() else f"{amount:,f}"


def clock(seconds: int | None) -> str:
    """Format a length in seconds as on a clock.

    >>> clock(94), clock(3_661), clock(None)
    ('1:34', '1:01:01', '-')
    """
    if seconds is None:
        return "-"
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:,}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def _row(label: str, group: Group[Any], *, is_rest: bool = False) -> Row:
    return Row(label, group.calls, group.answered, group.won, is_rest)


def _days(days: tuple[Group[date], ...], most: int) -> Iterator[Row]:
    if not days:
        return
    last = days[-1].key
    begin = max(days[0].key, last - timedelta(days=min(most - 1, last.toordinal() - 1)))
    earlier = [day for day in days if day.key < begin]
    if earlier:
        yield _row(f"before {begin}", summed(earlier), is_rest=True)
    known = {day.key: day for day in days}
    for after in range((last - begin).days + 1):
        day = begin + timedelta(days=after)
        yield _row(day.isoformat(), known.get(day, _NOTHING))


def _agents(agents: tuple[Group[str], ...]) -> Iterator[Row]:
    for agent in agents[:MOST_AGENTS]:
        yield _row(agent.key, agent)
    if rest := agents[MOST_AGENTS:]:
        yield _row(_counted(rest), summed(rest), is_rest=True)


def _counted(rest: Iterable[object]) -> str:
    count = sum(1 for _ in rest)
    return f"{count:,} other agent{'' if count == 1 else 's'}"


def _bucket(bucket: Bucket) -> str:
    begin = clock(bucket.at_least)
    return f"{begin} and more" if bucket.below is None else f"{begin} to {clock(bucket.below)}"
