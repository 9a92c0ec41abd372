"""Many trials, several at a time; what is done already is not done again."""

import json
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict
from pathlib import Path
from time import monotonic
from typing import Any, Final

from tests.proofs.syscalls import trial
from tests.proofs.syscalls.acts import ACTS
from tests.proofs.syscalls.strace import KILL, SHORT, Point, evenly
from tests.proofs.syscalls.trial import SERVERS, TWICE, Result, Trial

COUNTING_RUNS = 3


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
        if not self.points:
            for act in ACTS:
                for point in trial.count(act, COUNTING_RUNS):
                    self.add(point)
        return self.points


def run(
    trials: Sequence[Trial], record: Record, jobs: int, seconds: float = math.inf
) -> Iterator[str]:
    """Do the trials that are not in the record yet, `jobs` at a time; none after `seconds`."""
    todo = [each for each in trials if each.name not in record.results]
    started, bad = monotonic(), 0
    for done, result in enumerate(_each(todo, jobs), 1):
        record.add(result)
        bad += bool(result.faults)
        spent = monotonic() - started
        left = spent / done * (len(todo) - done)
        yield f"{done} of {len(todo)} trials, {bad} with faults, {left:.0f} s left"
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


def summary(results: Iterable[Result]) -> str:
    """Say for each fault in how many trials its point was met, and what came of these."""
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for each in results:
        lost = any(fault.startswith(("lost", "gone")) for fault in each.faults)
        twice = any(fault.startswith("stored") for fault in each.faults)
        found = {
            "trials": 1, "met": each.reached > 0, "lost": lost, "stored twice": twice,
            "other faults": bool(each.faults) and not lost and not twice,
            "left, and said why": each.restarted, "excused": bool(each.excuse),
        }  # fmt: skip
        counts[each.fault].update({name: int(number) for name, number in found.items()})
    return "\n".join(
        f"{fault:12}" + ", ".join(f"{number} {name}" for name, number in own.items())
        for fault, own in sorted(counts.items())
    )
