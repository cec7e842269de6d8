"""The exchanges of `openapi/conformance/`: where their cases are, and a server of one that keeps what it sees."""

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
from vox_calls_tools.sandbox.app import RefusedError
from vox_calls_tools.sandbox.faults import Step
from vox_calls_tools.sandbox.verdicts import KEY, PACED, REAL, VIRTUAL, Json, Outcome, Seen, differences

BEGINNING = datetime(2026, 11, 1, tzinfo=UTC)
"""What time it is when an exchange begins."""

_INSTALLED = Path(__file__).with_name("conformance")
_CHECKOUT = Path(__file__).parents[3] / "openapi" / "conformance"
_HALF_A_SECOND = timedelta(milliseconds=500)


@attrs.frozen
class Scripted:
    """A case as its file has it, and what its server does with each request in turn."""

    case: Json
    steps: tuple[Step, ...]


def read_exchanges() -> dict[str, Scripted]:
    """Each exchange by the id of its case: those that were installed, or in a checkout those of `openapi/conformance/`.

    Raises:
        ConfigurationError: Where neither is there.
    """
    folder = _INSTALLED if _INSTALLED.is_dir() else _CHECKOUT
    found = {}
    for path in sorted(folder.glob("*.json")):
        content = json.loads(path.read_text(encoding="utf-8"))
        for case in content.get("cases", ()):
            if "server" in case:
                found[case["id"]] = script(case, content["call"])
    if not found:
        raise ConfigurationError(f"the cases of the exchanges are not in {folder}; install vox-calls again")
    return found


def script(case: Json, call: Json) -> Scripted:
    """The exchange of a case; `call` is what an item has that its case gives the id of alone."""
    return Scripted(case, tuple(_step(step, call) for step in case["server"]))


def _step(step: Json, call: Json) -> Step:
    fields = {"status": 200, **step}
    if page := fields.pop("page", None):
        items = [{**call, "id": item} if isinstance(item, str) else item for item in page["items"]]
        fields["json"] = {"total_count": 7, "next_cursor": None, **page, "items": items}
    return msgspec.convert(fields, Step)


@attrs.define
class Exchange:
    """The server of one exchange, while a client under test meets it.

    Attributes:
        scripted: What it does.
        answered: When its last answer was there, in seconds since the exchange began; whoever answers says so here.
    """

    scripted: Scripted
    answered: float = 0.0
    _seen: list[Seen] = attrs.field(factory=list)
    _failures: list[str] = attrs.field(factory=list)

    def take(self, query: str, authorization: str | None, at: float) -> Step:
        """What happens to a request that comes so many seconds after the exchange began.

        Raises:
            RefusedError: Where the key is not with it, or it is one too many. It is a failure of the exchange, too.
        """
        position = len(self._seen)
        self._seen.append(Seen(parse_qs(query, keep_blank_values=True), round(at - self.answered, 6)))
        self.answered = at
        if authorization != f"Bearer {KEY}":
            self.refuse(f"request {position + 1}: its header Authorization is not Bearer and the key {KEY}")
        if position >= len(self.scripted.steps):
            self.refuse(f"request {position + 1}: it is one too many for a server of {len(self.scripted.steps)} steps")
        return self.scripted.steps[position]

    def refuse(self, failure: str) -> NoReturn:
        """Keep what is wrong with a request for the verdict.

        Raises:
            RefusedError: A 400 with the same, which no client tries again.
        """
        self._failures.append(failure)
        raise RefusedError(400, "EXCHANGE_FAILED", failure, headers={"Vox-Takes": "0"})

    def verdict(self, outcome: Outcome, *, real: bool = False) -> Json:
        """Whether the client did what the case expects, by the requests and by what it says came of them.

        Args:
            outcome: What came of them.
            real: Whether it was in real time.
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
    """What came of an exchange, as it was sent for a verdict.

    Raises:
        RefusedError: Where it is none; the message says what is wrong, and where.
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
        f"This is not what came of an exchange: {reason}. Send an object with those of {names} that the case expects;"
        f" an error is an object with its name and text. The exchange goes on.",
    )


def has_date(headers: Mapping[str, str]) -> bool:
    """Whether a header says when to come again as a date."""
    return headers != moved(headers, timedelta(days=1))


def moved(headers: Mapping[str, str], by: timedelta) -> dict[str, str]:
    """The headers, each date of Retry-After moved, to the nearest second.

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
