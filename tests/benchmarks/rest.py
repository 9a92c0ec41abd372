"""What a process costs while it has nothing to do. Linux only: it is read from /proc."""

import time
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from tests.support.processes import Process

START: Final = 10.0  # seconds after which a start is over
WATCHED: Final = 60.0  # seconds
MEGABYTE: Final = 1 << 20
_SWITCHES: Final = "voluntary_ctxt_switches:"


class Use(NamedTuple):
    """Proportional memory in MB, share of a core in per cent, wake-ups a second, threads.

    A wake-up is a voluntary context switch of any of its threads; those of its child
    processes, the embedded server's say, are not among them.
    """

    memory: float
    share: float
    wakeups: float
    threads: int


def at_rest(process: Process) -> Use:
    """Let its start pass, then watch it for a minute."""
    time.sleep(START)
    before, woken, started = process.cpu_seconds(), _switches(process), time.monotonic()
    time.sleep(WATCHED)
    taken, now = time.monotonic() - started, _switches(process)
    share = (process.cpu_seconds() - before) / taken
    return Use(pss(process), share * 100, _wakeups(woken, now) / taken, len(now))


def peak_memory(command: Process) -> int:
    peak = 0
    while command.alive:
        with suppress(OSError, StopIteration):  # it has just ended, and has none any more
            peak = max(peak, command.peak_memory())
    return peak


def pss(process: Process) -> float:
    """The memory that it would give back, in MB: what it shares counts by its part."""
    lines = Path(f"/proc/{process.pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("Pss:"))


def _switches(process: Process) -> dict[str, int]:
    """How often each of its threads has begun to wait."""
    found = {}
    for status in Path(f"/proc/{process.pid}/task").glob("*/status"):
        lines = status.read_text(encoding="ascii").splitlines()
        count = next(line for line in lines if line.startswith(_SWITCHES))
        found[status.parent.name] = int(count.split()[1])
    return found


def _wakeups(before: dict[str, int], after: dict[str, int]) -> int:
    """Those of threads that ended meanwhile are lost; of new ones, all count."""
    return sum(count - before.get(thread, 0) for thread, count in after.items())
