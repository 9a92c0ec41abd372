"""How strace is called so that it counts the system calls of a program, or spoils one."""

import ctypes
import functools
import os
import re
import shutil
import subprocess
import sys
import threading
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from types import FrameType
from typing import Any, Final, TypeVar

KILL: Final = "kill"
SHORT: Final = "short"
NOBODY: Final = "nobody"
LAST: Final = " (its last)"
_INJECTED, _CUT = "(INJECTED)", "<unfinished ...>"


NO_SUCH: Final = "no such folder: thread "
_LIBC: Final = ctypes.CDLL(None, use_errno=True)
_SET_PTRACER, _ANYBODY = 0x59616D61, -1


def prepare(strace: Sequence[str], thread: str, number: int, by: int) -> None:
    """Be traced by this command (`-p` is still to come); let one thread get ahead in one call."""
    _be_traced(strace)

    def first_event(_frame: FrameType, _event: str, _argument: object) -> None:
        sys.setprofile(None)
        _begin(thread, number, by)

    threading.setprofile(first_event)
    _begin(thread, number, by)


def _begin(thread: str, number: int, by: int) -> None:
    """Say the thread's name; get ahead `by` calls of `number` if it is the one."""
    name = threading.current_thread().name
    _LIBC.rmdir((NO_SUCH + name).encode())
    if name == thread:
        for _ in range(by):
            _LIBC.syscall(number, -1, -1, -1, -1, -1, -1)


def _be_traced(strace: Sequence[str]) -> None:
    """Have strace attach to this process; from here on it sees every call."""
    _LIBC.prctl(_SET_PTRACER, _ANYBODY)
    said, says = os.pipe()  # the reading end stays open: strace goes on to name each thread
    os.posix_spawnp(
        strace[0], [*strace, "-p", str(os.getpid())], os.environ,
        file_actions=[(os.POSIX_SPAWN_DUP2, says, 2)],
    )  # fmt: skip
    os.close(says)
    line = b""
    while not line.endswith(b"\n"):
        if not (more := os.read(said, 1)):
            break
        line += more
    if b" attached" not in line:
        raise RuntimeError(line.decode())


T = TypeVar("T")
Made = tuple[str, int, str]  # a call, its number in the kernel, and the line as strace printed it

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


def read_trace(path: Path) -> dict[str, list[Made]]:
    """List the calls of each thread, by name; those before it said its name included."""
    names: dict[str, str] = {}
    made: dict[str, list[Made]] = defaultdict(list)
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        if (found := _LINE.match(line)) is None:
            continue  # the end of a call that another thread came between, or of a thread
        if found["call"] == _NAMING and (name := _NAME.search(found["rest"])):
            names[found["tid"]] = name[1]
        made[found["tid"]].append((found["call"], int(found["number"]), found["rest"]))
    return {names.get(tid, tid): calls for tid, calls in made.items()}


def points(act: str, traces: Sequence[dict[str, list[Made]]], scratch: Path) -> list[Point]:
    """List the points of an act, in the order of a run.

    `traces` are some runs of it: a thread has as many calls as in the longest.
    Left out is what touches nothing in `scratch` and no socket: the interpreter's imports.
    """
    most: Counter[str] = Counter()
    for trace in traces:
        for calls in trace.values():
            most |= Counter(call for call, _, _ in calls)
    found = []
    for thread in sorted({name for trace in traces for name in trace}):
        longest = max((trace.get(thread, []) for trace in traces), key=len)
        named = (n for n, (call, _, _) in enumerate(longest) if call == _NAMING)
        begin = next(named, len(longest))
        before = Counter(call for call, _, _ in longest[:begin])
        seen: Counter[str] = Counter()
        for call, number, line in longest[begin:]:
            seen[call] += 1
            if call in CALLS and matters(call, line, scratch):
                ahead = 2 * most[call] + 50
                count = before[call] + ahead + seen[call]
                found.append(Point(act, thread, call, seen[call], number, ahead, count))
    return found


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


@dataclass(frozen=True, slots=True)
class Tracing:
    """The command of strace (`-p` is still to come), and which thread gets ahead in what call."""

    strace: Sequence[str]
    thread: str
    number: int
    by: int

    @property
    def before(self) -> tuple[str, dict[str, Any]]:
        return "tests.proofs.syscalls.strace:prepare", asdict(self)


@functools.cache
def missing() -> str:
    """Say why nothing can be traced here; empty where it can."""
    strace = shutil.which("strace")
    if strace is None:
        return "strace is missing: install the package strace"
    probe = [strace, "-f", "-qq", "-e", "trace=fsync", "-o", "/dev/null", "true"]
    done = subprocess.run(probe, capture_output=True, text=True, check=False)
    if done.returncode:
        return f"strace may not trace here (ptrace is not allowed?): {done.stderr.strip()}"
    return ""


def counting(trace: Path) -> Tracing:
    calls = ",".join((*CALLS, "rmdir"))
    return Tracing([*_strace(trace, calls), "-n", "-y"], NOBODY, 0, 0)


def spoiling(point: Point, fault: str, trace: Path) -> Tracing:
    """Kill at this point, or spoil the call.

    `fault`: KILL; SHORT, the call does nothing and says so; else the error's name.
    """
    how = {KILL: "signal=KILL", SHORT: "retval=0"}.get(fault, f"error={fault}")
    inject = f"inject={point.call}:{how}:when={point.count}"
    command = [*_strace(trace, point.call), "-y", "-e", inject]
    return Tracing(command, point.thread, point.number, point.ahead)


def failing(call: str, error: str, when: str, trace: Path) -> list[str]:
    """Make what is put before a command so that a call fails for each of its threads.

    `when` as strace has it.
    """
    # -D: the program stays the child of whoever starts it, and gets the signals.
    inject = f"inject={call}:error={error}:when={when}"
    return [*_strace(trace, call), "-D", "-qq", "-y", "-e", inject]


def _strace(trace: Path, calls: str) -> list[str]:
    # No --seccomp-bpf: with it strace reports a call at a stop from where no signal
    # is delivered, and nobody is killed. (With -p there is none.)
    return ["strace", "-f", "-e", "signal=none", "-e", f"trace={calls}", "-o", str(trace)]


def hit(trace: Path, point: Point, fault: str) -> str:
    """Find the call that was met, as strace printed it; empty when it never came.

    `LAST` is added where its thread made no such call afterwards.
    """
    if not trace.exists():
        return ""
    lines = trace.read_text(encoding="utf-8", errors="replace").splitlines()
    if fault != KILL:
        return next((_spoilt(lines, n) for n, line in enumerate(lines) if _INJECTED in line), "")
    calls = [line for line in lines if f" {point.call}(" in line]
    return _short(calls[-1]) if calls else ""


def _spoilt(lines: Sequence[str], number: int) -> str:
    """Put a line together with its beginning, where other threads came between."""
    thread, _, rest = lines[number].partition(" ")
    whole = lines[number]
    if "resumed>" in rest:
        begun = [line for line in lines[:number] if line.startswith(thread + " ") and _CUT in line]
        whole = begun[-1].replace(_CUT, rest.partition("resumed>")[2])
    more = (line.startswith(thread + " ") and "(" in line for line in lines[number + 1 :])
    return _short(whole) + ("" if any(more) else LAST)


def _short(line: str) -> str:
    return line.partition(" ")[2].strip()[:300]
