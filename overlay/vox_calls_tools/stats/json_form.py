"""Converts a summary to JSON: amounts are decimal strings, instants ISO 8601 in UTC, rates numbers from 0 to 1."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

from vox_calls_tools.stats.summary import ANSWERED, Group, Summary

_DIGITS = 4


def as_json(summary: Summary, zone: str) -> dict[str, Any]:
    """Convert a summary to the JSON of `vox-calls stats --format json`.

        {
          "zone": "Asia/Seoul", "answered_means": "...",
          "calls": 3, "answered": 2, "answered_rate": 0.6667, "won": "350.00", "calls_with_cost": 2,
          "first_start": "2026-11-01T00:00:00+00:00", "last_start": ...,
          "without_start": 0, "unreadable_values": 0, "skipped_calls": 0,
          "length": {"calls": 2, "total_ms": 123456, "median_seconds": 60, "p90_seconds": 63, "longest_seconds": 63,
                     "buckets": [{"at_least_seconds": 0, "below_seconds": 10, "calls": 0}, ...]},
          "by_day": [{"day": "2026-11-01", "calls": 3, "answered": 2, "answered_rate": 0.6667, "won": "350.00"}, ...],
          "by_hour": [{"hour": 0, "calls": 0, "answered": 0, "answered_rate": null, "won": "0"}, ...],
          "by_status": [{"status": "ended", "share": 0.6667, "calls": 2, ...}, ...],
          "by_call_type": [...], "by_disconnection_reason": [...],
          "by_agent": [{"agent_id": "7c0a4c61-...", "share": ..., ...}, ...]
        }

    Args:
        summary: The summary.
        zone: Name of the time zone of its days and hours.

    Example:
        json.dump(as_json(tally.summary(), "Asia/Seoul"), sys.stdout)
    """
    total, lengths = summary.total, summary.lengths
    return {
        "zone": zone,
        "answered_means": ANSWERED,
        **_figures(total),
        "calls_with_cost": summary.priced,
        "first_start": None if summary.first is None else summary.first.isoformat(),
        "last_start": None if summary.last is None else summary.last.isoformat(),
        "without_start": summary.undated,
        "unreadable_values": summary.unreadable,
        "skipped_calls": summary.skipped,
        "length": {
            "calls": lengths.calls,
            "total_ms": lengths.total_ms,
            "median_seconds": lengths.median,
            "p90_seconds": lengths.p90,
            "longest_seconds": lengths.longest,
            "buckets": [
                {"at_least_seconds": bucket.at_least, "below_seconds": bucket.below, "calls": bucket.calls}
                for bucket in lengths.buckets
            ],
        },
        "by_day": _groups("day", summary.days),
        "by_hour": _groups("hour", summary.hours),
        **{f"by_{name}": _groups(name, groups, total.calls) for name, groups in summary.shares.items()},
        "by_agent": _groups("agent_id", summary.agents, total.calls),
    }


def _groups(
    name: str, groups: Iterable[Group[date] | Group[int] | Group[str] | Group[str | None]], of: int | None = None
) -> list[dict[str, Any]]:
    return [
        {
            name: group.key.isoformat() if isinstance(group.key, date) else group.key,
            **({} if of is None else {"share": _rate(group.calls / of)}),
            **_figures(group),
        }
        for group in groups
    ]


def _figures(group: Group[Any]) -> dict[str, Any]:
    return {
        "calls": group.calls,
        "answered": group.answered,
        "answered_rate": _rate(group.answered_rate),
        "won": f"{group.won:f}",
    }


def _rate(rate: float | None) -> float | None:
    return None if rate is None else round(rate, _DIGITS)
