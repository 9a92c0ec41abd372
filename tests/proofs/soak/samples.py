"""What the worker uses, sampled; and whether it stays flat.

Through each quantity of the last worker's second half a straight line is laid (least squares);
what it rises must stay below a bound.
"""

import contextlib
import sqlite3
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.support.home import Home
from tests.support.processes import Process

MEGABYTE: Final = 1 << 20
FEW: Final = 1000  # memories: with fewer, what an empty ledger takes is all there is to see
ENOUGH: Final = 60  # samples in the judged half, else there is no trend to speak of

# What the ledger keeps of failures: how many there are is up to the trouble, not to the worker.
_HISTORY: Final = ("attempts", "showings")
_SIZE: Final = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"
_HISTORY_SIZE: Final = (
    "SELECT ifnull(sum(pgsize), 0) FROM dbstat WHERE name IN"
    f" (SELECT name FROM sqlite_schema WHERE tbl_name IN {_HISTORY})"
)
_FAILURES: Final = "SELECT " + " + ".join(f"(SELECT count(*) FROM {each})" for each in _HISTORY)


@dataclass(frozen=True, slots=True)
class Sample:
    """One look: `at` in seconds since the begin; memory and files in bytes."""

    at: float
    pid: int
    memory: int
    descriptors: int
    threads: int
    ledger: int  # all of it but its history
    history: int  # attempts that failed, and what the DLQ file showed
    failures: int  # rows of the history
    log_ahead: int  # the ledger's write-ahead log
    stored: int  # memories on the server

    def __str__(self) -> str:
        return (
            f"{self.stored:7,} stored  {self.memory >> 20:4} MB"
            f"  {self.descriptors:3} descriptors  {self.threads:2} threads"
        )


@dataclass(frozen=True, slots=True)
class Bound:
    """A quantity and what is allowed: the most at any time, and the rise of its trend."""

    name: str
    of: Callable[[Sample], float]
    most: float
    rise: float
    unit: str = ""


BOUNDS: Final = (
    Bound("memory", lambda s: s.memory / MEGABYTE, most=120, rise=4, unit="MB"),
    Bound("descriptors", lambda s: s.descriptors, most=64, rise=2),
    Bound("threads", lambda s: s.threads, most=24, rise=1),
    Bound("ledger per memory", lambda s: s.ledger / max(FEW, s.stored), 800, rise=8, unit="B"),
    Bound("history per failure", lambda s: s.history / max(FEW, s.failures), 200, rise=8, unit="B"),
    Bound("write-ahead log", lambda s: s.log_ahead / MEGABYTE, most=20, rise=16, unit="MB"),
)


@dataclass(frozen=True, slots=True)
class Trend:
    """A quantity over the judged half: its begin and end on the line, and its maximum."""

    name: str
    unit: str
    begin: float
    end: float
    highest: float
    met: bool

    def __str__(self) -> str:
        verdict = "flat   " if self.met else "GROWING"
        told = f"{self.begin:8.1f} → {self.end:8.1f} {self.unit:2}  at most {self.highest:8.1f}"
        return f"{verdict} {self.name:<20} {told}"


def look(home: Home, worker: Process, at: float, stored: int) -> Sample | None:
    """Take a sample; None when the worker is just not there."""
    process = Path(f"/proc/{worker.pid}")
    try:
        descriptors = len(list((process / "fd").iterdir()))
        threads = len(list((process / "task").iterdir()))
        memory = worker.memory()
        sizes = _sizes(next(home.data.glob("*/*/ledger.sqlite3")))
        log_ahead = sum(each.stat().st_size for each in home.data.glob("*/*/ledger.sqlite3-wal"))
    except (OSError, StopIteration, sqlite3.Error):
        return None
    return Sample(at, worker.pid, memory, descriptors, threads, *sizes, log_ahead, stored)


def _sizes(ledger: Path) -> tuple[int, int, int]:
    """Measure a ledger without its history, and the history, in bytes; and count its rows."""
    with contextlib.closing(sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)) as db:
        size, history, failures = (
            db.execute(each).fetchone()[0] for each in (_SIZE, _HISTORY_SIZE, _FAILURES)
        )
    return size - history, history, failures


def trends(samples: Sequence[Sample]) -> list[Trend]:
    """Judge the second half of the last worker's life; with too few samples only the highest."""
    life = [sample for sample in samples if sample.pid == samples[-1].pid]
    half = life[len(life) // 2 :]
    return [_trend(bound, half) for bound in BOUNDS]


def _trend(bound: Bound, samples: Sequence[Sample]) -> Trend:
    times = [sample.at for sample in samples]
    values = [float(bound.of(sample)) for sample in samples]
    begin = end = statistics.fmean(values)
    if len(samples) >= ENOUGH:
        slope, offset = statistics.linear_regression(times, values)
        begin, end = slope * times[0] + offset, slope * times[-1] + offset
    met = end - begin <= bound.rise and max(values) <= bound.most
    return Trend(bound.name, bound.unit, begin, end, max(values), met)
