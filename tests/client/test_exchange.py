"""One request: typed errors, retries, waits and the rate limit."""

from __future__ import annotations

import heapq
import logging
import pickle
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripted import World, answer, listing, lost, page
from vox_calls import (
    ConfigurationError,
    RateLimit,
    RateLimitError,
    ServerError,
    TransportError,
    VoxCallsError,
)
from vox_calls._exchange import Send, Wait
from vox_calls._retry import RetryPolicy
from vox_calls.enums import UnknownValues
from vox_calls.errors import InvalidQueryError, InvalidResponseError
from vox_calls.pagination import Iteration
from vox_calls.query import Query
from vox_calls.toolkit import Waiter

QUERY = Query.of(page_size=100, cursor=None, max_items=None)
ENVELOPE = {"error": {"code": "VALIDATION_ERROR", "message": "No.", "details": {"allowed_query_parameters": ["a"]}}}


def fails(world: World) -> Any:
    with pytest.raises(VoxCallsError) as caught:
        world.calls(listing(world), lambda _: None)
    return caught.value


@pytest.mark.parametrize(
    "kind", [httpx.ConnectError, httpx.ReadTimeout, httpx.RemoteProtocolError, httpx.DecodingError]
)
def test_a_request_without_a_response_is_retried(kind: type[httpx.RequestError]) -> None:
    gone = lost(kind, "cut short")
    error = fails(World([gone] * 3, retries=2))
    assert type(error) is TransportError
    assert error.__cause__ is gone
    assert (error.attempts, error.path) == (3, "/v3/calls")
    assert "cut short" in str(error)
    assert "api.example" in str(error)

    world = World([gone, page("a")], retries=1)
    got: list[Any] = []
    world.calls(listing(world), got.append)
    assert [call.id for call in got] == ["a"]


@pytest.mark.parametrize("kind", [httpx.UnsupportedProtocol, httpx.LocalProtocolError])
def test_an_unsendable_request_is_not_retried(kind: type[httpx.RequestError]) -> None:
    world = World([lost(kind)], retries=4)
    assert isinstance(fails(world), TransportError)
    assert len(world.sent) == 1


@given(st.integers(1, 10), st.none() | st.floats(0, 200), st.floats(0, 1, exclude_max=True))
def test_retry_after_is_a_floor_and_waits_are_capped(attempt: int, retry_after: float | None, jitter: float) -> None:
    policy = RetryPolicy(retries=5)
    wait = policy.wait(attempt, retry_after=retry_after, waited=0.0, jitter=lambda: jitter)
    if attempt > 5 or (retry_after or 0) > policy.patience:
        assert wait is None
    else:
        assert wait is not None
        assert (retry_after or 0) <= wait <= max(retry_after or 0, policy.cap)


@given(
    st.integers(1, 6),
    st.integers(1, 30),
    st.lists(st.tuples(st.floats(0, 3), st.floats(0, 2)), min_size=1, max_size=80),
)
def test_pacing_never_exceeds_either_window(
    per_second: int, per_minute: int, requests: list[tuple[float, float]]
) -> None:
    pacer = RateLimit(per_second=per_second, per_minute=per_minute).limiter()
    now, spans = 0.0, []
    for idle, latency in requests:
        now += idle
        waiter = Waiter()
        while (wait := pacer.acquire(now, waiter)) > 0:
            now += wait
        spans.append((now, now + latency))
        now += latency
        pacer.release(now)
    for window, most in ((1.0, per_second), (60.0, per_minute)):
        for first, later in zip(spans, spans[most:], strict=False):
            # The worst case: the first arrived at its end, the later one at its start.
            assert later[0] - first[1] >= window - 1e-6


def test_pacing_allows_a_burst_and_uses_the_full_minute() -> None:
    world = World(
        [page(str(n), cursor=str(n) if n < 359 else None) for n in range(360)], limit=RateLimit(5, 120), latency=0.01
    )
    world.calls(listing(world), lambda _: None)
    began = world.sent_at[0]
    assert [at - began < 0.1 for at in world.sent_at[:6]] == [True] * 5 + [False]
    assert world.sent_at[359] - began <= 180 * 1.01
    assert world.sent_at[240] - world.sent_at[120] >= 60.0


def test_requests_are_sent_first_come_first_served() -> None:
    pacer = RateLimit(per_second=2, per_minute=120).limiter()
    waiters = [Waiter() for _ in range(9)]
    asks = [(0.0, number, number) for number in range(9)]
    sent: list[int] = []
    while asks:
        now, tie, number = heapq.heappop(asks)
        if (wait := pacer.acquire(now, waiters[number])) > 0:
            heapq.heappush(asks, (now + wait, -tie, number))  # those that came last ask first
        else:
            sent.append(number)
            pacer.release(now)
    assert [{*sent[n : n + 2]} for n in range(0, 9, 2)] == [{0, 1}, {2, 3}, {4, 5}, {6, 7}, {8}]


@pytest.mark.parametrize("how", ["gives up", "is late"])
def test_a_waiter_that_does_not_ask_again_holds_up_nobody(how: str) -> None:
    pacer = RateLimit(per_second=1, per_minute=60).limiter()
    assert pacer.acquire(0.0, Waiter()) == 0.0
    pacer.release(0.0)
    first, second = Waiter(), Waiter()
    assert pacer.acquire(0.0, first) == 1.0
    assert pacer.acquire(0.0, second) > 0.0
    if how == "gives up":
        del first
    assert (pacer.acquire(1.0, second) == 0.0) == (how == "gives up")
    assert how == "gives up" or pacer.acquire(6.1, second) == 0.0


def test_concurrent_requests_count_against_the_limit() -> None:
    pacer = RateLimit(per_second=2, per_minute=120).limiter()
    assert [pacer.acquire(0.0, Waiter()) for _ in range(2)] == [0.0, 0.0]
    assert pacer.acquire(0.0, Waiter()) > 0
    pacer.release(5.0)
    assert pacer.acquire(5.0, Waiter()) > 0
    pacer.release(5.5)
    assert pacer.acquire(6.0, Waiter()) == 0.0


@pytest.mark.parametrize(
    "limit",
    [
        {"per_second": 0, "per_minute": 1},
        {"per_second": 1, "per_minute": 0},
        {"per_second": 10**30, "per_minute": 1},
        {"per_second": True, "per_minute": 1},
    ],
)
def test_an_invalid_rate_limit_is_rejected(limit: dict[str, int]) -> None:
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
    # `raw` may hold a recording URL.
    assert (str(twin), vars(twin) | {"raw": None}) == (str(error), vars(error) | {"raw": None})
    assert getattr(twin, "raw", None) is None


def test_a_long_error_message_is_kept_but_shortened_in_str() -> None:
    error = fails(World([answer(500, {"error": {"code": "C", "message": "m" * 10_000}})]))
    assert error.message == "m" * 10_000
    assert len(str(error)) < 600


def test_a_429_pauses_other_iterations_of_the_client() -> None:
    world = World([], retries=1)
    runtime = world.runtime()
    one, other = (Iteration(QUERY, runtime, UnknownValues()).fetch() for _ in range(2))
    assert isinstance(next(one), Send)
    assert one.send(answer(429, retry_after="9")) == Wait(9.0)
    assert next(other) == Wait(9.0)
    world.time += 9.0
    assert isinstance(next(other), Send)


def test_a_long_wait_is_logged_and_one_over_the_cap_raises(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "vox_calls"):
        world = World([answer(429, retry_after="1"), answer(429, retry_after="37"), page("a")], retries=2)
        world.calls(listing(world), lambda _: None)
    (told,) = caplog.messages
    assert told.startswith("GET /v3/calls answered 429")
    assert told.endswith("; retrying in 37 s")
    world = World([answer(429, retry_after="100000")])
    with pytest.raises(RateLimitError, match=r"; Retry-After asks for 100,000 s, .* maximum wait of 120 s$"):
        world.calls(listing(world), lambda _: None)


@pytest.mark.parametrize("fault", [answer(500), answer(404, ENVELOPE), lost(message="")])
def test_an_error_names_the_request_without_its_query(fault: Any) -> None:
    error = fails(World([fault]))
    assert (error.method, error.path) == ("GET", "/v3/calls")
    assert str(error).startswith("GET /v3/calls ")
    assert isinstance(fault, httpx.Response) or "ReadError" in str(error)


def test_a_rate_limiter_remembers_only_its_windows() -> None:
    pacer: Any = RateLimit(per_second=1_000, per_minute=1_000).limiter()
    for number in range(5_000):
        assert pacer.acquire(number, Waiter()) == 0.0
        pacer.release(number)
    assert len(pacer._answered) == 1_000
