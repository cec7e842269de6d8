"""Timing many things beside one reference: in short rounds, so that a busy moment of the machine meets all alike."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Mapping

import attrs


@attrs.frozen
class Times:
    """Seconds that a task took in each round, and those of the reference, just before and just after."""

    seconds: list[float] = attrs.field(factory=list)
    reference: list[tuple[float, float]] = attrs.field(factory=list)

    @property
    def median(self) -> float:
        """Seconds, of the middle round."""
        return statistics.median(self.seconds)

    @property
    def ratio(self) -> float:
        """How many times as long as the reference, in the middle round."""
        return statistics.median(
            2 * mine / (before + after) for mine, (before, after) in zip(self.seconds, self.reference, strict=True)
        )


def side_by_side(tasks: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, Times]:
    """Each task once a round. The first one is the reference, which is there before and after each of the others."""
    reference, *others = tasks
    taken = {name: Times() for name in tasks}
    for task in tasks.values():
        task()  # what is made on first use is not what is asked
    gc.collect()
    gc.freeze()  # the classes of one are no work for the others
    try:
        for _ in range(rounds):
            before = _timed(tasks[reference])
            for name in others:
                seconds = _timed(tasks[name])
                after = _timed(tasks[reference])
                taken[name].seconds.append(seconds)
                taken[name].reference.append((before, after))
                taken[reference].seconds.append(before)
                taken[reference].reference.append((before, before))
                before = after
    finally:
        gc.unfreeze()
    return taken


def _timed(task: Callable[[], object]) -> float:
    gc.collect()
    began = time.perf_counter()
    task()
    return time.perf_counter() - began
