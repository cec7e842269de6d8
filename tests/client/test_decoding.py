"""Decoding: strict types, a path for every invalid value, unknown fields and values kept."""

from __future__ import annotations

import copy
import json
import logging
import pickle
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import Enum, StrEnum
from typing import Any
from uuid import UUID

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripted import call
from vox_calls import Call, CallStatus, InvalidResponseError, UnknownEnumValueError
from vox_calls._decoding import decoder_of
from vox_calls._fields import fields_of
from vox_calls.enums import UnknownValues
from vox_calls.models import _require_own_names, read_page
from vox_calls_raw.models import CallAgent, CallCost
from vox_calls_tools.sandbox import synthetic_calls

FULL: dict[str, Any] = call(
    "a",
    disconnection_reason="user_hangup",
    from_number="01012345678",
    to_number=None,
    presentation_number=None,
    start_at=1_793_491_200_000,
    end_at=1_793_491_294_500,
    recording_url="https://recordings.example/secret",
    metadata={"user_id": 5},
    dynamic_variables={"fs-support": True, "nested": {"a": [1, None]}},
    call_analysis={"summary": "안녕하세요", "user_sentiment": "neutral", "custom_analysis_data": [{"k": "v"}]},
    call_cost={"total_cost": "150.00"},
    variant_label="b",
    opt_out_sensitive_data_storage=False,
)


def changed(path: str, value: object) -> dict[str, Any]:
    item = copy.deepcopy(FULL)
    *outer, last = path.split(".")
    target = item
    for key in outer:
        target = target[key]
    target[last] = value
    return item


def test_a_call_has_wire_fields_and_derived_ones() -> None:
    decoded = Call.from_dict(FULL)

    assert decoded.status is CallStatus.ENDED
    assert decoded.agent.agent_id == UUID("7c0a4c61-8a31-4f57-9f0e-2f1d4be0a4d2")
    assert decoded.start_at == 1_793_491_200_000
    assert decoded.started_at == datetime(2026, 11, 1, tzinfo=UTC)
    assert decoded.ended_at == datetime(2026, 11, 1, 0, 1, 34, 500_000, tzinfo=UTC)
    assert decoded.duration == timedelta(seconds=94.5)
    assert decoded.cost == Decimal("150.00")
    assert decoded.metadata["user_id"] == decoded.metadata.get("user_id") == 5
    assert dict(decoded.dynamic_variables) == FULL["dynamic_variables"]
    assert decoded.call_analysis is not None
    assert decoded.call_analysis.custom_analysis_data == [{"k": "v"}]
    assert decoded.to_dict() == FULL
    assert json.loads(json.dumps(decoded.to_dict())) == FULL


ITEMS: list[Any] = [
    FULL,
    call("b"),
    changed("unheard_of", {"name": "a"}),
    changed("agent.name", "a"),
    changed("call_analysis.mood", 5),
    changed("call_cost", None),
    changed("status", "ringing"),
    changed("disconnection_reason", "bored"),
    changed("start_at", "yesterday"),
    changed("start_at", 1.7e12),
    changed("agent.agent_id", None),
    changed("variant_label", "\ud83d"),
    None,
]


def decode(item: Any, *, path: str = "", unknown: UnknownValues | None = None) -> Call:
    """One item of a page."""
    decoded = decoder_of(Call).decode(item, path=path, unknown=unknown)
    decoded._keep(item)
    return decoded


@given(st.lists(st.sampled_from(ITEMS), max_size=6), st.booleans())
def test_a_list_decodes_as_its_items_do(items: list[Any], strict: bool) -> None:
    def one(item: object, position: int) -> Call | InvalidResponseError:
        try:
            return decode(item, path=f"items[{position}]", unknown=UnknownValues(strict=strict))
        except InvalidResponseError as error:
            return error

    def told(outcome: Call | InvalidResponseError) -> object:
        if isinstance(outcome, Call):
            return outcome, outcome.additional_properties, outcome.to_dict()
        return type(outcome), str(outcome)

    alone = [one(item, position) for position, item in enumerate(items)]
    together = read_page({"items": items, "total_count": 0, "next_cursor": None}, UnknownValues(strict=strict))[1]
    assert [told(outcome) for outcome in together] == [told(outcome) for outcome in alone]


def test_absent_optional_fields_are_null_or_empty() -> None:
    decoded = Call.from_dict(call("a", call_analysis={}, call_cost={}))

    assert (decoded.disconnection_reason, decoded.recording_url, decoded.variant_label) == (None, None, None)
    assert (decoded.started_at, decoded.ended_at, decoded.duration, decoded.cost) == (None, None, None, None)
    assert decoded.opt_out_sensitive_data_storage is None
    assert decoded.metadata == decoded.dynamic_variables == {}
    assert decoded.call_analysis is not None
    assert decoded.call_analysis.summary is None
    assert decoded.call_analysis.custom_analysis_data is None
    assert decoded.to_dict() == call("a", call_analysis={}, call_cost={})


@pytest.mark.parametrize("name", ["id", "agent", "call_type", "status"])
def test_a_missing_required_field_is_named(name: str) -> None:
    item = {key: value for key, value in FULL.items() if key != name}
    with pytest.raises(InvalidResponseError) as caught:
        decode(item, path="items[3]")
    assert caught.value.path == f"items[3].{name}"
    assert caught.value.raw == item


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("start_at", "2024"),
        ("start_at", 1.5),
        ("start_at", True),
        ("id", None),
        ("id", 5),
        ("status", None),
        ("status", 5),
        ("disconnection_reason", 5),
        ("agent", None),
        ("agent.agent_id", "not a uuid"),
        ("agent.agent_version", 262),
        ("metadata", None),
        ("metadata", []),
        ("dynamic_variables", "x"),
        ("call_analysis", []),
        ("call_analysis.summary", 5),
        ("call_analysis.custom_analysis_data", 5),
        ("call_analysis.custom_analysis_data", "x"),
        ("call_cost", "150.00"),
        ("call_cost.total_cost", True),
        ("opt_out_sensitive_data_storage", "false"),
    ],
)
def test_a_wrong_type_reports_its_path_but_not_its_value(path: str, value: object) -> None:
    with pytest.raises(InvalidResponseError) as caught:
        decode(changed(path, value), path="items[3]")
    assert caught.value.path == f"items[3].{path}"
    assert "not a uuid" not in str(caught.value)


@pytest.mark.parametrize("data", [[], [{"name": "a", "value": 1}], {"a": {"b": 1}}, None])
def test_custom_analysis_data_comes_in_any_shape(data: object) -> None:
    decoded = decode(changed("call_analysis.custom_analysis_data", data))
    assert decoded.call_analysis is not None
    assert decoded.call_analysis.custom_analysis_data == data
    assert decoded.to_dict()["call_analysis"]["custom_analysis_data"] == data


@pytest.mark.parametrize(
    ("total", "cost"),
    [("150.00", "150.00"), (150, "150"), (150.25, "150.25"), (0.1, "0.1"), (1234567890.12, "1234567890.12")],
)
def test_the_cost_is_exact_as_text_and_as_a_number(total: object, cost: str) -> None:
    assert decode(changed("call_cost.total_cost", total)).cost == Decimal(cost)


@pytest.mark.parametrize("item", [None, 5, "x", [], True])
def test_a_call_that_is_not_an_object_is_invalid(item: object) -> None:
    with pytest.raises(InvalidResponseError, match=r"items\[0\]: Expected `object`"):
        decode(item, path="items[0]")


def test_an_invalid_list_item_reports_its_index() -> None:
    with pytest.raises(InvalidResponseError) as caught:
        Call.from_dict(changed("call_analysis.custom_analysis_data", [{}, 5]))
    assert caught.value.path == "call_analysis.custom_analysis_data[1]"


@pytest.mark.parametrize("where", ["", "agent.", "call_analysis.", "call_cost."])
@pytest.mark.parametrize("name", ["brand_new", "additional_properties", "_json", "self"])
def test_unknown_fields_are_kept_at_any_depth(where: str, name: str) -> None:
    item = changed(f"{where}{name}", [1, {"a": None}])
    decoded: Any = Call.from_dict(item)
    holder = getattr(decoded, where.rstrip(".")) if where else decoded
    assert holder.additional_properties == {name: [1, {"a": None}]}
    assert decoded.to_dict() == item


def test_unknown_enum_values_are_kept_and_warn_once_each(caplog: pytest.LogCaptureFixture) -> None:
    unknown = UnknownValues()
    item = FULL | {"status": "registered", "call_type": "unit_test", "disconnection_reason": "ENDED"}
    with caplog.at_level(logging.WARNING, logger="vox_calls"):
        decoded = [decode(item, unknown=unknown) for _ in range(3)]

    status = decoded[0].status
    assert status == "registered" == str(status)
    assert not status.is_known
    assert decoded[0].call_type == "unit_test"
    assert decoded[0].disconnection_reason == "ENDED"
    assert [record.getMessage().split()[1] for record in caplog.records] == ["'unit_test'", "'registered'", "'ENDED'"]


def test_a_member_name_is_not_a_known_enum_value() -> None:
    assert not CallStatus("ENDED").is_known
    assert CallStatus.ENDED.is_known
    assert CallStatus("ENDED") != CallStatus.ENDED


def test_an_unknown_enum_value_survives_pickling_and_copying() -> None:
    unknown = CallStatus("registered")
    for twin in (pickle.loads(pickle.dumps(unknown)), copy.copy(unknown), copy.deepcopy(unknown)):
        assert twin == unknown
        assert isinstance(twin, CallStatus)
        assert not twin.is_known
    assert {unknown: 1}["registered"] == 1  # type: ignore[index] # a str like any other
    assert json.dumps({"status": unknown}) == '{"status": "registered"}'


def test_strict_enums_reject_unknown_values_with_their_path() -> None:
    with pytest.raises(UnknownEnumValueError) as caught:
        decode(FULL | {"disconnection_reason": "new"}, path="items[9]", unknown=UnknownValues(strict=True))
    assert str(caught.value) == "items[9].disconnection_reason: DisconnectionReason has no value 'new'"
    assert caught.value.raw == FULL | {"disconnection_reason": "new"}


@pytest.mark.parametrize("total", ["", "free", "1,500.00", "NaN", "1e3", "1_000", "٣", " 1"])
def test_an_invalid_cost_only_loses_the_cost(total: str) -> None:
    decoded = Call.from_dict(FULL | {"call_cost": {"total_cost": total}})
    assert decoded.id == "a"
    with pytest.raises(InvalidResponseError) as caught:
        _ = decoded.cost
    assert caught.value.path == "call_cost.total_cost"


@pytest.mark.parametrize("ms", [-1, 10**15, 10**18])
def test_an_invalid_start_only_loses_the_start(ms: int) -> None:
    decoded = Call.from_dict(FULL | {"start_at": ms})
    assert decoded.start_at == ms
    with pytest.raises(InvalidResponseError) as caught:
        _ = decoded.started_at
    assert caught.value.path == "start_at"


def test_repr_hides_numbers_transcripts_and_recordings() -> None:
    shown = repr(Call.from_dict(FULL))
    assert "'a'" in shown
    assert not any(secret in shown for secret in ("secret", "01012345678", "안녕"))


def test_a_handmade_call_serialises_to_json() -> None:
    made = Call.from_dict(FULL)
    by_hand = Call(**{field.name: getattr(made, field.name) for field in fields_of(Call)})
    assert by_hand == made
    assert by_hand.to_dict().items() >= FULL.items()


def test_synthetic_calls_survive_a_round_trip() -> None:
    for item in synthetic_calls(500, seed=3, until=datetime(2026, 11, 1, tzinfo=UTC)):
        assert decode(item, unknown=UnknownValues(strict=True)).to_dict() == item


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
PATHS = [*FULL, "agent.agent_id", "call_analysis.summary", "call_analysis.custom_analysis_data", "call_cost.total_cost"]


@given(st.sampled_from(PATHS), JSON)
def test_any_value_is_decoded_or_reported_by_its_path(path: str, value: object) -> None:
    item = changed(path, value)
    before = copy.deepcopy(item)
    try:
        decoded = decode(item, path="items[0]")
    except InvalidResponseError as error:
        assert error.path.startswith(f"items[0].{path}")  # noqa: PT017 - either outcome is fine
    else:
        assert decoded.to_dict() == before
    assert item == before


def test_a_wire_field_must_not_shadow_a_derived_one() -> None:
    with pytest.raises(TypeError, match="a field with a name of the overlay: duration"):

        @attrs.define(field_transformer=_require_own_names)
        class Call(Taken):
            def duration(self) -> None: ...


@attrs.define
class Taken:
    duration: Any = None


class Mood(StrEnum):
    GOOD = "good"

    @classmethod
    def _missing_(cls, value: object) -> Mood:
        member = str.__new__(cls, value)
        member._value_ = str(value)
        return member


@attrs.define
class Line:
    mood: Mood
    additional_properties: dict[str, Any] = attrs.field(init=False, factory=dict)


@attrs.define
class Talk:
    """A future shape of the contract: lists of enum values and of objects."""

    moods: list[Mood]
    lines: list[Line | None] | None
    additional_properties: dict[str, Any] = attrs.field(init=False, factory=dict)


class Noted(UnknownValues):
    """Notes what is reported."""

    def __init__(self) -> None:
        super().__init__()
        self.noted: list[tuple[str, str]] = []

    def report(self, path: str, kind: type[Enum], value: str) -> None:
        self.noted.append((path, value))
        assert issubclass(kind, Mood)


@pytest.mark.parametrize(
    ("plain", "noted"),
    [
        ({"moods": ["good"], "lines": [{"mood": "good"}, None]}, []),
        ({"moods": [], "lines": None}, []),
        ({"moods": ["bad"], "lines": []}, [("talks[1].moods[0]", "bad")]),
        ({"moods": [], "lines": [None, {"mood": "odd"}]}, [("talks[1].lines[1].mood", "odd")]),
    ],
)
def test_unknown_values_in_lists_are_found(plain: dict[str, Any], noted: list[tuple[str, str]]) -> None:
    unknown = Noted()
    decoded = decoder_of(Talk).decode_all([{"moods": [], "lines": []}, plain], path="talks", unknown=unknown)
    assert unknown.noted == noted
    assert [type(each) for each in decoded] == [Talk, Talk]


def test_unknown_fields_in_lists_are_kept() -> None:
    plain = {"moods": [], "lines": [None, {"mood": "good", "tone": 1}], "new": 1}
    talk = decoder_of(Talk).decode(plain)
    assert talk.additional_properties == {"new": 1}
    assert talk.lines is not None
    assert [line and line.additional_properties for line in talk.lines] == [None, {"tone": 1}]


class Agents(dict[str, "CallAgent"]):
    """A free-form object as the generator's template would write it."""


class Numbers(dict[str, int]):
    """A free-form object of numbers."""


@attrs.define
class Floor:
    agents: Agents
    seats: Numbers


AGENT: dict[str, Any] = FULL["agent"]


def test_values_of_free_form_objects_are_decoded() -> None:
    floor = decoder_of(Floor).decode({"agents": {"a": {**AGENT, "extra": 1}}, "seats": {"1": 5}})
    assert floor.agents["a"].agent_id == UUID(AGENT["agent_id"])
    assert floor.agents["a"].additional_properties == {"extra": 1}
    assert floor.seats == {"1": 5}


@pytest.mark.parametrize(
    ("agents", "seats", "path"),
    [
        ({"a": {"agent_id": 5, "agent_version": "v1"}}, {}, "agents"),
        ({}, {"1": "five"}, "seats"),
        ({}, [], "seats"),
    ],
)
def test_an_invalid_value_in_a_free_form_object_has_a_path(agents: Any, seats: Any, path: str) -> None:
    with pytest.raises(InvalidResponseError) as caught:
        decoder_of(Floor).decode({"agents": agents, "seats": seats})
    assert caught.value.path == path


@attrs.define
class Undecodable:
    either: CallAgent | CallCost


def test_an_undecodable_schema_fails_when_building_the_decoder() -> None:
    with pytest.raises(TypeError, match="Undecodable of the contract has a field that cannot be decoded"):
        decoder_of(Undecodable)


@attrs.define
class Foreign:
    place: complex


def test_an_unexpected_object_is_reported() -> None:
    with pytest.raises(InvalidResponseError, match="place: Expected `complex`, got `object`"):
        decoder_of(Foreign).decode({"place": {}})
