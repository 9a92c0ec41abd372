"""Which trials there are: each point with each fault that fits its call."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from tests.proofs.syscalls.points import Point, evenly
from tests.proofs.syscalls.strace import KILL, SHORT
from tests.proofs.syscalls.trial import SERVERS, Trial

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
