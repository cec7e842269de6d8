"""How long a page takes: the whole loop over a socket, and decoding alone."""

from __future__ import annotations

from collections.abc import Callable

from bench import contenders, generated, server
from bench.contenders import Loop
from bench.figures import Figure
from bench.models import agrees
from bench.pages import PAGE_SIZE, compact, made_up
from bench.rounds import Times, side_by_side

WHOLE = "Whole loop, to the bare loop"
DECODING = "Decoding a page, to pydantic-core"
PAGES = 5
ROUNDS = 40


class NotTheSameError(Exception):
    """Somebody reads other calls than there are, so that its time says nothing."""


def whole_loop(address: str) -> list[Figure]:
    """Everybody reads the same pages over a connection of their own that is kept."""
    base_url = server.history(address, PAGES * PAGE_SIZE)
    loops = contenders.loops()
    tasks = {loop.name: _reading(loop, base_url) for loop in loops}
    alone = "the server and the socket alone"
    tasks[alone] = lambda: server.exchange(base_url, PAGES)
    taken = side_by_side(tasks, ROUNDS)
    ratios = {name: times.ratio for name, times in taken.items()}
    figures = [_figure(WHOLE, loop.name, taken[loop.name], loop.at_most) for loop in loops]
    if why := generated.why_not():
        figures.append(Figure(WHOLE, contenders.GENERATOR, None, note=why))
    fastest = min((loop.name for loop in loops if loop.peer), key=lambda name: ratios[name])
    own = loops[1].name
    return [
        *figures,
        _figure(WHOLE, alone, taken[alone], None),
        Figure(WHOLE, f"{own}, to the fastest peer: {fastest}", ratios[own] / ratios[fastest], at_most=1.0),
    ]


def decoding() -> list[Figure]:
    """Everybody decodes the same pages."""
    pages = made_up()[:PAGES]
    bodies = [compact({"items": items, "total_count": PAGE_SIZE, "next_cursor": None}) for items in pages]
    ways = contenders.decodings()
    for way in ways:
        _require_same(way.name, way.calls(bodies[0]), pages[0])

    def task(calls: Callable[[bytes], list[object]]) -> Callable[[], object]:
        return lambda: [len(calls(body)) for body in bodies]

    tasks = {way.name: task(way.calls) for way in ways}
    taken = side_by_side(tasks, ROUNDS)
    return [_figure(DECODING, way.name, taken[way.name], way.at_most) for way in ways]


def page_size() -> int:
    """Bytes in a page, on average."""
    pages = made_up()
    return sum(len(compact(page)) for page in pages) // len(pages)


def _reading(loop: Loop, base_url: str) -> Callable[[], object]:
    calls, read = loop.open(base_url), loop.read
    _require_same(loop.name, list(calls()), [call for page in made_up()[:PAGES] for call in page])

    def task() -> None:
        for call in calls():
            read(call)

    return task


def _require_same(name: str, decoded: list[object], expected: list[dict[str, object]]) -> None:
    if not agrees(decoded, expected):
        raise NotTheSameError(f"{name} does not read the calls that there are")


def _figure(group: str, name: str, times: Times, at_most: float | None) -> Figure:
    return Figure(group, name, times.ratio, note=f"{times.median / PAGES * 1e3:.2f} ms a page", at_most=at_most)
