"""Measured numbers, what they ought to be, and the page that shows them."""

import platform
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final


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

    @property
    def measured(self) -> str:
        return f"{self.value:.3g} {self.unit}".strip()

    @property
    def bound(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {self.target:g} {self.unit}".strip()

    def __str__(self) -> str:
        verdict = "ok    " if self.met else "MISSED"
        line = f"{verdict}  {self.name:<58} {self.measured:>12}  ({self.bound})  {self.detail}"
        return line.rstrip()


README: Final = Path(__file__).with_name("README.md")
_MARKS: Final = re.compile(r"(<!-- figures -->\n).*(<!-- end of figures -->)", re.DOTALL)


def write(figures: Sequence[Figure]) -> None:
    """Put the figures into README.md between its two marks."""
    today = datetime.now(UTC).date().isoformat()
    made = f"Python {platform.python_version()} on {platform.system()} ({platform.machine()})"
    rows = [
        f"| {each.name} | {each.measured} | {each.bound} | {'yes' if each.met else '**no**'} |"
        f" {each.detail} |"
        for each in figures
    ]
    head = ["| what | measured | target | met | of that |", "|---|---|---|---|---|"]
    text = "\n".join([f"Made on {today} by {made}.", "", *head, *rows, ""])
    page = README.read_text(encoding="utf-8")
    README.write_text(_MARKS.sub(lambda found: found[1] + text + found[2], page), encoding="utf-8")


def each(values: Mapping[str, float], unit: str) -> str:
    return ", ".join(f"{name} {value:.3g} {unit}" for name, value in values.items())
