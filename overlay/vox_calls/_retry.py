"""Whether a failed request is retried, and when. Pure: no clock, no waiting, no randomness of its own."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import attrs

Jitter = Callable[[], float]
"""Returns numbers from 0 to below 1, evenly spread, such as `random.random`."""

_SECONDS = re.compile(r"[+-]?[0-9]+(\.[0-9]*)?")
_RETRIED = frozenset({408, 429})
_FIRST_SERVER_ERROR = 500


@attrs.frozen
class RetryPolicy:
    """Full jitter: the n-th wait is spread evenly between 0 and `base` doubled n times, and at most `cap`. In seconds.

    `Retry-After` is a floor under the wait. A wait longer than `patience`, or one that would take all waits for one
    request beyond `budget`, is not begun.
    """

    retries: int = 4
    base: float = 0.5
    cap: float = 30.0
    patience: float = 120.0
    budget: float = 300.0

    def wait(self, attempt: int, *, retry_after: float | None, jitter: Jitter, waited: float) -> float | None:
        """Return the seconds until the next attempt, after some attempts and seconds of waiting; None to give up."""
        if attempt > self.retries or not self.tolerates(retry_after):
            return None
        ceiling = min(self.cap, self.base * 2.0 ** min(attempt - 1, 60))
        wait = max(retry_after or 0.0, ceiling * jitter())
        return wait if waited + wait <= self.budget else None

    def tolerates(self, retry_after: float | None) -> bool:
        """Whether the wait that the server asked for, if any, is short enough."""
        return retry_after is None or retry_after <= self.patience


def is_retryable(status_code: int) -> bool:
    """Whether a retry can get another answer than this status: 408, 429 and 5xx."""
    return status_code in _RETRIED or status_code >= _FIRST_SERVER_ERROR


def parse_retry_after(value: str | None, *, now: datetime) -> float | None:
    """Return the seconds that a `Retry-After` header asks to wait (RFC 9110, 10.2.3); None if it has nothing valid.

    Example:
        >>> parse_retry_after("90", now=datetime.now(UTC))
        90.0
    """
    if value is None:
        return None
    # Proxies add a header of their own, which makes a list. The comma inside a date follows the day of the week,
    # without which it is still a date.
    parts = [part.strip(' \t"') for part in value.split(",")]
    waits = [float(part) for part in parts if _SECONDS.fullmatch(part)]
    waits += [(date - now).total_seconds() for date in map(parse_date, parts) if date]
    return max(0.0, *waits) if waits else None


def parse_date(value: str | None) -> datetime | None:
    """Return the instant of an HTTP date; None without a valid one."""
    try:
        date = parsedate_to_datetime(value or "")
    except (ValueError, IndexError, OverflowError):
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)
