"""What held on which desktop: as a table for people, as JSON for programs. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

HELD, FAILED, LACKS = "held", "failed", "lacks"
_SIGNS = {HELD: "yes", FAILED: "NO", LACKS: "–"}


@dataclass(frozen=True)
class Outcome:
    """A step on a desktop: `held`, `failed`, or `lacks` where the desktop has no such thing.

    `note` says what was seen, or why not; `seconds` is how long the step took.
    """

    step: str
    outcome: str
    note: str = ""
    seconds: float = 0.0


@dataclass(frozen=True)
class Report:
    """All steps on one desktop, in order; `title` is its name and version."""

    name: str
    title: str
    outcomes: tuple[Outcome, ...]

    @property
    def held(self) -> bool:
        """Whether nothing failed, and something was tried."""
        return bool(self.outcomes) and all(each.outcome != FAILED for each in self.outcomes)


def table(reports: Sequence[Report]) -> str:
    """A table in Markdown: a line a step, a column a desktop; the notes of what failed below."""
    steps = dict.fromkeys(each.step for report in reports for each in report.outcomes)
    lines = [_row(["", *(report.title for report in reports)])]
    lines.append(_row(["---"] * (len(reports) + 1)))
    lines += [_row([step, *(_sign(report, step) for report in reports)]) for step in steps]
    notes = [
        f"- {report.title}, {each.step}: {each.note}"
        for report in reports
        for each in report.outcomes
        if each.outcome != HELD
    ]
    return "\n".join([*lines, "", *notes]).rstrip()


def _sign(report: Report, step: str) -> str:
    found = [each.outcome for each in report.outcomes if each.step == step]
    return _SIGNS[found[0]] if found else ""


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
