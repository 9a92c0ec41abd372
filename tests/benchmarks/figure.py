"""One measured number and what it ought to be."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """A number with its unit; `target` is a bound that it may not cross.

    `at_least`: the bound is a lower one. `detail`: the numbers it was made of, in
    words; `parts`: those that a plot sets side by side, with the unit `parts_unit`.
    """

    name: str
    value: float
    unit: str
    target: float
    at_least: bool = False
    detail: str = ""
    parts: tuple[tuple[str, float], ...] = ()
    parts_unit: str = ""

    @property
    def met(self) -> bool:
        """Whether the number keeps to its bound."""
        return self.value >= self.target if self.at_least else self.value <= self.target

    @property
    def measured(self) -> str:
        return f"{self.value:.3g} {self.unit}".strip()

    @property
    def bound(self) -> str:
        """The target with its sign and unit."""
        return f"{'≥' if self.at_least else '≤'} {self.target:g} {self.unit}".strip()

    def __str__(self) -> str:
        verdict = "ok    " if self.met else "MISSED"
        line = f"{verdict}  {self.name:<58} {self.measured:>12}  ({self.bound})  {self.detail}"
        return line.rstrip()
