"""Every call is yielded once, or an error has the cursor to resume from."""

from __future__ import annotations

from typing import Any

import pytest

from scripted import World, answer, call, listing, page
from vox_calls import (
    Call,
    InvalidResponseError,
    Page,
    VoxCallsError,
)


def read(world: World, **options: Any) -> tuple[list[str], str | None, VoxCallsError | None]:
    """The ids yielded, the resume cursor, and the error if any."""
    way = listing(world, **options)
    ids: list[str] = []
    error = None
    try:
        world.calls(way, lambda got: ids.append(got.id))
    except VoxCallsError as raised:
        error = raised
    return ids, way.cursor, error


def test_an_undecodable_call_raises_after_those_before_it() -> None:
    bad = call("c", start_at="2024")
    ids, cursor, error = read(World([page("a", cursor="A"), page("b", bad, "d", cursor="B")]))
    assert ids == ["a", "b"]
    assert isinstance(error, InvalidResponseError)
    assert (error.path, error.raw, error.cursor, cursor) == ("items[1].start_at", bad, "A", "A")


def test_on_invalid_receives_undecodable_calls_and_continues() -> None:
    rejected: list[InvalidResponseError] = []
    world = World([page("a", 5, cursor="A"), page({"id": "b"}), page("never")])
    ids, cursor, error = read(world, on_invalid=rejected.append)
    assert (ids, cursor, error) == (["a"], None, None)
    assert [(one.path, one.raw, one.cursor) for one in rejected] == [
        ("items[1]", 5, None),
        ("items[0].agent", {"id": "b"}, "A"),
    ]


@pytest.mark.parametrize(
    ("summary", "read_as"),
    [(b"cut \\ud83d", "cut \ud83d"), (b"\\ud83d", "\ud83d"), (b"bad \xff byte", "bad \ufffd byte")],
)
def test_invalid_unicode_in_text_loses_only_the_character(summary: bytes, read_as: str) -> None:
    body = page("a", call("b", call_analysis={"summary": "HERE"}), "c").content.replace(b"HERE", summary)
    got: list[Call] = []
    world = World([answer(200, body)])
    world.calls(listing(world), got.append)
    assert [one.id for one in got] == ["a", "b", "c"]
    assert got[1].call_analysis is not None
    assert got[1].call_analysis.summary == read_as


def test_invalid_unicode_in_a_typed_field_loses_only_the_call() -> None:
    rejected: list[InvalidResponseError] = []
    body = page("a", call("b", agent={"agent_id": "HERE"}), "c").content.replace(b"HERE", b"\\ud83d")
    assert read(World([answer(200, body)]), on_invalid=rejected.append)[0] == ["a", "c"]
    assert [error.path for error in rejected] == ["items[1].agent.agent_id"]
    assert rejected[0].raw == call("b", agent={"agent_id": "\ud83d"})


def pages(world: World, **options: Any) -> tuple[list[Page], str | None, VoxCallsError | None]:
    way = listing(world, **options)
    got: list[Page] = []
    error = None
    try:
        world.pages(way, got.append)
    except VoxCallsError as raised:
        error = raised
    return got, way.cursor, error


def test_pages_carry_their_items_count_and_cursor() -> None:
    got, cursor, error = pages(World([page("a", "b", cursor="A", total_count=3), page("c", total_count=4, extra=1)]))
    assert [([one.id for one in each.items], each.total_count, each.next_cursor) for each in got] == [
        (["a", "b"], 3, "A"),
        (["c"], 4, None),
    ]
    assert all(isinstance(one, Call) for each in got for one in each.items)
    assert got[1].additional_properties == {"extra": 1}
    assert (cursor, error) == (None, None)


def test_a_page_with_an_undecodable_call_is_not_yielded() -> None:
    got, cursor, error = pages(World([page("a", cursor="A"), page("b", 5, cursor="B")]))
    assert [one.id for each in got for one in each.items] == ["a"]
    assert isinstance(error, InvalidResponseError)
    assert error.cursor == cursor == "A"

    rejected: list[InvalidResponseError] = []
    got, cursor, error = pages(World([page("a", cursor="A"), page("b", 5)]), on_invalid=rejected.append)
    assert [one.id for each in got for one in each.items] == ["a", "b"]
    assert [one.path for one in rejected] == ["items[1]"]
    assert (cursor, error) == (None, None)
