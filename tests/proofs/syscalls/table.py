"""What came of the trials, a row for each fault and call."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tests.proofs.syscalls.plan import TWICE
from tests.proofs.syscalls.trial import Result


@dataclass(slots=True)
class Row:
    """Numbers of trials: in which the point was met, and of these what went wrong.

    `restarted`: the program left, and said why. `excused`: nothing named the error, nor need to.
    """

    fault: str
    call: str
    trials: int = 0
    met: int = 0
    lost: int = 0
    twice: int = 0
    other: int = 0
    restarted: int = 0
    excused: int = 0

    def add(self, result: Result) -> None:
        lost = any(fault.startswith(("lost", "gone")) for fault in result.faults)
        twice = any(fault.startswith("stored") for fault in result.faults)
        self.trials += 1
        self.met += result.reached > 0
        self.lost += lost
        self.twice += twice
        self.other += bool(result.faults) and not lost and not twice
        self.restarted += result.restarted
        self.excused += bool(result.excuse)


def fault_of(result: Result) -> str:
    return TWICE if " then " in result.name else result.fault


def rows(results: Iterable[Result]) -> list[Row]:
    """One row for each fault and call, and one for all calls of a fault."""
    found: dict[tuple[str, str], Row] = {}
    for result in results:
        fault = fault_of(result)
        for call in (result.call, "all"):
            found.setdefault((fault, call), Row(fault, call)).add(result)
    return [found[key] for key in sorted(found, key=lambda key: (key[0], key[1] == "all", key[1]))]


def render(everything: Sequence[Row]) -> str:
    """Lay the rows out as a table of Markdown."""
    heads = ("fault", "call", "trials", "met", "lost", "stored twice", "other", "left", "excused")
    lines = ["| " + " | ".join(heads) + " |", "|" + "|".join([" --- "] * len(heads)) + "|"]
    for row in everything:
        cells = (
            row.fault, row.call, row.trials, row.met, row.lost, row.twice, row.other,
            row.restarted, row.excused,
        )  # fmt: skip
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines)
