"""How strace is called so that it counts the system calls of a program, or spoils one."""

import functools
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from tests.proofs.syscalls.points import CALLS, Point

KILL: Final = "kill"
SHORT: Final = "short"
ERRORS: Final = ("EIO", "ENOSPC", "EACCES")
NOBODY: Final = "nobody"
LAST: Final = " (its last)"
_INJECTED, _CUT = "(INJECTED)", "<unfinished ...>"


@dataclass(frozen=True, slots=True)
class Tracing:
    """The command of strace (`-p` is still to come), and which thread gets ahead in what call."""

    strace: Sequence[str]
    thread: str
    number: int
    by: int

    @property
    def before(self) -> tuple[str, dict[str, Any]]:
        """What a fork does before it becomes the program."""
        return "tests.proofs.syscalls.traced:prepare", asdict(self)


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
