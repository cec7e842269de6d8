"""The report of the benchmark. Measuring needs other packages and is not tested here."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from bench import models, pages, reading, report, server
from bench.figures import COUNT, Figure, failures
from bench.rounds import Times, side_by_side
from contract import ROOT
from vox_calls import Call, Client

GOOD = Figure("Whole loop", "ours", 1.25, note="1.40 ms a page", at_most=1.25)
BAD = Figure("Reading ahead", "left behind", 1, COUNT, at_most=0)
NONE = Figure("Memory", "ours", None, "MB", "skipped: no /proc", at_most=10)
OTHER = Figure("Whole loop", "theirs", 99.0)


def test_a_figure_worse_than_its_target_fails() -> None:
    assert failures([GOOD, NONE, OTHER]) == []
    assert failures([GOOD, BAD, OTHER]) == ["Reading ahead: left behind: 1, the target is at most 0"]
    assert failures([Figure("Import", "ours", 25.1, "ms", at_most=25)]) == [
        "Import: ours: 25.1 ms, the target is at most 25 ms"
    ]


def test_a_figure_that_is_not_a_number_fails() -> None:
    assert failures([Figure("Import", "ours", float("nan"), "ms", at_most=25)])


def test_the_table_has_each_figure_under_its_group() -> None:
    assert report.table([GOOD, OTHER, BAD, NONE]).splitlines()[2:] == [
        "| **Whole loop** | | | |",
        "| ours | 1.25 | 1.40 ms a page | at most 1.25 |",
        "| theirs | 99.00 |  |  |",
        "| **Reading ahead** | | | |",
        "| left behind | 1 |  | at most 0, **missed** |",
        "| **Memory** | | | |",
        "| ours |  | skipped: no /proc | at most 10 MB |",
    ]


def test_a_ratio_is_the_median_of_its_rounds() -> None:
    times = Times([2.0, 90.0, 3.0], [(0.5, 1.5), (1.0, 1.0), (1.0, 1.0)])
    assert (times.ratio, times.median) == (3.0, 3.0)


def test_the_first_task_is_the_baseline() -> None:
    order: list[str] = []
    taken = side_by_side({name: partial(order.append, name) for name in "abc"}, rounds=2)
    assert "".join(order) == "abc" + "abaca" * 2
    assert taken["a"].ratio == 1.0
    assert [len(times.seconds) for times in taken.values()] == [4, 2, 2]


def test_only_text_between_the_markers_is_replaced(tmp_path: Path) -> None:
    file = tmp_path / "page.md"
    file.write_text(f"before\n\n{report.BEGIN}\nold\n{report.END}\n\nafter | 통화\n", encoding="utf-8")
    report.write(file, "| new |\n")
    once = file.read_bytes()
    assert once.decode() == f"before\n\n{report.BEGIN}\n\n| new |\n\n{report.END}\n\nafter | 통화\n"
    report.write(file, "| new |")
    assert file.read_bytes() == once


@pytest.mark.parametrize(
    "text", ["none", report.BEGIN, f"{report.END}\n{report.BEGIN}", f"{report.BEGIN}{report.END}" * 2]
)
def test_a_file_without_markers_is_not_changed(text: str, tmp_path: Path) -> None:
    file = tmp_path / "page.md"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(report.ReportError, match=r"page\.md needs a line"):
        report.write(file, "new")
    assert file.read_text(encoding="utf-8") == text


@pytest.mark.parametrize("page", report.PAGES)
def test_the_page_has_the_markers(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    assert 0 < text.index(report.BEGIN) < text.index(report.END)


def test_the_server_gives_a_history_of_any_length_page_by_page() -> None:
    made = [call for page in pages.made_up() for call in page]
    with server.running() as address:
        with Client("key", base_url=server.history(address, 2_150), rate_limit=None) as client:
            calls = list(client.list_calls())
        server.exchange(server.history(address, 200), 2)
    assert models.agrees(calls, [*made, *made[:150]])


@pytest.mark.parametrize(
    "change",
    [
        lambda call: call.update(id="another"),
        lambda call: call["dynamic_variables"].popitem(),
        lambda call: call["agent"].update(agent_version="v0"),
        lambda call: call.update(start_at=1),
    ],
)
def test_a_single_wrong_value_is_noticed(change: Callable[[dict[str, object]], object]) -> None:
    wire = pages.made_up()[0][0]
    call = Call.from_dict(pages.made_up()[0][0])
    assert models.agrees(call, wire)
    change(wire)
    assert not models.agrees(call, wire)


def test_every_field_of_a_call_is_read() -> None:
    seen: set[str] = set()

    class Watched(Call):
        def __getattribute__(self, name: str) -> object:
            seen.add(name)
            return super().__getattribute__(name)

    reading.reader_of(Call)(Watched.from_dict(pages.made_up()[0][0]))
    assert pages.made_up()[0][0].keys() <= seen
