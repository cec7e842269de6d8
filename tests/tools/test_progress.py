"""Calls that progress with time: their state at any instant, and never backwards."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract import validate
from vox_calls import Call, CallStatus, CallType, Client, DisconnectionReason
from vox_calls_tools.sandbox import MisusedError, Sandbox, Settings, make_key
from vox_calls_tools.sandbox.handmade import handmade
from vox_calls_tools.sandbox.progress import Course, Progress, plan

START = 1_793_491_200_000
ORDER = [CallStatus.QUEUED, CallStatus.ONGOING]  # any other status is final
KNOWN_LATER = ["start_at", "end_at", "disconnection_reason", "recording_url", "call_analysis", "call_cost"]

spans = st.floats(0, 100_000) | st.timedeltas(timedelta(), timedelta(days=2))
given_fields = st.fixed_dictionaries(
    {"status": st.sampled_from(CallStatus)},
    optional={
        "disconnection_reason": st.none() | st.sampled_from(DisconnectionReason),
        "call_type": st.sampled_from(CallType),
        "opt_out_sensitive_data_storage": st.booleans(),
        "call_cost": st.none(),
    },
)


@st.composite
def courses(draw: st.DrawFn) -> Course:
    call = handmade(draw(given_fields), number=draw(st.integers(0, 10_000)), now=START)
    stretches = {name: draw(spans) for name in ("waits", "lasts", "analysis_after", "cost_after")}
    return plan(call, placed_at=START, **stretches)


def instants(course: Course) -> Iterator[int]:
    """Each instant at which something happens, and its neighbours."""
    for instant in (course.placed_at, course.connected_at, course.over_at, course.analysed_at, course.billed_at):
        if instant is not None:
            yield from (instant - 1, instant, instant + 1)


@given(courses(), st.lists(st.integers(START, START + 400_000_000)))
def test_a_progressing_call_always_fits_the_contract(course: Course, others: list[int]) -> None:
    for now in [*instants(course), *others]:
        look = course.look(now)
        assert (look is None) == (now < course.placed_at)
        if look is not None:
            validate(look, "Call")
            assert Call.from_dict(look).to_dict() == look


@given(courses())
def test_a_call_only_progresses_and_ends_as_planned(course: Course) -> None:
    looks = [look for now in sorted(instants(course)) if (look := course.look(now)) is not None]
    for earlier, later in pairwise(looks):
        assert rank(earlier) <= rank(later)
        for name in KNOWN_LATER:
            assert earlier[name] is None or earlier[name] == later[name], f"{name} was known and is no longer"
        assert {name for name in later if earlier[name] != later[name]} <= {"status", *KNOWN_LATER}
    if course.over_at is not None:
        assert looks[-1] == course.call


def rank(call: dict[str, Any]) -> int:
    return ORDER.index(call["status"]) if call["status"] in ORDER else len(ORDER)


@given(courses())
def test_fields_not_known_yet_are_null(course: Course) -> None:
    for now in instants(course):
        look = course.look(now)
        if look is None:
            continue
        nulls = {name for name in KNOWN_LATER if look[name] is None}
        if look["status"] == CallStatus.QUEUED:
            assert nulls == set(KNOWN_LATER)
        elif look["status"] == CallStatus.ONGOING:
            assert nulls == {*KNOWN_LATER} - {"start_at"}
            assert look["start_at"] <= now
        elif look["end_at"] is not None:
            assert look["end_at"] <= now


@given(courses(), st.lists(st.integers(-1_000, 400_000_000)))
def test_every_due_change_is_reported_once(course: Course, asked: list[int]) -> None:
    progress = Progress()
    progress.add(course)
    latest = None
    told: list[dict[str, Any]] = []
    for now in (START + offset for offset in asked):  # also with the clock set back
        due = progress.due(now)
        assert progress.due(now) == []
        told += due
        latest = now if latest is None else max(latest, now)
        expected = course.look(latest)
        assert (told[-1] if told else None) == expected


def test_durations_are_seconds_or_timedeltas_in_sequence() -> None:
    call = handmade({"id": "a"}, number=1, now=START)
    course = plan(call, placed_at=START, waits=2, lasts=timedelta(minutes=1), analysis_after=0.5, cost_after=3)
    assert (course.connected_at, course.over_at) == (START + 2_000, START + 62_000)
    assert (course.analysed_at, course.billed_at) == (START + 62_500, START + 65_000)
    assert Call.from_dict(course.call).duration == timedelta(minutes=1)


@pytest.mark.parametrize("status", ["canceled", "not_connected"])
def test_an_unconnected_call_waits_until_it_is_given_up(status: str) -> None:
    course = plan(handmade({"status": status}, number=1, now=START), placed_at=START, waits=30, lasts=90)
    statuses = [(course.look(START + seconds * 1_000) or {})["status"] for seconds in (0, 29, 30, 1_000)]
    assert statuses == ["queued", "queued", status, status]
    assert course.call["call_cost"] is None


@pytest.mark.parametrize("status", ["queued", "ongoing"])
def test_a_call_may_stay_in_its_state(status: str) -> None:
    course = plan(handmade({"status": status}, number=1, now=START), placed_at=START)
    assert (course.look(START + 10**12) or {})["status"] == status


@pytest.mark.parametrize(
    "span", [-1, math.nan, math.inf, True, "5", timedelta(seconds=-1), None, 10**400], ids=lambda span: str(span)[:9]
)
def test_an_invalid_duration_is_rejected_by_name(span: Any) -> None:
    with pytest.raises(MisusedError, match="cost_after must be seconds or a timedelta"):
        plan({"id": "a"}, placed_at=START, cost_after=span)


def test_a_sandbox_follows_its_clock() -> None:
    now = [START]
    course = plan(handmade({"id": "a"}, number=1, now=START), placed_at=START, waits=1, lasts=1)
    for settings in (Settings(make_key(), windows=(), now=lambda: now[0]), Settings(make_key(), windows=())):
        with Sandbox(settings=settings) as sandbox, Client(sandbox.api_key, base_url=sandbox.base_url) as client:
            sandbox.store.place(course)
            expected = ["queued"] if settings.now() == START else ["ended"] if settings.now() > START else []
            assert [call.status for call in client.list_calls()] == expected
            now[0] += 1_000
            assert [call.status for call in client.list_calls()] in (["ongoing"], expected)


def test_a_call_replaced_by_hand_stops_progressing(empty_sandbox: Sandbox) -> None:
    store = empty_sandbox.store
    course = plan(handmade({"id": "a"}, number=1, now=START), placed_at=START)

    def status_after(action: Any) -> str | None:
        store.place(course)
        store.go_on(START)
        action()
        store.go_on(START + 10**9)
        call = store.get("a")
        return None if call is None else call["status"]

    assert status_after(lambda: None) == "ended"
    assert status_after(lambda: store.add([{"id": "a", "status": "error"}])) == "error"
    assert status_after(lambda: store.remove("a")) is None
    assert status_after(store.clear) is None
