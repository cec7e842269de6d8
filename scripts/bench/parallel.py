"""What reading at several places at once saves, by a clock that only waiting and the network move."""

from __future__ import annotations

import sys

from bench.figures import COUNT, Figure
from bench.models import ROOT

sys.path.append(str(ROOT / "tests"))  # the vendor below is theirs

from even_history import read_whole, soonest

HISTORIES = ((100, 0.3), (2_014, 0.3), (2_014, 1.0))
PARALLEL = 4
MOST = 1.1


def reading_parallel() -> list[Figure]:
    """For some histories, the time over the least that the limits allow, with `parallel` and without."""
    figures = []
    for pages, latency in HISTORIES:
        group = f"A history of {pages:,} pages, {latency:g} s a page, 5 a second and 120 a minute"
        least = soonest(pages, latency=latency)
        for parallel, most in ((1, None), (PARALLEL, MOST)):
            taken = read_whole(pages, latency=latency, parallel=parallel)
            note = f"{taken.seconds:,.0f} s, {least:,.0f} s"
            name = f"parallel={parallel}, to what the limits allow"
            figures.append(Figure(group, name, taken.seconds / least, note=note, at_most=most))
            if parallel == PARALLEL:
                figures.append(Figure(group, "429s", taken.refused, COUNT, at_most=0))
    return figures
