"""The terminal output of `vox-calls doctor`: key, server, clock and contract, each with a tick or a cross.

Fetches a page of one call, and shows nothing of it.
"""

from __future__ import annotations

import email.utils
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import attrs
import httpx
from rich.console import Console
from rich.text import Text

from vox_calls import ApiError, Client, VoxCallsError
from vox_calls.toolkit import API_KEY_VARIABLE
from vox_calls_tools.cli.text import printable
from vox_calls_tools.drift.document import PATH

TOLERATED = timedelta(seconds=5)
"""Maximum difference between the local clock and the server's."""

_TIMEOUT = 10.0
_HALF_A_SECOND = timedelta(milliseconds=500)  # a Date header is truncated to seconds, by half a second on average
_REFUSED = {401: "rejects it", 403: "does not permit it to read calls"}
_OK, _TOO_MANY, _FAILED = 200, 429, 500
_ANY_BUT_TOO_MANY = frozenset(range(100, 600)) - {_TOO_MANY}
_DIFFERS = (
    "The API differs, see above. A newer vox-calls may support it; else see docs/when-the-api-changes.md in its "
    "repository."
)
_UNKNOWN = "Not checked, see above."


@attrs.frozen
class Result:
    """The result of one check.

    Attributes:
        what: What was checked, such as `clock`.
        well: Whether it passed.
        told: The finding and, if it failed, what to do.
    """

    what: str
    well: bool
    told: str


def examine(base_url: str | None, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> list[Result]:
    """Check the key, the server and the clock. Errors become results."""
    try:
        client = Client(base_url=base_url, timeout=_TIMEOUT, retries=1)
    except VoxCallsError as error:
        return [Result("key" if "API key" in str(error) else "server", well=False, told=str(error))]
    with client:
        server = client.base_url
        try:
            answer = client.request(PATH, {"limit": "1"}, accept=_ANY_BUT_TOO_MANY)
        except ApiError as error:
            return [_key(error.status_code), _busy(server, error.status_code)]
        except VoxCallsError as error:
            reason = str(error.__cause__ or error) or type(error.__cause__).__name__
            told = f"{server} does not answer: {reason}. Check the URL (VOX_BASE_URL), the network and the proxy."
            return [Result("server", well=False, told=told)]
        took = answer.elapsed
        asked = now() - took
    return [_key(answer.status_code), _server(answer, server, took), clock(answer.headers.get("Date"), asked, took)]


def clock(date: str | None, asked: datetime, took: timedelta) -> Result:
    """Compare the local clock with the server's.

    Args:
        date: The `Date` header of the response, assumed to be set half-way between request and response.
        asked: When the request was sent by the local clock, aware.
        took: Time from request to response.

    Example:
        >>> asked = datetime(2026, 11, 1, 9, 1, 30, tzinfo=UTC)
        >>> clock("Sun, 01 Nov 2026 09:00:00 GMT", asked, timedelta(seconds=1)).told[:44]
        'The local clock is 90 s ahead of the server.'
    """
    try:
        theirs = email.utils.parsedate_to_datetime(date or "")
        theirs = theirs if theirs.tzinfo else theirs.replace(tzinfo=UTC)
        ahead = asked + took / 2 - (theirs + _HALF_A_SECOND)
    except (ValueError, OverflowError):
        return Result("clock", well=False, told="Not checked: the server sends no Date header.")
    if abs(ahead) <= TOLERATED + took / 2:
        return Result("clock", well=True, told="The local clock agrees with the server.")
    apart = f"{abs(ahead).total_seconds():,.0f} s {'ahead of' if ahead > timedelta() else 'behind'}"
    advice = "Set it, otherwise relative times such as --since 7d are wrong."
    return Result("clock", well=False, told=f"The local clock is {apart} the server. {advice}")


def show(results: list[Result]) -> None:
    """Print one line per result, with a tick or a cross."""
    console = Console(highlight=False)
    marks = ("✓", "✗") if "✓✗".encode(console.encoding, "ignore") else ("ok", "no")
    for result in results:
        mark = Text(marks[0] if result.well else marks[1], style="green" if result.well else "red")
        console.print(Text.assemble(mark, f" {result.what:<9}", printable(result.told)), soft_wrap=True)


def contract(status: int, same: str) -> Result:
    """Return the result of the comparison with the contract: 0 same, worded by `same`; 1 different; 2 unknown."""
    return Result("contract", well=status == 0, told=(same, _DIFFERS, _UNKNOWN)[status])


def _key(status: int) -> Result:
    if reason := _REFUSED.get(status):
        told = f"The server {reason} ({status}). Copy it again from the vendor's console into {API_KEY_VARIABLE}."
        return Result("key", well=False, told=told)
    if status == _OK:
        return Result("key", well=True, told=f"{API_KEY_VARIABLE} is set, and the server accepts it.")
    return Result("key", well=False, told=f"{API_KEY_VARIABLE} is set, but could not be checked.")


def _server(answer: httpx.Response, server: str, took: timedelta) -> Result:
    status, milliseconds = answer.status_code, took / timedelta(milliseconds=1)
    if status == _OK or status in _REFUSED:
        return Result("server", well=True, told=f"{server} answers in {milliseconds:.0f} ms.")
    advice = (
        "The server has a problem; try again later."
        if status >= _FAILED
        else "It may be the wrong server; check VOX_BASE_URL."
    )
    return Result("server", well=False, told=f"{server} answers {status}. {advice}")


def _busy(server: str, status: int) -> Result:
    told = f"{server} answers {status}. Other programs use up the key's rate limit; wait a minute."
    return Result("server", well=False, told=told)
