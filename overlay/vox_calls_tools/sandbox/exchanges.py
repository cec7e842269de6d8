"""The exchanges of `openapi/conformance/`: loads their cases, and records what a client does in each."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from pathlib import Path
from typing import NoReturn
from urllib.parse import parse_qs

import attrs
import msgspec

from vox_calls.errors import ConfigurationError, InvalidResponseError
from vox_calls.toolkit import parse_json
from vox_calls_tools.sandbox.faults import Step
from vox_calls_tools.sandbox.parameters import RefusedError
from vox_calls_tools.sandbox.verdicts import KEY, PACED, REAL, VIRTUAL, Json, Outcome, Seen, differences

BEGINNING = datetime(2026, 11, 1, tzinfo=UTC)
"""The time at the start of each exchange."""

_INSTALLED = Path(__file__).with_name("conformance")
_CHECKOUT = Path(__file__).parents[3] / "openapi" / "conformance"
_HALF_A_SECOND = timedelta(milliseconds=500)


@attrs.frozen
class Scripted:
    """A conformance case, and the step that its server takes for each request."""

    case: Json
    steps: tuple[Step, ...]


def read_exchanges() -> dict[str, Scripted]:
    """Read the exchanges by case id: the installed ones, or in a checkout those of `openapi/conformance/`.

    Raises:
        ConfigurationError: There are none.
    """
    folder = _INSTALLED if _INSTALLED.is_dir() else _CHECKOUT
    found = {}
    for path in sorted(folder.glob("*.json")):
        content = json.loads(path.read_text(encoding="utf-8"))
        for case in content.get("cases", ()):
            if "server" in case:
                found[case["id"]] = script(case, content["call"])
    if not found:
        raise ConfigurationError(f"there are no exchanges in {folder}; reinstall vox-calls")
    return found


def script(case: Json, call: Json) -> Scripted:
    """Return the exchange of a case. `call` completes items that the case lists by id only."""
    return Scripted(case, tuple(_step(step, call) for step in case["server"]))


def _step(step: Json, call: Json) -> Step:
    fields = {"status": 200, **step}
    if page := fields.pop("page", None):
        items = [{**call, "id": item} if isinstance(item, str) else item for item in page["items"]]
        fields["json"] = {"total_count": 7, "next_cursor": None, **page, "items": items}
    return msgspec.convert(fields, Step)


@attrs.define
class Exchange:
    """The server side of one exchange, while a client under test runs it.

    Attributes:
        scripted: The case and its steps.
        answered: When the last response was sent, in seconds since the exchange started. Set by the caller.
    """

    scripted: Scripted
    answered: float = 0.0
    _seen: list[Seen] = attrs.field(factory=list)
    _failures: list[str] = attrs.field(factory=list)

    def take(self, query: str, authorization: str | None, at: float) -> Step:
        """Record a request and return its step.

        Args:
            query: The query string.
            authorization: The Authorization header.
            at: When the request arrived, in seconds since the exchange started.

        Raises:
            RefusedError: The key is wrong, or no request was expected. Also recorded as a failure of the exchange.
        """
        position = len(self._seen)
        self._seen.append(Seen(parse_qs(query, keep_blank_values=True), round(at - self.answered, 6)))
        self.answered = at
        if authorization != f"Bearer {KEY}":
            self.refuse(f"request {position + 1}: its Authorization header is not 'Bearer {KEY}'")
        if position >= len(self.scripted.steps):
            self.refuse(f"request {position + 1}: unexpected, the server has only {len(self.scripted.steps)} steps")
        return self.scripted.steps[position]

    def refuse(self, failure: str) -> NoReturn:
        """Record a failure for the verdict, and reject the request.

        Raises:
            RefusedError: Always: a 400 with the failure, which no client retries.
        """
        self._failures.append(failure)
        raise RefusedError(400, "EXCHANGE_FAILED", failure, headers={"Vox-Takes": "0"})

    def verdict(self, outcome: Outcome, *, real: bool = False) -> Json:
        """Tell whether the client did what the case expects, by its requests and its outcome.

        Args:
            outcome: The outcome that the client reports.
            real: Whether the exchange ran in real time.
        """
        expected = self.scripted.case["expect"]
        paced = self.scripted.case.get("client", {}).get("rate_limit")
        tolerance = VIRTUAL if not real else PACED if paced else REAL
        failures = [*self._failures, *differences(expected, outcome, self._seen, tolerance)]
        return {
            "passed": not failures,
            "failures": failures,
            "requests": {"expected": expected.get("requests"), "seen": [attrs.asdict(one) for one in self._seen]},
        }


def read_outcome(body: bytes) -> Outcome:
    """Decode the outcome that a client sends for a verdict.

    Raises:
        RefusedError: It is invalid. The message has the reason and the path.
    """
    try:
        return msgspec.convert(parse_json(body), Outcome)
    except InvalidResponseError:
        reason = "the body is not JSON"
    except msgspec.ValidationError as error:
        reason = str(error)
    names = ", ".join(Outcome.__struct_fields__)
    raise RefusedError(
        400,
        "VALIDATION_ERROR",
        f"Invalid outcome: {reason}. Send an object with those of {names} that the case expects;"
        f" an error is an object with name and text. The exchange continues.",
    )


def has_date(headers: Mapping[str, str]) -> bool:
    """Tell whether the headers have a Retry-After with a date."""
    return headers != moved(headers, timedelta(days=1))


def moved(headers: Mapping[str, str], by: timedelta) -> dict[str, str]:
    """Return the headers with a date in Retry-After moved, to the nearest second.

    Example:
        >>> moved({"Retry-After": "Sun, 01 Nov 2026 00:00:09 GMT"}, timedelta(days=1, seconds=0.6))
        {'Retry-After': 'Mon, 02 Nov 2026 00:00:10 GMT'}
    """
    return {name: _later(value, by) if name.lower() == "retry-after" else value for name, value in headers.items()}


def _later(value: str, by: timedelta) -> str:
    try:
        date = parsedate_to_datetime(value).astimezone(UTC)
    except ValueError:
        return value
    return format_datetime(date + by + _HALF_A_SECOND, usegmt=True)
