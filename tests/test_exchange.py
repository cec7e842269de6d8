"""One request: typed errors whatever the answer is, retries that can help and no others, and never too early."""

from __future__ import annotations

import pickle
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripted import NOW, World, answer, listing, lost, page
from vox_calls import (
    ApiError,
    AuthenticationError,
    BadRequestError,
    ConfigurationError,
    NotFoundError,
    PermissionDeniedError,
    RateLimit,
    RateLimitError,
    ServerError,
    TransportError,
    VoxCallsError,
)
from vox_calls.errors import InvalidQueryError, InvalidResponseError
from vox_calls.pacing import Pacer
from vox_calls.retrying import RetryPolicy, parse_retry_after

ENVELOPE = {"error": {"code": "VALIDATION_ERROR", "message": "No.", "details": {"allowed_query_parameters": ["a"]}}}


def fails(world: World) -> Any:
    with pytest.raises(VoxCallsError) as caught:
        world.run(listing(world).calls(), lambda _: None)
    return caught.value


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, BadRequestError),
        (401, AuthenticationError),
        (403, PermissionDeniedError),
        (404, NotFoundError),
        (409, ApiError),
        (301, ApiError),
        (204, ApiError),
    ],
)
def test_what_cannot_succeed_is_typed_and_not_tried_again(status: int, kind: type[ApiError]) -> None:
    world = World([answer(status, ENVELOPE, x_request_id="r-1")], retries=4)
    error = fails(world)
    assert type(error) is kind
    assert (error.status_code, error.code, error.message) == (status, "VALIDATION_ERROR", "No.")
    assert error.details == {"allowed_query_parameters": ["a"]}
    assert (error.request_id, error.method, error.path, error.attempts) == ("r-1", "GET", "/v3/calls", 1)
    assert len(world.sent) == 1


@pytest.mark.parametrize(
    ("status", "kind"),
    [(408, ApiError), (429, RateLimitError), *((code, ServerError) for code in (500, 502, 503, 504, 520, 526, 599))],
)
def test_what_may_pass_is_tried_again_and_typed_in_the_end(status: int, kind: type[ApiError]) -> None:
    world = World([answer(status)] * 3, retries=2)
    error = fails(world)
    assert type(error) is kind
    assert (error.status_code, error.attempts) == (status, 3)
    assert "tried 3 times" in str(error)


@pytest.mark.parametrize(
    "kind", [httpx.ConnectError, httpx.ReadTimeout, httpx.RemoteProtocolError, httpx.DecodingError]
)
def test_a_request_without_an_answer_is_tried_again(kind: type[httpx.RequestError]) -> None:
    gone = lost(kind, "cut short")
    error = fails(World([gone] * 3, retries=2))
    assert type(error) is TransportError
    assert error.__cause__ is gone
    assert (error.attempts, error.path) == (3, "/v3/calls")
    assert "cut short" in str(error)
    assert "api.example" in str(error)

    world = World([gone, page("a")], retries=1)
    got: list[Any] = []
    world.run(listing(world).calls(), got.append)
    assert [call.id for call in got] == ["a"]


@pytest.mark.parametrize("kind", [httpx.UnsupportedProtocol, httpx.LocalProtocolError])
def test_a_request_that_cannot_be_sent_is_not_tried_again(kind: type[httpx.RequestError]) -> None:
    world = World([lost(kind)], retries=4)
    assert isinstance(fails(world), TransportError)
    assert len(world.sent) == 1


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "an empty body"),
        (b"<html>\n  <h1>Bad   gateway</h1>", "<html> <h1>Bad gateway</h1>"),
        (b"\xff\xfe" + "끊".encode()[:2], "\ufffd\ufffd"),
        (b"x" * 10_000_000, "x" * 200),
        ({"detail": "Not Found"}, '{"detail": "Not Found"}'),
        ([1], "[1]"),
        ({"error": "no"}, '{"error": "no"}'),
        ({"error": {"code": 5, "message": None}}, '{"error": {"code": 5, "message": null}}'),
    ],
)
def test_a_body_that_is_not_the_apis_still_gives_the_class_and_an_excerpt(body: object, message: str) -> None:
    error = fails(World([answer(502, body)]))
    assert type(error) is ServerError
    assert (error.code, error.message, error.details) == (None, message, {})


def test_an_envelope_without_details_is_still_the_apis() -> None:
    error = fails(World([answer(500, {"error": {"code": "INTERNAL_ERROR", "message": "Sorry."}})]))
    assert (error.code, error.message, error.details) == ("INTERNAL_ERROR", "Sorry.", {})


def test_waits_are_full_jitter_under_a_doubling_ceiling() -> None:
    world = World([answer(500)] * 9, retries=8, jitter=0.5)
    fails(world)
    assert world.waits == [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 15.0]


@pytest.mark.parametrize(
    ("header", "least"), [("7", 7.0), ("1.5", 1.5), (format_datetime(NOW + timedelta(seconds=9)), 9.0)]
)
def test_retry_after_is_a_floor(header: str, least: float) -> None:
    world = World([answer(429, retry_after=header), page("a")], retries=1, jitter=0.0)
    world.run(listing(world).calls(), lambda _: None)
    assert world.sent_at[1] - world.sent_at[0] == pytest.approx(least)


def test_a_wait_longer_than_anyone_waits_is_raised_at_once_with_the_delay() -> None:
    world = World([answer(429, retry_after="3600")], retries=4)
    error = fails(world)
    assert error.retry_after == 3600.0
    assert world.waits == []
    assert fails(World([answer(429)])).retry_after is None


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("1e9", None),
        ("nan", None),
        ("90", 90.0),
        (" 90 ", 90.0),
        ("0.5", 0.5),
        ("-5", 0.0),
        ("9" * 20, 1e20),
        ("9" * 400, float("inf")),
        ("90, 90", 90.0),
        ("1, 90", 90.0),
        ("90,", 90.0),
        ("90, Sun, 01 Nov 2026 00:02:00 GMT", 120.0),
        ("Sun, 01 Nov 2026 00:02:00 GMT, 90", 120.0),
        ("90; comment", None),
        ("Sun, 01 Nov 2026 00:00:30 GMT", 30.0),
        ("Sun, 01 Nov 2026 09:00:30 +0900", 30.0),
        ("Sat, 31 Oct 2026 00:00:00 GMT", 0.0),
        ("Sun, 99 Nov 2026 00:00:30 GMT", None),
    ],
)
def test_retry_after_is_read_as_the_standard_has_it(value: str | None, seconds: float | None) -> None:
    assert parse_retry_after(value, now=datetime(2026, 11, 1, tzinfo=UTC)) == seconds


@given(st.integers(1, 10), st.none() | st.floats(0, 200), st.floats(0, 1, exclude_max=True))
def test_no_wait_is_shorter_than_asked_or_longer_than_the_ceiling(
    attempt: int, retry_after: float | None, jitter: float
) -> None:
    policy = RetryPolicy(retries=5)
    wait = policy.wait(attempt, retry_after=retry_after, jitter=lambda: jitter)
    if attempt > 5 or (retry_after or 0) > policy.patience:
        assert wait is None
    else:
        assert wait is not None
        assert (retry_after or 0) <= wait <= max(retry_after or 0, policy.cap)


def test_a_429_holds_back_every_iteration_of_the_client() -> None:
    pacer = Pacer(RateLimit(per_second=5, per_minute=120))
    pacer.hold(1_010.0)
    assert pacer.acquire(1_000.0) == 10.0
    assert pacer.acquire(1_010.0) == 0.0


@given(
    st.integers(1, 6),
    st.integers(1, 30),
    st.lists(st.tuples(st.floats(0, 3), st.floats(0, 2)), min_size=1, max_size=80),
)
def test_a_paced_client_is_never_over_either_limit_whenever_its_requests_arrive(
    per_second: int, per_minute: int, requests: list[tuple[float, float]]
) -> None:
    pacer = Pacer(RateLimit(per_second=per_second, per_minute=per_minute))
    now, spans = 0.0, []
    for idle, latency in requests:
        now += idle
        while (wait := pacer.acquire(now)) > 0:
            now += wait
        spans.append((now, now + latency))
        now += latency
        pacer.release(now)
    for window, most in ((1.0, per_second), (60.0, per_minute)):
        for first, later in zip(spans, spans[most:], strict=False):
            # The worst case: the first arrived at its very end, the later one at its very beginning.
            assert later[0] - first[1] >= window - 1e-6


def test_a_burst_is_let_through_and_a_full_minute_is_used_up() -> None:
    world = World(
        [page(str(n), cursor=str(n) if n < 359 else None) for n in range(360)], limit=RateLimit(5, 120), latency=0.01
    )
    world.run(listing(world).calls(), lambda _: None)
    began = world.sent_at[0]
    assert [at - began < 0.1 for at in world.sent_at[:6]] == [True] * 5 + [False]
    assert world.sent_at[359] - began <= 180 * 1.01
    assert world.sent_at[240] - world.sent_at[120] >= 60.0


def test_requests_that_run_at_once_count_against_the_limit() -> None:
    pacer = Pacer(RateLimit(per_second=2, per_minute=120))
    assert [pacer.acquire(0.0) for _ in range(2)] == [0.0, 0.0]
    assert pacer.acquire(0.0) > 0
    pacer.release(5.0)
    assert pacer.acquire(5.0) > 0
    pacer.release(5.5)
    assert pacer.acquire(6.0) == 0.0


@pytest.mark.parametrize(
    "limit",
    [
        {"per_second": 0, "per_minute": 1},
        {"per_second": 1, "per_minute": 0},
        {"per_second": 10**30, "per_minute": 1},
        {"per_second": True, "per_minute": 1},
    ],
)
def test_a_rate_limit_lets_something_through(limit: dict[str, int]) -> None:
    with pytest.raises(ConfigurationError, match="per_"):
        RateLimit(**limit)


@pytest.mark.parametrize(
    "error",
    [
        ServerError("m", status_code=500, code="c", details={"d": 1}, request_id="r", path="/p", attempts=2),
        TransportError("m", path="/p", attempts=2),
        InvalidQueryError("status", "x", "r"),
        InvalidResponseError("items[1]", "r", raw={"a": 1}),
    ],
)
def test_errors_survive_pickling(error: VoxCallsError) -> None:
    error.cursor = "abc"
    twin = pickle.loads(pickle.dumps(error))
    assert type(twin) is type(error)
    assert (str(twin), vars(twin)) == (str(error), vars(error))


@pytest.mark.parametrize("details", [{}, {"details": None}, {"details": {}}])
def test_details_may_be_absent_null_or_empty(details: dict[str, Any]) -> None:
    error = fails(World([answer(500, {"error": {"code": "C", "message": "M", **details}})]))
    assert (error.code, error.message, error.details) == ("C", "M", {})


def test_a_message_of_any_length_is_kept_and_shown_in_part() -> None:
    error = fails(World([answer(500, {"error": {"code": "C", "message": "m" * 10_000}})]))
    assert error.message == "m" * 10_000
    assert len(str(error)) < 600
