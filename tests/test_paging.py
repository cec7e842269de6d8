"""Every call once, or an error that says where to read on."""

from __future__ import annotations

from typing import Any

import pytest

from scripted import World, answer, call, listing, lost, page
from vox_calls import (
    Call,
    InvalidResponseError,
    Page,
    PaginationError,
    ServerError,
    TransportError,
    UnknownEnumValueError,
    VoxCallsError,
)


def read(world: World, **options: Any) -> tuple[list[str], str | None, VoxCallsError | None]:
    """The ids that came out, where to read on, and the error that ended it."""
    way = listing(world, **options)
    ids: list[str] = []
    error = None
    try:
        world.run(way.calls(), lambda got: ids.append(got.id))
    except VoxCallsError as raised:
        error = raised
    return ids, way.cursor, error


def test_pages_are_followed_to_a_null_cursor() -> None:
    world = World([page("a", "b", cursor="1"), page("c", "d", cursor="2"), page("e")])
    assert read(world, status="ended") == (["a", "b", "c", "d", "e"], None, None)
    assert world.sent == [
        {"status": ["ended"], "limit": 2},
        {"status": ["ended"], "cursor": "1", "limit": 2},
        {"status": ["ended"], "cursor": "2", "limit": 2},
    ]


def test_an_absent_cursor_is_the_end_and_an_empty_page_is_not() -> None:
    world = World(
        [page(cursor="1"), page("a", cursor="2"), page(cursor="3"), answer(body={"items": [], "total_count": 9})]
    )
    assert read(world) == (["a"], None, None)
    assert len(world.sent) == 4


def test_a_cursor_goes_back_byte_for_byte() -> None:
    odd = "a+b/c==&d e%20é\n"
    world = World([page("a", cursor=odd), page("b")])
    assert read(world)[0] == ["a", "b"]
    assert world.sent[1]["cursor"] == odd


def test_total_count_is_never_taken_for_the_end() -> None:
    world = World([page("a", "b", cursor="1", total_count=0), page("c", total_count=1)])
    assert read(world)[0] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("cursors", "handed_out", "resume"),
    [
        (["A", "A"], ["0"], "A"),
        (["A", "B", "A"], ["0", "1"], "B"),
        (["A", "B", "C", "B"], ["0", "1", "2"], "C"),
    ],
)
def test_a_cursor_that_comes_again_at_any_distance_is_an_error(
    cursors: list[str], handed_out: list[str], resume: str
) -> None:
    world = World([page(str(number), cursor=cursor) for number, cursor in enumerate(cursors)])
    ids, cursor, error = read(world)
    # The page with the bad cursor is not handed out: reading on from where the error says repeats nothing.
    assert ids == handed_out
    assert isinstance(error, PaginationError)
    assert error.cursor == cursor == resume


def test_the_cursor_that_an_iteration_began_with_counts_as_seen() -> None:
    assert isinstance(read(World([page("a", cursor="A")]), cursor="A")[2], PaginationError)


def test_a_cursor_that_came_damaged_is_not_sent_back() -> None:
    damaged = page("b", cursor="a?b").content.replace(b"a?b", b"a\xffb")
    ids, resume, error = read(World([page("a", cursor="A"), answer(200, damaged)]))
    assert ids == ["a"]
    assert isinstance(error, InvalidResponseError)
    assert (error.path, error.cursor, resume) == ("next_cursor", "A", "A")


@pytest.mark.parametrize(("cursor", "path"), [("", "next_cursor"), (5, "next_cursor"), (["x"], "next_cursor")])
def test_a_cursor_that_is_neither_a_string_nor_null_is_an_error(cursor: object, path: str) -> None:
    ids, resume, error = read(World([page("a", cursor="A"), page("b", cursor=cursor)]))
    assert ids == ["a"]
    assert isinstance(error, InvalidResponseError)
    assert (error.path, error.cursor, resume) == (path, "A", "A")


@pytest.mark.parametrize(
    ("most", "ids", "requests", "resume"),
    [
        (0, "", 0, None),
        (1, "a", 1, "A"),
        (2, "ab", 1, "A"),
        (3, "abc", 2, "A"),
        (4, "abcd", 2, "B"),
        (5, "abcde", 3, None),
        (9, "abcde", 3, None),
    ],
)
def test_max_items_fetches_no_page_that_it_does_not_need(
    most: int, ids: str, requests: int, resume: str | None
) -> None:
    answers = [page("a", "b", cursor="A"), page("c", "d", cursor="B"), page("e")]
    if most == 1:
        answers = [page("a", cursor="A")]
    world = World(answers)
    assert read(world, max_items=most) == (list(ids), resume, None)
    assert len(world.sent) == requests


@pytest.mark.parametrize("fault", [answer(500, b"oops"), lost(), answer(200, b"{")])
def test_an_error_says_where_to_read_on_and_loses_nothing_that_was_read(fault: Any) -> None:
    ids, cursor, error = read(World([page("a", "b", cursor="A"), page("c", cursor="B"), fault]))
    assert ids == ["a", "b", "c"]
    assert isinstance(error, ServerError | TransportError | InvalidResponseError)
    assert error.cursor == cursor == "B"
    assert read(World([page("d")]), cursor=cursor)[0] == ["d"]


def test_an_error_on_page_one_has_no_cursor() -> None:
    assert read(World([answer(500)]))[1:2] == (None,)


def test_nothing_is_lost_or_repeated_across_a_retry() -> None:
    world = World(
        [page("a", "b", cursor="A"), answer(503), lost(), page("c", "d", cursor="B"), answer(429), page("e")], retries=2
    )
    assert read(world) == (["a", "b", "c", "d", "e"], None, None)
    assert [sent.get("cursor") for sent in world.sent] == [None, "A", "A", "A", "B", "B"]


def test_a_call_that_cannot_be_decoded_is_raised_when_those_before_it_are_out() -> None:
    bad = call("c", start_at="2024")
    ids, cursor, error = read(World([page("a", cursor="A"), page("b", bad, "d", cursor="B")]))
    assert ids == ["a", "b"]
    assert isinstance(error, InvalidResponseError)
    assert (error.path, error.raw, error.cursor, cursor) == ("items[1].start_at", bad, "A", "A")


def test_on_invalid_takes_what_cannot_be_decoded_and_the_iteration_goes_on() -> None:
    refused: list[InvalidResponseError] = []
    world = World([page("a", 5, cursor="A"), page({"id": "b"}), page("never")])
    ids, cursor, error = read(world, on_invalid=refused.append)
    assert (ids, cursor, error) == (["a"], None, None)
    assert [(one.path, one.raw, one.cursor) for one in refused] == [
        ("items[1]", 5, None),
        ("items[0].agent", {"id": "b"}, "A"),
    ]


def test_an_unknown_enum_value_is_no_error_unless_enums_are_strict() -> None:
    odd = call("b", status="registered")
    assert read(World([page("a", odd, "c")]))[0] == ["a", "b", "c"]
    ids, _, error = read(World([page("a", odd, "c")]), strict=True)
    assert ids == ["a"]
    assert isinstance(error, UnknownEnumValueError)
    assert error.path == "items[1].status"


@pytest.mark.parametrize(
    ("summary", "read_as"),
    [(b"cut \\ud83d", "cut \ud83d"), (b"\\ud83d", "\ud83d"), (b"bad \xff byte", "bad \ufffd byte")],
)
def test_a_character_that_is_not_valid_unicode_costs_itself_and_not_the_page(summary: bytes, read_as: str) -> None:
    body = page("a", call("b", call_analysis={"summary": "HERE"}), "c").content.replace(b"HERE", summary)
    got: list[Call] = []
    world = World([answer(200, body)])
    world.run(listing(world).calls(), got.append)
    assert [one.id for one in got] == ["a", "b", "c"]
    assert got[1].call_analysis is not None
    assert got[1].call_analysis.summary == read_as


def test_a_character_that_is_not_valid_unicode_where_no_text_belongs_costs_its_call() -> None:
    refused: list[InvalidResponseError] = []
    body = page("a", call("b", agent={"agent_id": "HERE"}), "c").content.replace(b"HERE", b"\\ud83d")
    assert read(World([answer(200, body)]), on_invalid=refused.append)[0] == ["a", "c"]
    assert [error.path for error in refused] == ["items[1]"]


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (b"", ""),
        (b"<html>", ""),
        (b"\xff", ""),
        (b"[" * 100_000, ""),
        ([], ""),
        ({}, "items"),
        ({"total_count": 0, "next_cursor": None}, "items"),
        ({"items": None, "total_count": 1}, "items"),
        ({"items": {}, "total_count": 1}, "items"),
        ({"items": []}, "total_count"),
        ({"items": [], "total_count": "many"}, "total_count"),
    ],
)
def test_what_is_no_page_is_told_with_what_is_wrong(body: object, path: str) -> None:
    ids, _, error = read(World([answer(200, body)]))
    assert ids == []
    assert isinstance(error, InvalidResponseError)
    if path:
        assert error.path == path


def test_the_end_can_be_told_from_the_beginning() -> None:
    world = World([page("a", cursor="A"), page("b")])
    way = listing(world)
    assert (way.cursor, way.finished) == (None, False)
    seen: list[tuple[str | None, bool]] = []
    world.run(way.calls(), lambda _: seen.append((way.cursor, way.finished)))
    assert seen == [("A", False), (None, True)]
    for most, finished in ((1, False), (2, True)):
        world = World([page("a", cursor="A"), page("b")])
        way = listing(world, max_items=most, page_size=1)
        world.run(way.pages(), lambda _: None)
        assert way.finished is finished


def pages(world: World, **options: Any) -> tuple[list[Page], str | None, VoxCallsError | None]:
    way = listing(world, **options)
    got: list[Page] = []
    error = None
    try:
        world.run(way.pages(), got.append)
    except VoxCallsError as raised:
        error = raised
    return got, way.cursor, error


def test_pages_are_handed_out_whole_with_their_count_and_cursor() -> None:
    got, cursor, error = pages(World([page("a", "b", cursor="A", total_count=3), page("c", total_count=4, extra=1)]))
    assert [([one.id for one in each.items], each.total_count, each.next_cursor) for each in got] == [
        (["a", "b"], 3, "A"),
        (["c"], 4, None),
    ]
    assert all(isinstance(one, Call) for each in got for one in each.items)
    assert got[1].additional_properties == {"extra": 1}
    assert (cursor, error) == (None, None)


def test_max_items_cuts_the_last_page_short_and_the_cursor_stays_on_it() -> None:
    got, cursor, _ = pages(World([page("a", "b", cursor="A"), page("c", "d", cursor="B")]), max_items=3)
    assert [[one.id for one in each.items] for each in got] == [["a", "b"], ["c"]]
    assert cursor == "A"


def test_a_page_with_a_call_that_cannot_be_decoded_is_not_taken_for_the_whole() -> None:
    got, cursor, error = pages(World([page("a", cursor="A"), page("b", 5, cursor="B")]))
    assert [one.id for each in got for one in each.items] == ["a"]
    assert isinstance(error, InvalidResponseError)
    assert error.cursor == cursor == "A"

    refused: list[InvalidResponseError] = []
    got, cursor, error = pages(World([page("a", cursor="A"), page("b", 5)]), on_invalid=refused.append)
    assert [one.id for each in got for one in each.items] == ["a", "b"]
    assert [one.path for one in refused] == ["items[1]"]
    assert (cursor, error) == (None, None)
