"""Filters are normalised to what the API accepts; all invalid ones are rejected at once."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vox_calls import CallStatus, CallType, Client, DisconnectionReason, InvalidQueryError, SortOrder
from vox_calls.query import Query

AGENT = UUID("7c0a4c61-8a31-4f57-9f0e-2f1d4be0a4d2")


def parameters(**filters: Any) -> dict[str, Any]:
    query = Query.of(page_size=100, cursor=None, max_items=None, **filters)
    sent: dict[str, Any] = query.request(None)["params"]
    return sent


def rejection(**filters: Any) -> InvalidQueryError:
    with pytest.raises(InvalidQueryError) as caught:
        Client("key").list_calls(**filters)
    return caught.value


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        ("ended", ["ended"]),
        (CallStatus.ENDED, ["ended"]),
        (["ended", CallStatus.ERROR, "ended"], ["ended", "error"]),
        ({"queued": 1, "ongoing": 2}.keys(), ["queued", "ongoing"]),
    ],
)
def test_a_filter_accepts_a_value_or_iterable_without_repeats(value: Any, sent: list[str]) -> None:
    assert parameters(status=value)["status"] == sent


def test_agent_ids_are_uuids_in_any_spelling() -> None:
    assert parameters(agent_id=[AGENT, str(AGENT).upper(), AGENT.hex])["agent_id"] == [str(AGENT)]


@given(st.from_regex(r"0[0-9]{7,10}", fullmatch=True), st.data())
def test_separators_in_a_phone_number_are_ignored(number: str, data: st.DataObject) -> None:
    written = "".join(digit + data.draw(st.sampled_from(["", " ", "-", ".", "(", ")"])) for digit in number)
    assert parameters(call_from=written)["call_from"] == [number]


@pytest.mark.parametrize(
    ("filters", "hint"),
    [
        ({"status": "Ended"}, "did you mean 'ended'?"),
        ({"status": " ended"}, "did you mean 'ended'?"),
        ({"status": "not-connected"}, "did you mean 'not_connected'?"),
        ({"status": "zzz"}, f"is not one of {', '.join(CallStatus)}"),
        ({"status": CallStatus("registered")}, "'registered' is not one of"),
        ({"status": CallType.WEB}, "'web' is not one of"),
        ({"call_type": 5}, "5 is not one of"),
        ({"disconnection_reason": ["user_hangup", "user_hung_up"]}, "did you mean 'user_hangup'?"),
        ({"sort_order": "descending"}, "asc, desc"),
        ({"sort_order": ["asc"]}, "asc, desc"),
        ({"status": []}, "omit the filter"),
        ({"call_to": ()}, "omit the filter"),
        ({"agent_id": "7c0a4c61"}, "'7c0a4c61' is not a UUID"),
        ({"call_to": "+1 555 0100"}, "the only country code is +82"),
        ({"call_to": 1012345678}, "1012345678 is not a string; as a number it would lose its leading zero"),
        ({"call_from": ["x" * 1_000]}, f"'{'x' * 59}... is not a phone number; write it like 010-1234-5678"),
        ({"agent_id": 5}, "not a UUID"),
        ({"start_at_after": "yesterday"}, "ISO 8601"),
        ({"start_at_before": 12345}, "5 digits"),
        ({"start_at_after": 0.0, "start_at_before": 86_400_000.0}, "read milliseconds this early"),
        ({"cursor": ""}, "never empty"),
        ({"cursor": 5}, "never empty"),
        ({"cursor": "\ud800"}, "surrogates"),
        ({"page_size": 0}, "from 1 to 100"),
        ({"page_size": 101}, "from 1 to 100"),
        ({"page_size": True}, "from 1 to 100"),
        ({"page_size": None}, "from 1 to 100"),
        pytest.param({"page_size": 10**5_000}, "an int is not an integer from 1 to 100", id="5001 digits"),
        ({"max_items": -1}, "at least 0"),
        ({"prefetch": 2}, "2 is not an integer from 0 to 1"),
        ({"prefetch": True}, "from 0 to 1"),
        ({"max_items": 1.0}, "at least 0"),
    ],
)
def test_invalid_filters_are_rejected_with_what_to_pass(filters: dict[str, Any], hint: str) -> None:
    error = rejection(**filters)
    assert isinstance(error, ValueError)
    assert hint in str(error)
    assert error.field == list(filters)[-1]
    assert error.reason in str(error)
    assert error.value == filters[error.field]


def test_every_wrong_filter_is_reported_at_once() -> None:
    error = rejection(status="endd", call_to=[], page_size=500, sort_order="asc")
    assert [one.field for one in error.errors] == ["status", "call_to", "page_size"]
    assert str(error).count("\n") == 2


def test_an_unknown_filter_name_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="from_number"):
        Client("key").list_calls(from_number="010")  # type: ignore[call-arg] # on purpose


def test_all_known_enum_values_are_accepted() -> None:
    for field, kind in {
        "status": CallStatus,
        "call_type": CallType,
        "disconnection_reason": DisconnectionReason,
    }.items():
        assert parameters(**{field: kind})[field] == [member.value for member in kind]
    assert [parameters(sort_order=order)["sort_order"] for order in SortOrder] == ["asc", "desc"]
