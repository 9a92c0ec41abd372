"""Many trials, several at a time, and what came of them."""

import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Final

from tests.proofs.syscalls import trial
from tests.proofs.syscalls.strace import KILL, SHORT, Point
from tests.proofs.syscalls.trial import SERVERS, TWICE, Result, Trial


def run(trials: Iterable[Trial]) -> Iterator[Result]:
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # the program works, in its own processes
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
_GOLDEN: Final = 0.618034


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
        found = {
            "trials": True, "met": each.reached > 0, "bad": bool(each.faults),
            "left, and said why": each.restarted, "excused": each.excused,
        }  # fmt: skip
        counts[each.trial.kind].update({name: int(is_so) for name, is_so in found.items()})
    return "\n".join(
        f"{fault:12}" + ", ".join(f"{number} {name}" for name, number in own.items())
        for fault, own in sorted(counts.items())
    )
