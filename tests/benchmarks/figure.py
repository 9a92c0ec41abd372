"""One measured number and what it ought to be."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """A number with its unit; `target` is a bound that it may not cross.

    `at_least`: the bound is a lower one. `detail`: the numbers it was made of.
    """

    name: str
    value: float
    unit: str
    target: float
    at_least: bool = False
    detail: str = ""

    @property
    def met(self) -> bool:
        """Whether the number keeps to its bound."""
        return self.value >= self.target if self.at_least else self.value <= self.target

    def __str__(self) -> str:
        sign = "≥" if self.at_least else "≤"
        verdict = "ok    " if self.met else "MISSED"
        what = f"{self.value:.3g} {self.unit}".strip()
        bound = f"{sign} {self.target:g} {self.unit}".strip()
        return f"{verdict}  {self.name:<58} {what:>12}  ({bound})  {self.detail}".rstrip()
