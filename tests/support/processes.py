"""Processes that a test starts, each in a session of its own, ended without fail."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Final, TypeVar

# Seconds that a busy machine is given: a bound, never a delay, and no measure of the program. After
# thirty a dead letter is tried again by itself, which must not pass for what a test waits for.
PATIENCE: Final = 25.0
LONGEST: Final = 60.0  # seconds in which any program of the tests ends
# What ends a process at once, by a number, and what it has ended with then.
KILL = getattr(signal, "SIGKILL", signal.SIGTERM)
KILLED = (1, KILL) if sys.platform == "win32" else (-KILL,)
# What is started ends with the test run, even when that is killed.
LEASH = (SETPRIV, "--pdeathsig", "KILL") if (SETPRIV := shutil.which("setpriv")) else ()
Seen = TypeVar("Seen")


def wait_until(
    predicate: Callable[[], Seen | None],
    timeout: float = PATIENCE,
    what: str = "",
    *,
    every: float = 0.02,
    explain: Callable[[], str] = str,
) -> Seen:
    """Poll until `predicate` gives something true; AssertionError with `explain()` if too late.

    The last look begins after `timeout` seconds, however long the one before took.
    """
    deadline = time.monotonic() + timeout
    late = False
    while not (seen := predicate()):
        assert not late, f"not within {timeout} s: {what}\n{explain()}"
        time.sleep(every)
        late = time.monotonic() >= deadline
    return seen


def open_below(folder: Path) -> list[Path]:
    """Return what this process has open in a folder, and the folder itself; removed files too."""
    found = []
    for each in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found.append(each.readlink())
    return [path for path in found if path.is_relative_to(folder)]


def having(variable: str) -> list[int]:
    """Find every process with this in its environment, by whomever it was started."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # ended in the meantime, or somebody else's
            if variable.encode() in (folder / "environ").read_bytes():
                found.append(int(folder.name))
    return found


def seconds(work: Callable[[], object]) -> float:
    started = time.monotonic()
    work()
    return time.monotonic() - started


def cpu_seconds(pid: int) -> float:
    """Read the processor time that a process has used so far, in seconds."""
    text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    fields = text.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Process:
    """A program in the background; it works in the folder where its output goes."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str],
        output: Path,
        stdin: int | IO[bytes] = subprocess.DEVNULL,
    ) -> None:
        self._out, self._err = output.with_suffix(".out"), output.with_suffix(".err")
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self.popen = subprocess.Popen(
                [*LEASH, *command],
                env=dict(env),
                cwd=output.parent,
                stdin=stdin,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self.popen.pid

    @property
    def alive(self) -> bool:
        return self.popen.poll() is None

    @property
    def out(self) -> str:
        return self._out.read_text(encoding="utf-8", errors="replace")

    @property
    def err(self) -> str:
        return self._err.read_text(encoding="utf-8", errors="replace")

    def first_line(self) -> str:
        """Wait for a line on its standard output."""
        wait_until(lambda: "\n" in self.out, what="ready", every=0.005, explain=lambda: self.err)
        return self.out.strip()

    def signal(self, number: int) -> None:
        """Send a signal to the program alone; Windows ends it at once by any."""
        self.popen.send_signal(number)

    def wait(self, timeout: float = LONGEST) -> int:
        return self.popen.wait(timeout)

    def stop(self, timeout: float = LONGEST) -> int:
        """Ask it to end (SIGTERM) and wait; the exit code."""
        self.signal(signal.SIGTERM)
        return self.wait(timeout)

    def kill(self) -> None:
        """End everything in its process group with kill -9, and reap it.

        On Windows, which knows no such groups, the program alone.
        """
        if sys.platform == "win32":
            self.popen.kill()
        else:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
        if self.popen.stdin is not None:
            self.popen.stdin.close()
        self.popen.wait(LONGEST)

    def peak_memory(self) -> int:
        """Read the largest resident size so far, in bytes."""
        return self._status("VmHWM")

    def memory(self) -> int:
        """Read the resident size, in bytes."""
        return self._status("VmRSS")

    def _status(self, name: str) -> int:
        lines = Path(f"/proc/{self.pid}/status").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))

    def cpu_seconds(self) -> float:
        return cpu_seconds(self.pid)
