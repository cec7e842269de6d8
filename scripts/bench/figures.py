"""What was measured, what it should have been, and which of it was worse."""

from __future__ import annotations

from collections.abc import Iterable

import attrs

COUNT = "count"


@attrs.frozen
class Figure:
    """One line of the table. The smaller the value, the better.

    Attributes:
        group: What it is one of, such as "Whole loop".
        name: Whose it is, or what.
        value: The figure; None where it could not be measured here, and `note` says why.
        unit: What it is counted in: empty for a ratio, COUNT for a number of things.
        note: What stands beside it, such as the milliseconds that a ratio was made of.
        at_most: The target; None where there is none.
    """

    group: str
    name: str
    value: float | None
    unit: str = ""
    note: str = ""
    at_most: float | None = None

    @property
    def missed(self) -> bool:
        """Whether it is worse than its target."""
        return self.value is not None and self.at_most is not None and not self.value <= self.at_most

    @property
    def shown(self) -> str:
        """The value for a person."""
        return "" if self.value is None else self._with_unit(f"{self.value:.{self._digits}f}")

    @property
    def target(self) -> str:
        """The target for a person, and whether it was missed."""
        if self.at_most is None:
            return ""
        return f"at most {self._with_unit(f'{self.at_most:g}')}{', **missed**' * self.missed}"

    @property
    def _digits(self) -> int:
        return {"": 2, "ms": 1, "MB": 1, "%": 2, COUNT: 0}[self.unit]

    def _with_unit(self, number: str) -> str:
        return number if self.unit == COUNT else f"{number} {self.unit}".rstrip()


def failures(figures: Iterable[Figure]) -> list[str]:
    """A line for each figure that is worse than its target, naming it."""
    return [
        f"{figure.group}: {figure.name}: {figure.shown}, the target is {figure.target.partition(',')[0]}"
        for figure in figures
        if figure.missed
    ]
