"""Fuzzing: whatever a server sends or a caller passes, nothing but a VoxCallsError is raised.

python tests/fuzz.py FIRST LAST    for each seed one response and one set of arguments; print the first that fails
"""

from __future__ import annotations

import contextlib
import datetime as dt
import decimal
import fractions
import json
import logging
import math
import random
import sys
import uuid
from collections import Counter
from collections.abc import Callable
from email.utils import format_datetime
from typing import Any

import httpx

from vox_calls import (
    Call,
    CallStatus,
    Client,
    InvalidQueryError,
    RateLimit,
    SortOrder,
    VoxCallsError,
    from_unix_ms,
    to_unix_ms,
)
from vox_calls.toolkit import normalise_filters

Json = Any

CALL: Json = {
    "id": "f3b4f3c0-58be-4f6a-b8e5-6f5d1f0c7a11",
    "agent": {"agent_id": "7c0a4c61-8a31-4f57-9f0e-2f1d4be0a4d2", "agent_version": "v3"},
    "call_type": "inbound",
    "status": "ended",
    "disconnection_reason": "user_hangup",
    "from_number": "01012345678",
    "to_number": "07012345678",
    "presentation_number": None,
    "start_at": 1793491200000,
    "end_at": 1793491294500,
    "recording_url": "https://recordings.example.com/a.ogg",
    "metadata": {"source": "crm", "tags": [1, {"a": None}]},
    "dynamic_variables": {"did": "1", "A_RN": "x"},
    "call_analysis": {
        "summary": "안녕",
        "user_sentiment": "neutral",
        "custom_analysis_data": [{"name": "a", "value": 1}],
    },
    "call_cost": {"total_cost": "150.00"},
    "variant_label": None,
    "opt_out_sensitive_data_storage": False,
}
PAGE: Json = {"items": [CALL, {**CALL, "id": "b", "metadata": {}}], "total_count": 2, "next_cursor": None}
ENVELOPE: Json = {"error": {"code": "VALIDATION_ERROR", "message": "No.", "details": {"allowed": ["a"]}}}
NESTED = b"\x00"  # stands for something deep, which json.dumps could not write
DEPTHS = (2, 50, 400, 900, 995, 1_100, 5_000, 100_000)

ODD_JSON: tuple[Callable[[random.Random], Json], ...] = (
    lambda _: None,
    lambda _: True,
    lambda chance: chance.choice([0, -1, 5, 10**12, 2**63, 2**64, -(2**63) - 1, 10**30, 10**300]),
    lambda chance: chance.choice([0.0, -0.0, 1.5, 1.7e12, 1e300, 5e-324, math.nan, math.inf, -math.inf]),
    lambda chance: chance.choice(
        ["", "\x00", "\ud83d", "\udc00", "\ufffd", "é" * 300, "a" * 100_000, "150.00", "1e9", "NaN"]
    ),
    lambda _: [],
    lambda _: {},
    lambda _: [None, 5, "x", [], {}],
    lambda _: {"": "", "id": 5, "\ud83d": 1},
    lambda _: CALL,
    lambda _: PAGE,
    lambda _: "\x00",
)
ODD_HEADERS = {
    "Retry-After": ["0", "5", "-5", "1e9", "nan", "soon", "9" * 400, "Sat, 31 Oct 2026 00:00:00 GMT", "é", ",", '"7"'],
    "Date": [
        "",
        "x",
        "Sat, 31 Oct 2026 00:00:00 GMT",
        "Sat, 99 Oct 2026 00:00:00 GMT",
        format_datetime(dt.datetime(9999, 12, 31, tzinfo=dt.UTC)),
    ],
    "Content-Encoding": ["gzip", "x-gzip", "deflate", "br", "identity", "gzip, gzip", "\xff", ""],
    "Content-Type": ["text/html; charset=x", "application/json; charset=utf-16", ""],
    "Location": ["/", "https://evil.test/?a=b", "\x01", ""],
    "X-Request-Id": ["", "a" * 10_000, "\x1b[2J"],
}
STATUSES = (200, 200, 200, 200, 201, 204, 302, 304, 400, 401, 403, 404, 407, 408, 418, 429, 500, 502, 520, 599)

ARGUMENTS = (
    "agent_id",
    "status",
    "call_type",
    "disconnection_reason",
    "call_from",
    "call_to",
    "start_at_after",
    "start_at_before",
    "sort_order",
    "cursor",
    "page_size",
    "max_items",
    "prefetch",
    "on_invalid",
)
OPTIONS = ("api_key", "base_url", "timeout", "retries", "rate_limit", "strict_enums", "http_client")

ODD_TEXTS = (
    *("", " ", "ended", "ENDED", "endd", "asc", "\ud83d", "\x00", "a" * 10_000, "${KEY}", "'k'"),
    *("010-1234-5678", "+82 10", "+1 555", "٠١٠"),
    *("2026-11-01", "2026-11-01T24:00:00Z", "2026-13-01T00:00:00Z", "9999-12-31T23:59:59.9999999-14:00"),
    *("http://", "https://[", "https://a:99999", "ftp://x", "https://é.test", "https://u:p@x", "//x"),
)
ODD_VALUES: tuple[Callable[[random.Random], object], ...] = (
    lambda _: None,
    lambda chance: chance.choice([True, False]),
    lambda chance: chance.choice([0, 1, -1, 5, 100, 101, 10**9, 10**10, 10**12, 10**13, 10**30, 10**5000, -(10**5000)]),
    lambda chance: chance.choice([0.0, 1.5, 1.7e9, 1e300, math.nan, math.inf, -math.inf]),
    lambda chance: chance.choice(ODD_TEXTS),
    lambda _: b"ended",
    lambda _: bytearray(b"x"),
    lambda _: [],
    lambda _: {},
    lambda _: set[object](),
    lambda _: (value for value in ["ended", None]),
    lambda _: iter([]),
    lambda chance: [chance.choice(["ended", 5, None, [], {}, "\ud83d"]) for _ in range(chance.randrange(4))],
    lambda _: {"a": 1},
    lambda _: uuid.UUID(int=5),
    lambda _: CallStatus("odd"),
    lambda _: SortOrder.ASC,
    lambda _: dt.datetime(2026, 11, 1),  # noqa: DTZ001 - naive on purpose
    lambda _: dt.datetime.max.replace(tzinfo=dt.timezone(dt.timedelta(hours=-23))),
    lambda _: dt.datetime.min.replace(tzinfo=dt.timezone(dt.timedelta(hours=23))),
    lambda _: dt.date(2026, 11, 1),
    lambda _: dt.timedelta(1),
    lambda _: decimal.Decimal("NaN"),
    lambda _: decimal.Decimal(5),
    lambda _: fractions.Fraction(1, 3),
    lambda _: complex(1, 1),
    lambda _: object(),
    lambda _: int,
    lambda _: print,
    lambda _: httpx.Timeout(None),
    lambda _: RateLimit(per_second=1, per_minute=1),
    lambda _: RateLimit,
    lambda _: ...,
)


def mutated(chance: random.Random, value: Json) -> Json:
    """The value with one of its parts replaced, removed or doubled."""
    if not isinstance(value, dict | list) or not value or chance.random() < 0.1:
        return chance.choice(ODD_JSON)(chance)
    if isinstance(value, list):
        number = chance.randrange(len(value))
        return [mutated(chance, item) if each == number else item for each, item in enumerate(value)]
    key = chance.choice([*value])
    match chance.randrange(8):
        case 0:
            return {name: item for name, item in value.items() if name != key}
        case 1:
            return {**value, "new": chance.choice(ODD_JSON)(chance)}
    return {**value, key: mutated(chance, value[key])}


def body(chance: random.Random) -> bytes:
    """A body that nearly is a page or an error."""
    value = chance.choice([PAGE, PAGE, PAGE, ENVELOPE])
    for _ in range(chance.choice([0, 1, 1, 2, 5])):
        value = mutated(chance, value)
    text = json.dumps(value, ensure_ascii=chance.random() < 0.5).encode("utf-8", "surrogatepass")
    deep = chance.choice(DEPTHS)
    start, end = chance.choice([(b"[", b"]"), (b'{"a":', b"}")])
    text = text.replace(b'"\\u0000"', start * deep + b"1" + end * deep)
    for _ in range(chance.choice([0, 0, 1, 3])):
        at = chance.randrange(len(text) + 1)
        match chance.randrange(5):
            case 0:
                text = text[:at]
            case 1:
                text = text[:at] + bytes([chance.randrange(256)]) + text[at:]
            case 2:
                text = (
                    text[:at]
                    + chance.choice([b"\xef\xbb\xbf", b"\\ud83d", b"NaN", b"-", b"9" * 5_000, b'"'])
                    + text[at:]
                )
            case 3:
                text = text[:at] + text[at + chance.randrange(1, 9) :]
            case 4:
                text = text[:at] + text[at : at + 20] + text[at:]
    return text


def answer(chance: random.Random) -> httpx.Response:
    """A response that nearly is one of the API's."""
    headers = [
        (name.encode(), chance.choice(values).encode("latin-1"))
        for name, values in ODD_HEADERS.items()
        if chance.random() < 0.1
    ]
    return httpx.Response(chance.choice(STATUSES), headers=headers, stream=httpx.ByteStream(body(chance)))


def look_at(call: Call) -> None:
    """Ask a call for everything; what was sent may make each a VoxCallsError."""
    for name in ("started_at", "ended_at", "duration", "cost"):
        with contextlib.suppress(VoxCallsError):
            getattr(call, name)
    repr(call)
    call.to_dict()
    assert call == call  # noqa: PLR0124 - compares by value


def respond(seed: int) -> str:
    """Read one odd response; what came of it."""
    chance = random.Random(seed)
    transport = httpx.MockTransport(lambda _: answer(chance))
    skipped: list[VoxCallsError] = []
    with (
        httpx.Client(transport=transport) as http,
        Client("vox_live_key", base_url="https://x.test", retries=0, rate_limit=None, http_client=http) as client,
    ):
        calls = client.list_calls(max_items=5, on_invalid=skipped.append if chance.random() < 0.5 else None)
        try:
            for item in calls if chance.random() < 0.7 else calls.pages():
                for call in [item] if isinstance(item, Call) else item.items:
                    look_at(call)
        except VoxCallsError as error:
            caught = error
        else:
            return "read"
    assert "vox_live_key" not in str(caught) + repr(caught)
    return type(caught).__name__


def ask(seed: int) -> str:
    """Pass odd arguments; what came of it."""
    chance = random.Random(seed)

    def odd() -> Any:
        return chance.choice(ODD_VALUES)(chance)

    try:
        match chance.randrange(6):
            case 0:
                options = {name: odd() for name in OPTIONS if chance.random() < 0.3}
                with Client(**{"api_key": "key", "base_url": "https://x.test", **options}):
                    pass
            case 1:
                to_unix_ms(odd(), round_up=chance.random() < 0.5)
            case 2:
                from_unix_ms(odd())
            case 3:
                normalise_filters({name: odd() for name in [*ARGUMENTS[:9], "odd"] if chance.random() < 0.2})
            case _:
                with Client("key", base_url="https://x.test") as client:
                    client.list_calls(**{name: odd() for name in ARGUMENTS if chance.random() < 0.2})
    except VoxCallsError as error:
        caught = error
    else:
        return "accepted"
    told = caught.errors or [caught] if isinstance(caught, InvalidQueryError) else []
    assert all(each.field and each.reason for each in told)
    return type(caught).__name__


def main(first: int, last: int) -> int:
    """Run every seed and print a summary.

    Raises:
        Exception: If a seed fails, after it is printed.
    """
    came: Counter[str] = Counter()
    for seed in range(first, last + 1):
        for what in (respond, ask):
            try:
                came[f"{what.__name__}: {what(seed)}"] += 1
            except BaseException:
                print(f"{what.__name__} fails for seed {seed}. Again: python tests/fuzz.py {seed} {seed}", flush=True)
                raise
    print(f"seeds {first} to {last}: " + ", ".join(f"{name} {count:,}" for name, count in sorted(came.items())))
    return 0


if __name__ == "__main__":
    logging.disable()  # servers send unknown values here
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2])))
