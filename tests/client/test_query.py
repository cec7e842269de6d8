"""Filters are normalised to what the API accepts; all invalid ones are rejected at once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vox_calls import CallStatus, CallType, Client, DisconnectionReason, InvalidQueryError, SortOrder
from vox_calls.query import Query, normalise_filters

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
        ({"agent_version": "v262"}, "together with exactly one agent_id"),
        ({"agent_id": [AGENT, UUID(int=5)], "agent_version": ["current"]}, "together with exactly one agent_id"),
        ({"agent_version": "262"}, "'262' is not a version; pass current, or v and a number"),
        ({"customer_id": [AGENT]}, "is not a UUID"),
        ({"campaign_id": "autumn"}, "'autumn' is not the number of a campaign"),
        ({"campaign_id": True}, "True is not an integer"),
        ({"duration_ms_min": -1}, "-1 is not an integer from 0"),
        ({"duration_ms_min": 1.5}, "1.5 is not an integer from 0"),
        ({"duration_ms_min": timedelta(seconds=-1)}, "is not an integer from 0"),
        ({"duration_ms_max": 2**63}, "is not an integer from 0"),
        ({"duration_ms_min": 2, "duration_ms_max": 1}, "it is below duration_ms_min, so no call can match"),
        ({"metadata": {}}, "pass 1 to 20 pairs of key and value; these are 0"),
        ({"metadata": {"a": [str(n) for n in range(21)]}}, "these are 21"),
        ({"metadata": {"a:b": "c"}}, "'a:b' is not a key that the API can compare: a text without a colon"),
        ({"metadata": {"a": True}}, "the value of 'a' is not a text"),
        ({"metadata": "source"}, "'source' is not a pair"),
        ({"metadata": ":crm"}, "'' is not a key"),
        ({"dynamic_variables": [5]}, "5 is not a pair"),
        ({"dynamic_variables": {"a": "\ud83d"}}, "surrogates"),
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


@pytest.mark.parametrize(
    ("pairs", "sent"),
    [
        ({"source": "crm"}, ["source:crm"]),
        ({"source": ["crm", "web", "crm"], "n": 5}, ["source:crm", "source:web", "n:5"]),
        ("url:https://x.test", ["url:https://x.test"]),
        (("a:1", "a:1", "b:"), ["a:1", "b:"]),
        ({"a": [str(n) for n in range(20)]}, [f"a:{n}" for n in range(20)]),
    ],
)
def test_pairs_are_sent_as_key_and_value(pairs: Any, sent: list[str]) -> None:
    assert normalise_filters({"metadata": pairs}) == {"metadata": sorted(sent)}


def test_durations_are_rounded_into_the_range() -> None:
    length = timedelta(seconds=1, microseconds=1)
    sent = normalise_filters({"duration_ms_min": length, "duration_ms_max": length + timedelta(seconds=1)})
    assert sent == {"duration_ms_min": 1_001, "duration_ms_max": 2_000}


def test_a_campaign_is_its_digits() -> None:
    sent = [normalise_filters({"campaign_id": value})["campaign_id"] for value in ("0042", 42)]
    assert sent == ["0042", "42"]


def test_all_known_enum_values_are_accepted() -> None:
    for field, kind in {
        "status": CallStatus,
        "call_type": CallType,
        "disconnection_reason": DisconnectionReason,
    }.items():
        assert parameters(**{field: kind})[field] == [member.value for member in kind]
    assert [parameters(sort_order=order)["sort_order"] for order in SortOrder] == ["asc", "desc"]
