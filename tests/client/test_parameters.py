"""Each parameter works as the contract says, over real sockets with every driver."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest

import vox_calls
from conftest import NOW, Read
from contract import parameters
from vox_calls_tools.sandbox import Sandbox

Item = dict[str, Any]


def picks(calls: list[Item], accept: Callable[[Item], bool]) -> list[str]:
    """The expected calls, newest first, computed without the sandbox."""
    at, order = 0, []
    for call in calls:
        at = created(call) or at
        if accept(call):
            order.append((at, call["id"]))
    return [call_id for _, call_id in sorted(order, reverse=True)]


def created(call: Item) -> int | None:
    """What stands for the time of a call: its start, or for one that ended without, its end."""
    at: int | None = call["end_at"] if call["start_at"] is None else call["start_at"]
    return at


def lasted(call: Item, least: int, most: int) -> bool:
    return None not in (call["start_at"], call["end_at"]) and least <= call["end_at"] - call["start_at"] <= most


@attrs.frozen
class Filter:
    """A value to pass, the expected query values, and the predicate of matching calls."""

    value: Any
    sent: list[str]
    accept: Callable[[Item], bool]
    others: Mapping[str, Any] = {}


MIDDLE = NOW - timedelta(days=45)
MIDDLE_MS = 1_791_514_800_000


def filters(calls: list[Item]) -> dict[str, Filter]:
    agents = sorted({call["agent"]["agent_id"] for call in calls})[:2]
    customers = [call["to_number"] for call in calls if call["call_type"] == "outbound"][:2]
    callers = [call["from_number"] for call in calls if call["call_type"] == "inbound"][:2]
    customer = next(call["metadata"]["customer_id"] for call in calls if call["metadata"])
    versioned = next(call for call in calls if call["agent"]["agent_version"].startswith("v"))
    version = versioned["agent"]["agent_version"]
    hyphenated = [f"{number[:3]}-{number[3:7]}-{number[7:]}" for number in (*customers, *callers)]
    return {
        "agent_id": Filter(agents, agents, lambda call: call["agent"]["agent_id"] in agents),
        "status": Filter(
            ["error", vox_calls.CallStatus.ONGOING],
            ["error", "ongoing"],
            lambda call: call["status"] in {"error", "ongoing"},
        ),
        "call_type": Filter(
            iter(("web", "outbound")), ["web", "outbound"], lambda call: call["call_type"] in {"web", "outbound"}
        ),
        "disconnection_reason": Filter(
            ("dial_no_answer", "flow_error"),
            ["dial_no_answer", "flow_error"],
            lambda call: call["disconnection_reason"] in {"dial_no_answer", "flow_error"},
        ),
        "call_from": Filter(hyphenated[2:], callers, lambda call: call["from_number"] in callers),
        "call_to": Filter(hyphenated[:2], customers, lambda call: call["to_number"] in customers),
        "start_at_after": Filter(
            MIDDLE, [str(MIDDLE_MS)], lambda call: created(call) is None or (created(call) or 0) >= MIDDLE_MS
        ),
        "start_at_before": Filter(
            MIDDLE_MS // 1_000,
            [str(MIDDLE_MS)],
            lambda call: created(call) is not None and (created(call) or 0) <= MIDDLE_MS,
        ),
        "agent_version": Filter(
            ["current", version],
            ["current", version],
            lambda call: call["agent"] == versioned["agent"],
            {"agent_id": versioned["agent"]["agent_id"]},
        ),
        "customer_id": Filter(
            customer.upper(), [customer], lambda call: call["metadata"].get("customer_id") == customer
        ),
        "campaign_id": Filter(1_001, ["1001"], lambda call: call["metadata"].get("campaign_id") == "1001"),
        "metadata": Filter(
            {"source": ["crm", "web"], "attempt": 1},
            ["source:crm", "source:web", "attempt:1"],
            lambda call: call["metadata"].get("source") in {"crm", "web"} and call["metadata"].get("attempt") == 1,
        ),
        "dynamic_variables": Filter(
            ["fs-support:true", "integer:7", "integer:8"],
            ["fs-support:true", "integer:7", "integer:8"],
            lambda call: call["dynamic_variables"]["fs-support"] and call["dynamic_variables"]["integer"] in {7, 8},
        ),
        "duration_ms_min": Filter(
            timedelta(minutes=5, microseconds=-1), ["300000"], lambda call: lasted(call, 300_000, 10**9)
        ),
        "duration_ms_max": Filter(10_000, ["10000"], lambda call: lasted(call, 0, 10_000)),
    }


PAGING = {"sort_order", "cursor", "limit"}


def test_every_parameter_of_the_contract_is_tested(calls: list[Item]) -> None:
    assert filters(calls).keys() | PAGING == set(parameters())


@pytest.mark.parametrize("name", [name for name in parameters() if name not in PAGING])
def test_a_filter_is_repeated_in_the_query_and_narrows_calls(
    name: str, calls: list[Item], sandbox: Sandbox, read: Read
) -> None:
    asked = filters(calls)[name]
    expected = picks(calls, asked.accept)
    assert 0 < len(expected) < len(calls)

    reading = read(sandbox, **{name: asked.value}, **asked.others)

    assert reading.ids == expected
    assert [url.params.get_list(name) for url in reading.requests] == [asked.sent] * len(reading.requests)
    assert {key for url in reading.requests for key in url.params} <= {name, *asked.others, "cursor", "limit"}


def test_values_are_alternatives_and_filters_are_combined(calls: list[Item], sandbox: Sandbox, read: Read) -> None:
    reading = read(sandbox, status=["ended", "error"], call_type="inbound", start_at_after=MIDDLE, start_at_before=NOW)

    assert reading.ids == picks(
        calls,
        lambda call: (
            call["status"] in {"ended", "error"}
            and call["call_type"] == "inbound"
            and call["start_at"] is not None
            and call["start_at"] >= MIDDLE_MS
        ),
    )


def test_bounds_are_inclusive_to_the_millisecond(empty_sandbox: Sandbox, read: Read) -> None:
    template = {
        "agent": {"agent_id": "7c0a4c61-8a31-4f57-9f0e-2f1d4be0a4d2", "agent_version": "current"},
        "call_type": "web",
        "status": "ended",
    }
    empty_sandbox.store.add({**template, "id": str(ms), "start_at": MIDDLE_MS + ms} for ms in range(-2, 3))
    exact = datetime.fromtimestamp(MIDDLE_MS // 1_000, UTC)

    assert read(empty_sandbox, start_at_after=exact).ids == ["2", "1", "0"]
    assert read(empty_sandbox, start_at_before=exact).ids == ["0", "-1", "-2"]
    assert read(empty_sandbox, start_at_after=exact, start_at_before=MIDDLE_MS).ids == ["0"]
    within = exact + timedelta(microseconds=1)
    assert read(empty_sandbox, start_at_after=within).ids == ["2", "1"]
    assert read(empty_sandbox, start_at_before=within).ids == ["0", "-1", "-2"]


@pytest.mark.parametrize(("order", "sent"), [(None, []), ("desc", ["desc"]), (vox_calls.SortOrder.ASC, ["asc"])])
def test_sort_order_reverses_and_defaults_to_newest_first(
    order: str | None, sent: list[str], calls: list[Item], sandbox: Sandbox, read: Read
) -> None:
    newest_first = picks(calls, lambda _: True)

    reading = read(sandbox, sort_order=order)

    assert reading.ids == (newest_first[::-1] if sent == ["asc"] else newest_first)
    assert all(url.params.get_list("sort_order") == sent for url in reading.requests)


def test_page_size_is_sent_as_limit(sandbox: Sandbox, read: Read) -> None:
    assert [url.params["limit"] for url in read(sandbox, max_items=250).requests] == ["100"] * 3
    assert [url.params["limit"] for url in read(sandbox, max_items=250, page_size=100).requests] == ["100"] * 3
    assert [url.params["limit"] for url in read(sandbox, max_items=6, page_size=3).requests] == ["3"] * 2
    assert [url.params["limit"] for url in read(sandbox, max_items=1).requests] == ["1"]


def test_a_cursor_is_sent_unchanged_with_the_same_filters(sandbox: Sandbox, read: Read) -> None:
    reading = read(sandbox, status="ended", page_size=100, max_items=400)

    assert "cursor" not in reading.requests[0].params
    assert all(url.params.get_list("status") == ["ended"] for url in reading.requests)
    rest = read(sandbox, status="ended", cursor=reading.cursor)
    whole = read(sandbox, status="ended")
    assert reading.ids + rest.ids == whole.ids
    assert whole.requests[4].params["cursor"] == reading.cursor == rest.requests[0].params["cursor"]
