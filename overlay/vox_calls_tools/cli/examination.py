"""What `vox-calls doctor` shows in a terminal: key, server, clock and contract, each with a tick or a cross.

One page of one call is asked for. Nothing of what is in it is told.
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
"""How far this machine's clock may be from the server's before it is told."""

_TIMEOUT = 10.0
_HALF_A_SECOND = timedelta(milliseconds=500)  # a Date has no fraction, so half a second is missing from it on average
_REFUSED = {401: "does not take it", 403: "does not let it read calls"}
_OK, _TOO_MANY, _FAILED = 200, 429, 500
_ANY_BUT_TOO_MANY = frozenset(range(100, 600)) - {_TOO_MANY}
_DIFFERS = (
    "The API differs, as told above. A newer vox-calls may know it; else see docs/when-the-api-changes.md in its "
    "repository."
)
_UNKNOWN = "Nobody can tell, for the reason above."


@attrs.frozen
class Result:
    """One thing that was looked at.

    Attributes:
        what: Such as `clock`.
        well: Whether it is as it should be.
        told: What was found, and where it is not well, what to do.
    """

    what: str
    well: bool
    told: str


def examine(base_url: str | None, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> list[Result]:
    """Look at the key, the server and the clock. Raises nothing: what goes wrong is a result."""
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
            told = f"{server} does not answer: {reason}. Look at the address (VOX_BASE_URL), the network, the proxy."
            return [Result("server", well=False, told=told)]
        took = answer.elapsed
        asked = now() - took
    return [_key(answer.status_code), _server(answer, server, took), clock(answer.headers.get("Date"), asked, took)]


def clock(date: str | None, asked: datetime, took: timedelta) -> Result:
    """How this machine's clock compares with the server's.

    Args:
        date: The answer's `Date`, which the server is taken to have written half-way.
        asked: When the request was sent, by this machine's clock; aware.
        took: How long the answer took.

    Example:
        >>> asked = datetime(2026, 11, 1, 9, 1, 30, tzinfo=UTC)
        >>> clock("Sun, 01 Nov 2026 09:00:00 GMT", asked, timedelta(seconds=1)).told[:52]
        "This machine's is 90 s ahead of the server's. Set it"
    """
    try:
        theirs = email.utils.parsedate_to_datetime(date or "")
        theirs = theirs if theirs.tzinfo else theirs.replace(tzinfo=UTC)
        ahead = asked + took / 2 - (theirs + _HALF_A_SECOND)
    except (ValueError, OverflowError):
        return Result("clock", well=False, told="The server does not say what time it has, so nobody can tell.")
    if abs(ahead) <= TOLERATED + took / 2:
        return Result("clock", well=True, told="This machine's agrees with the server's.")
    apart = f"{abs(ahead).total_seconds():,.0f} s {'ahead of' if ahead > timedelta() else 'behind'}"
    advice = "Set it, or --since 7d and the like count from a wrong now."
    return Result("clock", well=False, told=f"This machine's is {apart} the server's. {advice}")


def show(results: list[Result]) -> None:
    """A line for each, with a tick or a cross."""
    console = Console(highlight=False)
    marks = ("✓", "✗") if "✓✗".encode(console.encoding, "ignore") else ("ok", "no")
    for result in results:
        mark = Text(marks[0] if result.well else marks[1], style="green" if result.well else "red")
        console.print(Text.assemble(mark, f" {result.what:<9}", printable(result.told)), soft_wrap=True)


def contract(status: int, same: str) -> Result:
    """What the comparison with the contract came to: 0 the same, which `same` says, 1 different, 2 no answer."""
    return Result("contract", well=status == 0, told=(same, _DIFFERS, _UNKNOWN)[status])


def _key(status: int) -> Result:
    if reason := _REFUSED.get(status):
        told = f"The server {reason} ({status}). Copy it again from the vendor's console into {API_KEY_VARIABLE}."
        return Result("key", well=False, told=told)
    if status == _OK:
        return Result("key", well=True, told=f"{API_KEY_VARIABLE} is set, and the server takes it.")
    return Result("key", well=False, told=f"{API_KEY_VARIABLE} is set; nobody can tell whether the server takes it.")


def _server(answer: httpx.Response, server: str, took: timedelta) -> Result:
    status, milliseconds = answer.status_code, took / timedelta(milliseconds=1)
    if status == _OK or status in _REFUSED:
        return Result("server", well=True, told=f"{server} answers in {milliseconds:.0f} ms.")
    advice = (
        "It is out of order; try again later."
        if status >= _FAILED
        else "It may be another server; look at VOX_BASE_URL."
    )
    return Result("server", well=False, told=f"{server} answers {status}. {advice}")


def _busy(server: str, status: int) -> Result:
    told = f"{server} answers {status}. Something else uses up the key's requests; wait a minute."
    return Result("server", well=False, told=told)
