"""The sandbox answers as the API does, seen with plain HTTP."""

from __future__ import annotations

import socket
import statistics
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import httpx
import pytest

import vox_calls
from conftest import NOW
from contract import parameters, spec, validate
from vox_calls import Call, VoxCallsError
from vox_calls_tools.sandbox import Sandbox, Settings, make_key, synthetic_calls
from vox_calls_tools.sandbox.app import SeenRequest
from vox_calls_tools.sandbox.limits import VENDOR_LIMITS, RateLimiter, Window
from vox_calls_tools.sandbox.server import PortTakenError
from vox_calls_tools.sandbox.store import Store


@pytest.fixture
def http(sandbox: Sandbox) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {sandbox.api_key}"}
    with httpx.Client(base_url=sandbox.base_url, headers=headers) as client:
        yield client


def get(http: httpx.Client, *pairs: tuple[str, str]) -> httpx.Response:
    return http.get("/v3/calls", params=list(pairs))


def error_of(answer: httpx.Response) -> dict[str, Any]:
    validate(answer.json(), "ErrorEnvelope")
    error: dict[str, Any] = answer.json()["error"]
    return error


def test_a_page_fits_the_contract_and_defaults_to_50_calls(http: httpx.Client) -> None:
    answer = get(http)
    assert answer.headers["content-type"] == "application/json"
    validate(answer.json(), "CallPage")
    assert len(answer.json()["items"]) == 50
    assert answer.json()["total_count"] == 3_000


@pytest.mark.parametrize("limit", ["1", "7", "100"])
def test_limit_is_accepted_from_1_to_100(http: httpx.Client, limit: str) -> None:
    assert len(get(http, ("limit", limit)).json()["items"]) == int(limit)


@pytest.mark.parametrize(
    "pairs",
    [
        [("limit", "0")],
        [("limit", "101")],
        [("limit", "ten")],
        [("limit", "1.5")],
        [("limit", "")],
        [("limit", "10"), ("limit", "20")],
        [("status", "Ended")],
        [("status", "ended"), ("status", "gone")],
        [("status", "ended,error")],
        [("call_type", "")],
        [("disconnection_reason", "bored")],
        [("agent_id", "7")],
        [("call_from", "010-1234-5678")],
        [("call_to", "1" * 13)],
        [("start_at_after", "2026-11-01")],
        [("start_at_after", "-5")],
        [("start_at_before", "1"), ("start_at_before", "2")],
        [("sort_order", "random")],
        [("sort_order", "asc"), ("sort_order", "desc")],
        [("cursor", "")],
        [("cursor", "bm90IG9uZQ")],
        [("cursor", "\u00e9")],
    ],
)
def test_invalid_values_are_rejected_by_name(http: httpx.Client, pairs: list[tuple[str, str]]) -> None:
    answer = get(http, *pairs)
    assert answer.status_code == 400
    error = error_of(answer)
    assert error["code"] == "VALIDATION_ERROR"
    assert error["details"]["parameter"] == pairs[0][0]


@pytest.mark.parametrize("name", ["status[]", "from_number", "page", "LIMIT"])
def test_an_unknown_parameter_is_rejected_with_the_known_ones(http: httpx.Client, name: str) -> None:
    answer = get(http, ("status", "ended"), (name, "ended"))
    assert answer.status_code == 400
    error = error_of(answer)
    assert error["code"] == "VALIDATION_ERROR"
    assert name in error["message"]
    assert error["details"] == {"allowed_query_parameters": list(parameters())}


@pytest.mark.parametrize("authorization", [None, "Bearer wrong", "Basic abc", "Bearer", ""])
def test_a_request_without_the_key_is_rejected(sandbox: Sandbox, authorization: str | None) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    answer = httpx.get(f"{sandbox.base_url}/v3/calls?nonsense=1", headers=headers)
    assert answer.status_code == 401
    assert error_of(answer)["code"] == "UNAUTHORIZED"


def test_other_paths_and_methods_use_the_error_envelope(http: httpx.Client) -> None:
    assert (http.get("/v3/call").status_code, http.post("/v3/calls").status_code) == (404, 405)
    assert http.get("/v3/calls/").status_code == 404
    assert error_of(http.get("/v3/call"))["code"] == "NOT_FOUND"
    assert error_of(http.post("/v3/calls"))["message"]


def test_a_server_failure_uses_the_error_envelope(empty_sandbox: Sandbox) -> None:
    empty_sandbox.store.close()
    answer = httpx.get(
        f"{empty_sandbox.base_url}/v3/calls", headers={"Authorization": f"Bearer {empty_sandbox.api_key}"}
    )
    assert answer.status_code == 500
    assert error_of(answer)["code"] == "INTERNAL_ERROR"


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_cursors_visit_every_call_once_in_order(http: httpx.Client, order: str) -> None:
    ids: list[str] = []
    starts: list[int] = []
    cursor: str | None = None
    while True:
        answer = get(http, ("limit", "77"), ("sort_order", order), *([("cursor", cursor)] if cursor else [])).json()
        ids += [call["id"] for call in answer["items"]]
        starts += [call["start_at"] for call in answer["items"] if call["start_at"] is not None]
        cursor = answer["next_cursor"]
        if cursor is None:
            break
    assert len(ids) == len(set(ids)) == 3_000
    assert starts == sorted(starts, reverse=order == "desc")
    assert any(one == next_ for one, next_ in pairwise(starts)), "no two calls share their start, so nothing is shown"


def test_the_last_full_page_has_no_cursor(empty_sandbox: Sandbox) -> None:
    empty_sandbox.store.add(synthetic_calls(10, seed=1, until=NOW))
    headers = {"Authorization": f"Bearer {empty_sandbox.api_key}"}
    with httpx.Client(base_url=empty_sandbox.base_url, headers=headers) as http:
        assert get(http, ("limit", "10")).json()["next_cursor"] is None
        assert get(http, ("limit", "9")).json()["next_cursor"]
        assert get(http, ("status", "queued"), ("call_to", "114")).json() == {
            "items": [],
            "total_count": 0,
            "next_cursor": None,
        }


def test_a_cursor_belongs_to_its_filters(http: httpx.Client) -> None:
    cursor = get(http, ("status", "ended")).json()["next_cursor"]
    assert get(http, ("status", "ended"), ("limit", "3"), ("cursor", cursor)).status_code == 200
    for other in ([("status", "error")], [], [("status", "ended"), ("sort_order", "asc")]):
        assert error_of(get(http, *other, ("cursor", cursor)))["details"] == {"parameter": "cursor"}


def test_a_cursor_goes_with_its_filters_in_any_order(http: httpx.Client) -> None:
    cursor = get(http, ("status", "ended"), ("status", "error"), ("call_type", "web"), ("limit", "2")).json()[
        "next_cursor"
    ]
    again = get(
        http, ("cursor", cursor), ("call_type", "web"), ("status", "error"), ("status", "ended"), ("status", "ended")
    )
    assert again.status_code == 200


def test_10_and_11_digits_are_seconds_and_bounds_inclusive(empty_sandbox: Sandbox) -> None:
    ms = 1_793_491_200_000
    empty_sandbox.store.add({"id": str(offset), "start_at": ms + offset} for offset in (-1, 0, 1))
    empty_sandbox.store.add([{"id": "waiting", "start_at": None, "status": "queued"}])
    headers = {"Authorization": f"Bearer {empty_sandbox.api_key}"}
    with httpx.Client(base_url=empty_sandbox.base_url, headers=headers) as http:

        def ids(**bounds: int) -> set[str]:
            answer = get(http, *((name, str(value)) for name, value in bounds.items()))
            return {call["id"] for call in answer.json()["items"]}

        assert ids(start_at_after=ms) == ids(start_at_after=ms // 1_000) == {"0", "1", "waiting"}
        assert ids(start_at_before=ms) == ids(start_at_before=ms // 1_000) == {"-1", "0"}
        assert ids(start_at_after=ms, start_at_before=ms) == {"0"}
        assert ids(start_at_after=10_000_000_000) == {"waiting"}  # 11 digits: the year 2286
        assert ids(start_at_after=100_000_000_000) == {"-1", "0", "1", "waiting"}  # 12 digits: 1973


def test_calls_can_be_changed_and_removed_while_it_runs(empty_sandbox: Sandbox) -> None:
    store = empty_sandbox.store
    everything = {"ascending": True, "after": None, "limit": 100}
    store.add({"id": str(number), "start_at": 10**12 + number, "status": "ongoing"} for number in range(3))
    assert store.page({}, **everything).total_count == 3  # type: ignore[arg-type] # written out once
    store.add([{"id": "1", "start_at": 10**12 + 9, "status": "ended"}])
    page = store.page({}, **everything)  # type: ignore[arg-type] # as above
    assert page.total_count == 3
    assert b'"ended"' in page.items[-1]
    store.remove("0", "none")
    assert store.page({}, **everything).total_count == 2  # type: ignore[arg-type] # as above
    store.clear()
    assert store.page({}, **everything).items == []  # type: ignore[arg-type] # as above


def test_a_duplicate_id_is_rejected() -> None:
    with pytest.raises(VoxCallsError, match="same id"):
        Sandbox([{"id": "a"}, {"id": "a"}])


def test_both_rate_limits_hold_over_sliding_windows() -> None:
    now = [0.0]
    limiter = RateLimiter(VENDOR_LIMITS, lambda: now[0])
    assert [limiter.admit() for _ in range(6)] == [0.0] * 5 + [1.0]
    now[0] = 0.75
    assert limiter.admit() == 0.25
    admitted = 5
    while admitted < 120:
        wait = limiter.admit()
        now[0] += wait
        admitted += wait == 0.0
    assert now[0] == 23.0  # 5 in each second, from 0 on
    now[0] += 10.0
    assert limiter.admit() == 60.0 - now[0]
    now[0] = 60.0
    assert [limiter.admit() for _ in range(6)] == [0.0] * 5 + [1.0]


def test_too_many_requests_get_429_with_retry_after() -> None:
    with Sandbox(settings=Settings(make_key(), windows=[Window(60.0, 2)])) as limited:
        headers = {"Authorization": f"Bearer {limited.api_key}"}
        with httpx.Client(base_url=limited.base_url, headers=headers) as http:
            assert [get(http).status_code for _ in range(3)] == [200, 200, 429]
            answer = get(http)
            assert error_of(answer)["code"] == "RATE_LIMITED"
            assert 58 <= int(answer.headers["retry-after"]) <= 60


def test_a_small_page_does_not_wait_for_the_next_packet(http: httpx.Client) -> None:
    times = []
    for _ in range(20):
        began = time.perf_counter()
        get(http, ("limit", "1"))
        times.append(time.perf_counter() - began)
    # Nagle's algorithm with delayed acknowledgements would take 40 ms for each.
    assert statistics.median(times) < 0.020


def test_it_listens_on_loopback_only_and_frees_its_port(empty_sandbox: Sandbox) -> None:
    assert empty_sandbox.base_url.startswith("http://127.0.0.1:")
    port = int(empty_sandbox.base_url.rpartition(":")[2])
    with pytest.raises(PortTakenError, match=str(port)):
        Sandbox(port=port)
    with socket.socket() as outside, pytest.raises(OSError, match="refused"):
        outside.connect(("127.0.0.2", port))
    empty_sandbox.close()
    with Sandbox(port=port) as again:
        assert again.base_url == empty_sandbox.base_url


def test_synthetic_calls_depend_only_on_the_seed() -> None:
    made = [list(synthetic_calls(200, seed=seed, until=NOW)) for seed in (1, 1, 2)]
    assert made[0] == made[1] != made[2]
    assert list(synthetic_calls(0, seed=1, until=NOW)) == []


@pytest.mark.parametrize("times", [(None, 10**30), (10**30, 5), (-(10**30), 10**30), ("x", 5), (5, "x")])
def test_calls_may_have_any_times(times: tuple[Any, Any]) -> None:
    with Sandbox([{"id": "a", "start_at": times[0], "end_at": times[1]}]) as sandbox:
        assert sandbox.store.page({}, ascending=False, after=None, limit=1).total_count == 1


def test_synthetic_calls_have_realistic_proportions() -> None:
    count = 28_000
    calls = list(synthetic_calls(count, seed=1, until=NOW))

    def of_28(values: Iterator[object]) -> dict[object, float]:
        return {value: 28 * number / count for value, number in Counter(values).items()}

    def seen(expected: dict[Any, float], actual: dict[Any, float]) -> None:
        assert {value: round(actual[value], 1) for value in expected} == pytest.approx(expected, abs=0.5)

    seen({"ended": 17, "not_connected": 6, "ongoing": 3, "error": 2}, of_28(call["status"] for call in calls))
    seen({"inbound": 16, "outbound": 10, "web": 2}, of_28(call["call_type"] for call in calls))
    seen(
        {
            "user_hangup": 8,
            "call_transfer": 7,
            "dial_no_answer": 6,
            "flow_error": 2,
            "agent_hangup": 1,
            "voicemail_reached": 1,
            None: 3,
        },
        of_28(call["disconnection_reason"] for call in calls),
    )
    seen({True: 25}, of_28(call["call_analysis"] is not None for call in calls))
    seen({True: 19}, of_28(call["call_cost"] is not None for call in calls))
    assert {call["call_cost"]["total_cost"] for call in calls if call["call_cost"]} == {"150.00", "200.00"}
    assert {len(call["dynamic_variables"]) for call in calls} == {10, 11, 12}
    assert {"did", "A_RN", "fs-support", "integer"} <= calls[0]["dynamic_variables"].keys()


def test_synthetic_calls_have_the_fields_of_the_contract() -> None:
    calls = list(synthetic_calls(300, seed=1, until=NOW))
    validate({"items": calls, "total_count": 300, "next_cursor": None}, "CallPage")
    for call in map(Call.from_dict, calls):
        for whole in (call, call.agent, call.call_analysis, call.call_cost):
            assert whole is None or whole.additional_properties == {}, "sandbox/synthetic.py makes up what is no field"


def test_synthetic_calls_are_consistent() -> None:
    calls = list(synthetic_calls(20_000, seed=1, until=NOW))
    schemas = spec()["components"]["schemas"]
    for name, field in {
        "CallStatus": "status",
        "CallType": "call_type",
        "DisconnectionReason": "disconnection_reason",
    }.items():
        assert set(schemas[name]["enum"]) <= {call[field] for call in calls}, f"no call has each {field}"
    for call in calls:
        if call["call_type"] == "web":
            assert call["from_number"] is call["to_number"] is None
        if call["opt_out_sensitive_data_storage"]:
            assert call["recording_url"] is call["call_analysis"] is None
        if call["status"] in {"queued", "ongoing"}:
            assert call["end_at"] is call["disconnection_reason"] is call["call_analysis"] is None
        if call["status"] in {"queued", "not_connected"}:
            assert call["call_cost"] is None
        if call["start_at"] and call["end_at"]:
            assert call["start_at"] < call["end_at"]
    starts = [call["start_at"] for call in calls if call["start_at"]]
    assert starts == sorted(starts)
    assert max(starts) < NOW.timestamp() * 1_000
    assert datetime.fromtimestamp(min(starts) / 1_000, UTC) > datetime(2026, 8, 25, tzinfo=UTC)


def test_calls_come_and_go_while_it_runs(empty_sandbox: Sandbox) -> None:
    def total() -> int:
        with vox_calls.Client(empty_sandbox.api_key, base_url=empty_sandbox.base_url) as client:
            return sum(1 for _ in client.list_calls())

    assert isinstance(empty_sandbox.store, Store)
    empty_sandbox.store.add(synthetic_calls(5, seed=1, until=NOW))
    assert total() == 5
    empty_sandbox.store.clear()
    assert total() == 0


def test_a_running_sandbox_can_be_reconfigured(empty_sandbox: Sandbox) -> None:
    seen: list[SeenRequest] = []
    empty_sandbox.configure(Settings(empty_sandbox.api_key, windows=(Window(60.0, 1),), on_request=seen.append))
    headers = {"Authorization": f"Bearer {empty_sandbox.api_key}"}
    with httpx.Client(base_url=empty_sandbox.base_url, headers=headers) as client:
        assert get(client, ("status", "ended"), ("status", "error"), ("limit", "5")).status_code == 200
        assert get(client).status_code == 429
        empty_sandbox.configure(Settings(empty_sandbox.api_key, windows=(), on_request=seen.append))
        assert get(client).status_code == 200
    assert seen[0] == SeenRequest("GET", "/v3/calls", {"status": ["ended", "error"], "limit": ["5"]})
    assert len(seen) == 3
    assert empty_sandbox.api_key not in repr(seen)


def test_cached_counts_of_a_store_are_bounded() -> None:
    store = Store()
    store.add(synthetic_calls(5, seed=1, until=NOW))
    for at in range(1_500):
        assert store.page({"start_at_after": [at]}, ascending=True, after=None, limit=1).total_count == 5
    assert len(store._counts) <= 1_001
    store.close()
