"""The points of a run: which thread makes which system call, and how often."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final, TypeVar

from tests.proofs.syscalls.traced import NO_SUCH

T = TypeVar("T")

TALK: Final = ("connect", "sendto", "recvfrom")
# What changes a file, or says something to the server.
CALLS: Final = (
    "openat", "write", "pwrite64", "fsync", "fdatasync", "rename", "link", "unlink", "mkdir",
    "ftruncate", "fchmod", "chmod", "flock", "fcntl", *TALK,
)  # fmt: skip
_NAMING: Final = "rmdir"
_LINE: Final = re.compile(r"(?P<tid>\d+) +\[ *(?P<number>\d+)\] (?P<call>\w+)\((?P<rest>.*)")
_WHERE: Final = re.compile(r"AT_FDCWD<[^>]*>")  # the folder we are in says nothing
_NAME: Final = re.compile(rf'"{NO_SUCH}([^"]*)"')


@dataclass(frozen=True, slots=True)
class Point:
    """The `nth` time (from 1) that a thread of an act makes a system call.

    `count` is what strace counts up to there, `ahead` how many of these are made
    by the thread to be ahead of the others; `number` is the kernel's of the call.
    """

    act: str
    thread: str
    call: str
    nth: int
    number: int
    ahead: int
    count: int

    def __str__(self) -> str:
        return f"{self.act}/{self.thread}/{self.call}/{self.nth}"


@dataclass(frozen=True, slots=True)
class Made:
    """One call as strace printed it; `number` is the kernel's."""

    call: str
    number: int
    line: str


def read_trace(path: Path) -> dict[str, list[Made]]:
    """List the calls of each thread, by name; those before it said its name included."""
    names: dict[str, str] = {}
    made: dict[str, list[Made]] = defaultdict(list)
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        if (found := _LINE.match(line)) is None:
            continue  # the end of a call that another thread came between, or of a thread
        if found["call"] == _NAMING and (name := _NAME.search(found["rest"])):
            names[found["tid"]] = name[1]
        made[found["tid"]].append(Made(found["call"], int(found["number"]), found["rest"]))
    return {names.get(tid, tid): calls for tid, calls in made.items()}


def points(act: str, traces: Sequence[dict[str, list[Made]]], scratch: Path) -> list[Point]:
    """List the points of an act, in the order of a run.

    `traces` are some runs of it: a thread has as many calls as in the longest.
    Left out is what touches nothing in `scratch` and no socket: the interpreter's imports.
    """
    most = _most(traces)
    found = []
    for thread in sorted({name for trace in traces for name in trace}):
        longest = max((trace.get(thread, []) for trace in traces), key=len)
        begin = next((n for n, made in enumerate(longest) if made.call == _NAMING), len(longest))
        before = Counter(made.call for made in longest[:begin])
        seen: Counter[str] = Counter()
        for call, number, line in ((m.call, m.number, m.line) for m in longest[begin:]):
            seen[call] += 1
            if call in CALLS and matters(call, line, scratch):
                ahead = 2 * most[call] + 50
                count = before[call] + ahead + seen[call]
                found.append(Point(act, thread, call, seen[call], number, ahead, count))
    return found


def _most(traces: Iterable[dict[str, list[Made]]]) -> Counter[str]:
    """Count how often at most one thread makes each call."""
    most: Counter[str] = Counter()
    for trace in traces:
        for calls in trace.values():
            most |= Counter(made.call for made in calls)
    return most


def matters(call: str, line: str, scratch: Path) -> bool:
    """Tell whether a call, as strace shows it, is about a file in `scratch`, or talks."""
    talks = call in TALK and "socket:" in line  # what is written to one wakes another thread
    return talks or str(scratch) in _WHERE.sub("", line)


def evenly(everything: Sequence[T], number: int | None) -> Iterator[T]:
    """Choose so many (None: all), evenly spaced."""
    if number is None or number >= len(everything):
        yield from everything
        return
    edges = [len(everything) * n // number for n in range(number + 1)]
    for start, end in pairwise(edges):
        yield everything[(start + end) // 2]
