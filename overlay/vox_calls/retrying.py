"""Whether a request that failed is sent again, and when. Pure: no clock, no sleeping, no randomness of its own."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import attrs

Jitter = Callable[[], float]
"""Gives numbers from 0 to below 1, evenly spread, such as `random.random`."""

_SECONDS = re.compile(r"[+-]?[0-9]+(\.[0-9]*)?")
_RETRIED = frozenset({408, 429})
_FIRST_SERVER_ERROR = 500


@attrs.frozen
class RetryPolicy:
    """Full jitter: the n-th wait is spread evenly between 0 and `base` doubled n times, never above `cap`.

    What cannot succeed on a second try is not tried again: 4xx but for 408 and 429. What the server asks for in
    `Retry-After` is a floor under the wait; a wait longer than `patience` is not made at all, nor one that takes the
    waits for one request beyond `budget`.

    Attributes:
        retries: How many times one request is sent again at most.
        base: The ceiling of the first wait, in seconds.
        cap: The ceiling of every wait, in seconds.
        patience: The longest `Retry-After`, in seconds, that is waited for.
        budget: How many seconds all waits for one request may take.
    """

    retries: int = 4
    base: float = 0.5
    cap: float = 30.0
    patience: float = 120.0
    budget: float = 300.0

    def wait(self, attempt: int, *, retry_after: float | None, jitter: Jitter, waited: float) -> float | None:
        """Seconds until the next try after the given one (1 is the first); None to give up.

        Args:
            attempt: How often the request has been sent.
            retry_after: Seconds that the server asked for; None where it did not.
            jitter: Where chance comes from.
            waited: Seconds that the request has waited between tries so far.
        """
        if attempt > self.retries or not self.bears(retry_after):
            return None
        ceiling = min(self.cap, self.base * 2.0 ** min(attempt - 1, 60))
        wait = max(retry_after or 0.0, ceiling * jitter())
        return wait if waited + wait <= self.budget else None

    def bears(self, retry_after: float | None) -> bool:
        """Whether so many seconds, as the server asked for them, are waited for at all; None where it did not ask."""
        return retry_after is None or retry_after <= self.patience


def is_retried(status_code: int) -> bool:
    """Whether an answer with this status may be another one the next time."""
    return status_code in _RETRIED or status_code >= _FIRST_SERVER_ERROR


def parse_retry_after(value: str | None, *, now: datetime) -> float | None:
    """Seconds that a `Retry-After` header asks to wait: a number of seconds, or a date (RFC 9110, 10.2.3).

    A time that has passed is 0. None where there is no header, or one that says nothing.

    Example:
        >>> parse_retry_after("90", now=datetime.now(UTC))
        90.0
    """
    if value is None:
        return None
    # Proxies add a header of their own, which makes a list; each of them is a floor. The comma of a date comes after
    # the day of the week, without which it is a date all the same.
    parts = [part.strip(' \t"') for part in value.split(",")]
    waits = [float(part) for part in parts if _SECONDS.fullmatch(part)]
    for date in parts:
        try:
            at = parsedate_to_datetime(date)
        except (ValueError, IndexError, OverflowError):
            continue
        waits.append(((at if at.tzinfo else at.replace(tzinfo=UTC)) - now).total_seconds())
    return max(0.0, *waits) if waits else None
