"""Many trials, several at a time; what is done already is not done again."""

import json
import math
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path
from time import monotonic
from typing import Any

from tests.proofs.syscalls import trial
from tests.proofs.syscalls.acts import ACTS
from tests.proofs.syscalls.points import Point
from tests.proofs.syscalls.trial import Result, Trial

COUNTING_RUNS = 3


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a sweep is: trials done, all of them, those with faults, and seconds left."""

    done: int
    total: int
    bad: int
    left: float

    def __str__(self) -> str:
        bad = f", {self.bad} with faults" if self.bad else ""
        return f"{self.done} of {self.total} trials{bad}, {self.left:.0f} s left"


class Record:
    """The points and the results so far, a JSON line each; in a file, or in memory alone."""

    def __init__(self, path: Path | None) -> None:
        self.points: list[Point] = []
        self.results: dict[str, Result] = {}
        self._path = path
        if path is not None and path.exists():
            for line in path.read_text(encoding="utf-8").splitlines():
                self._take(json.loads(line))

    def _take(self, found: dict[str, Any]) -> None:
        if "nth" in found:
            self.points.append(Point(**found))
        else:
            result = Result(**found)
            self.results[result.name] = result

    def add(self, entry: Point | Result) -> None:
        fields = asdict(entry)
        self._take(fields)
        if self._path is not None:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(fields) + "\n")

    def count(self) -> Sequence[Point]:
        """Give the points of the scripted run; counts them the first time."""
        if not self.points:
            for act in ACTS:
                for point in trial.count(act, COUNTING_RUNS):
                    self.add(point)
        return self.points


def run(
    trials: Sequence[Trial], record: Record, jobs: int, seconds: float = math.inf
) -> Iterator[Progress]:
    """Do the trials that are not in the record yet, `jobs` at a time; none after `seconds`."""
    todo = [each for each in trials if each.name not in record.results]
    started, bad = monotonic(), 0
    for done, result in enumerate(_each(todo, jobs), 1):
        record.add(result)
        bad += bool(result.faults)
        spent = monotonic() - started
        yield Progress(done, len(todo), bad, spent / done * (len(todo) - done))
        if spent > seconds:
            return


def _each(trials: Sequence[Trial], jobs: int) -> Iterator[Result]:
    with ThreadPoolExecutor(jobs) as pool:  # what works is the program, in its own processes
        futures = [pool.submit(trial.run, each) for each in trials]
        try:
            for future in as_completed(futures):
                yield future.result()
        finally:
            pool.shutdown(cancel_futures=True)
