"""Timing many things beside one reference: in short rounds, so that a busy moment of the machine meets all alike."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Mapping

import attrs


@attrs.frozen
class Times:
    """Seconds that a task took in each round, and that the reference took, just before and just after."""

    seconds: list[float] = attrs.field(factory=list)
    reference: list[float] = attrs.field(factory=list)

    @property
    def median(self) -> float:
        """Seconds, of the middle round."""
        return statistics.median(self.seconds)

    @property
    def ratio(self) -> float:
        """How many times as long as the reference, in the middle round."""
        return statistics.median(mine / other for mine, other in zip(self.seconds, self.reference, strict=True))

    @property
    def beyond(self) -> float:
        """How many seconds longer than the reference, in the middle round."""
        return statistics.median(mine - other for mine, other in zip(self.seconds, self.reference, strict=True))


def side_by_side(
    reference: Callable[[], object], tasks: Mapping[str, Callable[[], object]], rounds: int
) -> dict[str, Times]:
    """Each task once a round, with the reference before and after it."""
    taken = {name: Times() for name in tasks}
    for task in (reference, *tasks.values()):
        task()  # what is made on first use is not what is asked
    gc.collect()
    gc.freeze()  # the classes of one are no work for the others
    try:
        for _ in range(rounds):
            before = _timed(reference)
            for name, task in tasks.items():
                seconds = _timed(task)
                after = _timed(reference)
                taken[name].seconds.append(seconds)
                taken[name].reference.append((before + after) / 2)
                before = after
    finally:
        gc.unfreeze()
    return taken


def _timed(task: Callable[[], object]) -> float:
    gc.collect()
    began = time.perf_counter()
    task()
    return time.perf_counter() - began
