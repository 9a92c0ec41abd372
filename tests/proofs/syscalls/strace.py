"""What is put before a command so that strace counts its system calls, or spoils one."""

import functools
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.proofs.syscalls.points import CALLS, Point

AHEAD: Final = Path(__file__).with_name("ahead.py")
KILL: Final = "kill"
SHORT: Final = "short"
ERRORS: Final = ("EIO", "ENOSPC", "EACCES")
NOBODY: Final = "nobody"


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


def counting(trace: Path) -> list[str]:
    """Make the wrapper that writes every call to `trace`."""
    calls = ",".join((*CALLS, "rmdir"))
    return [*_strace(trace, calls), "-n", "-y", *_program(NOBODY, 0, 0)]


def spoiling(point: Point, fault: str, trace: Path) -> list[str]:
    """Make the wrapper that kills at this point, or spoils the call.

    `fault`: KILL; SHORT, the call does nothing and says so; else the error's name.
    """
    how = {KILL: "signal=KILL", SHORT: "retval=0"}.get(fault, f"error={fault}")
    inject = f"inject={point.call}:{how}:when={point.count}"
    wrapper = [*_strace(trace, point.call), "-y", "-e", inject]
    return [*wrapper, *_program(point.thread, point.number, point.ahead)]


def failing(call: str, error: str, when: str, trace: Path) -> list[str]:
    """Make the wrapper under which a call fails for each thread; `when` as strace has it."""
    return [*_strace(trace, call), "-y", "-e", f"inject={call}:error={error}:when={when}"]


def _strace(trace: Path, calls: str) -> list[str]:
    # -D: the program stays the child of whoever starts it, and gets the signals.
    # No --seccomp-bpf: with it strace reports a call at a stop from where no signal
    # is delivered, and nobody is killed.
    options = ["-D", "-f", "-qq", "-e", "signal=none"]
    return ["strace", *options, "-e", f"trace={calls}", "-o", str(trace)]


def _program(thread: str, number: int, by: int) -> Sequence[str]:
    return [sys.executable, str(AHEAD), thread, str(number), str(by)]


def hit(trace: Path, point: Point, fault: str) -> str:
    """Find the call that was met, as strace printed it; empty when it never came."""
    if not trace.exists():
        return ""
    lines = trace.read_text(encoding="utf-8", errors="replace").splitlines()
    if fault != KILL:
        return next((_short(line) for line in lines if "(INJECTED)" in line), "")
    calls = [line for line in lines if f" {point.call}(" in line]
    return _short(calls[-1]) if calls else ""


def _short(line: str) -> str:
    return line.partition(" ")[2].strip()[:300]
