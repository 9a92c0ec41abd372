"""Many trials, several at a time; what is done already is not done again."""

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path
from time import monotonic
from typing import Any, Final

from tests.proofs.syscalls import trial
from tests.proofs.syscalls.acts import ACTS
from tests.proofs.syscalls.strace import KILL, SHORT, Point, evenly
from tests.proofs.syscalls.trial import SERVERS, Result, Trial

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


TWICE: Final = "kill twice"
_NAMES: Final = ("rename", "link", "unlink", "mkdir")
_DATA: Final = ("write", "pwrite64", "fsync", "fdatasync", "ftruncate")
# The calls that each fault is tried at: where the kernel may answer so.
AT: Final[Mapping[str, Sequence[str] | None]] = {
    KILL: None,
    TWICE: None,
    "EIO": ("openat", *_DATA, *_NAMES, "fchmod", "flock"),
    "ENOSPC": ("openat", *_DATA, *_NAMES),
    "EACCES": ("openat", *_NAMES, "fchmod", "chmod"),
    SHORT: ("write", "pwrite64"),
}
# SQLite's locks. No file changes there: what such a kill leaves is what a kill at the next
# call of any thread leaves that does change one. So they come last.
LAST: Final = ("fcntl",)
_GOLDEN: Final = 0.618034


def all_trials(
    points: Sequence[Point], faults: Iterable[str] = AT, sample: int | None = None
) -> list[Trial]:
    """List the trials of these faults in the order in which to do them; `sample` of each."""
    found = [each for fault in faults for each in evenly(trials(points, fault), sample)]
    return sorted(found, key=lambda trial: trial.point.call in LAST)


def trials(points: Sequence[Point], fault: str) -> list[Trial]:
    """List the trials of one fault: a kill with each server, an error with the two in turn.

    The second of two kills comes at another point of the same act; over all trials
    these second points are spread evenly too.
    """
    calls = AT[fault]
    chosen = [point for point in points if calls is None or point.call in calls]
    if fault == TWICE:
        return list(_twice(chosen))
    rounds = len(SERVERS) if fault == KILL else 1
    return [
        Trial(point, fault, SERVERS[(n + turn) % len(SERVERS)])
        for turn in range(rounds)
        for n, point in enumerate(chosen)
    ]


def _twice(points: Sequence[Point]) -> Iterator[Trial]:
    for n, first in enumerate(points):
        others = [point for point in points if point.act == first.act]
        second = others[int(n * _GOLDEN % 1 * len(others))]
        yield Trial(first, KILL, SERVERS[n % len(SERVERS)], second)


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
    found: dict[tuple[str, str], Row] = {}
    for result in results:
        fault = fault_of(result)
        for call in (result.call, "all"):
            found.setdefault((fault, call), Row(fault, call)).add(result)
    return [found[key] for key in sorted(found, key=lambda key: (key[0], key[1] == "all", key[1]))]


def render(everything: Sequence[Row]) -> str:
    heads = ("fault", "call", "trials", "met", "lost", "stored twice", "other", "left", "excused")
    lines = ["| " + " | ".join(heads) + " |", "|" + "|".join([" --- "] * len(heads)) + "|"]
    for row in everything:
        cells = (
            row.fault, row.call, row.trials, row.met, row.lost, row.twice, row.other,
            row.restarted, row.excused,
        )  # fmt: skip
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines)
