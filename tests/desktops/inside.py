"""Tries one desktop in the scratch root: `python -m tests.desktops.inside NAME`.

Screenshots, logs and the report go to the folder for the output; progress is printed.
"""

import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.desktops import faults
from tests.desktops.desk import Desk
from tests.desktops.desks import DESKS
from tests.desktops.nested import Nested
from tests.desktops.result import FAILED, HELD, LACKS, Outcome, Report
from tests.desktops.scratch_root import OUTPUT
from tests.desktops.steps import STEPS, Step
from tests.desktops.trial import Trial
from tests.support.standin import Standin

REPORT = "report.json"


def tried(desk: Desk, output: Path) -> Report:
    """Take every step on the desktop, and kill its parts in a session of their own."""
    output.mkdir(parents=True, exist_ok=True)
    outcomes = [*_session(desk, desk.steps or STEPS, output, "logs")]
    if killing := faults.steps(desk):
        again = _session(desk, killing, output, "logs-of-kills")
        outcomes += [each for each in again if each.step not in STEPS or each.outcome == FAILED]
    return Report(desk.name, desk.title, tuple(outcomes))


def _session(desk: Desk, steps: Mapping[str, Step], output: Path, logs: str) -> Iterator[Outcome]:
    folder = Path("/tmp") / logs  # noqa: S108  (of the scratch root)
    with Standin() as server, Nested(folder, desk.marks) as nested:
        began = time.monotonic()
        try:
            desk.start(nested)
            trial = Trial(desk, nested, server, output)
            for name, step in steps.items():
                outcome = _taken(name, step, trial, desk.lacks)
                print(f"  {_line(outcome)}", flush=True)
                yield outcome
        except Exception as error:  # noqa: BLE001  (whatever it is, it is the outcome)
            yield _failed("start", error, began)
        finally:
            nested.keep_logs(output / logs)


def _taken(name: str, step: Step, trial: Trial, lacks: Mapping[str, str]) -> Outcome:
    began = time.monotonic()
    try:
        note = step(trial)
    except Exception as error:  # noqa: BLE001
        trial.shoot(f"{name} failed")
        if name in lacks:
            return Outcome(name, LACKS, lacks[name], round(time.monotonic() - began, 1))
        return _failed(name, error, began)
    if not trial.has_shot(name):
        trial.shoot(name)
    return Outcome(name, HELD, note, round(time.monotonic() - began, 1))


def _failed(name: str, error: Exception, began: float) -> Outcome:
    said = " ".join(str(error).split())[:600] or type(error).__name__
    return Outcome(name, FAILED, said, round(time.monotonic() - began, 1))


def _line(outcome: Outcome) -> str:
    return f"{outcome.step}: {outcome.outcome}, {outcome.note} ({outcome.seconds} s)"


def main() -> int:
    """Try the desktop of that name; 1 where something did not hold."""
    name = sys.argv[1]
    report = tried(DESKS[name], OUTPUT / name)
    (OUTPUT / name / REPORT).write_text(report.as_json(), encoding="utf-8")
    return 0 if report.held else 1


if __name__ == "__main__":
    sys.exit(main())
