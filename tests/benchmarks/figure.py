"""Measured numbers, and what they ought to be."""

import statistics
from collections.abc import Callable
from dataclasses import dataclass

from tests.support.processes import seconds


@dataclass(frozen=True, slots=True)
class Figure:
    """A number with its unit; `target` is a bound that it may not cross.

    `at_least`: the bound is a lower one. `detail`: the numbers it was made of, in words.
    """

    name: str
    value: float
    unit: str
    target: float
    at_least: bool = False
    detail: str = ""

    @property
    def met(self) -> bool:
        return self.value >= self.target if self.at_least else self.value <= self.target

    def __str__(self) -> str:
        verdict = "ok    " if self.met else "MISSED"
        bound = f"{'≥' if self.at_least else '≤'} {self.target:g} {self.unit}".strip()
        measured = f"{self.value:.3g} {self.unit}".strip()
        return f"{verdict}  {self.name:<58} {measured:>12}  ({bound})  {self.detail}".rstrip()


def median_ms(rounds: int, work: Callable[[], object]) -> float:
    """How long some work takes, in milliseconds, the median of so many rounds."""
    return statistics.median(seconds(work) for _ in range(rounds)) * 1000
