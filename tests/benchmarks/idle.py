"""What a worker costs that has nothing to do but to wait, with many dead letters."""

import time
from pathlib import Path
from typing import Final, NamedTuple

from tests.benchmarks.figure import Figure
from tests.support.home import Home
from tests.support.processes import Process
from tests.support.shapes import waiting
from tests.support.standin import Standin

COUNTS = (0, 10_000, 100_000)
CALM = {"MEM0TRAY_SYNC_PROBE_INTERVAL": "30"}


def idle(home: Home, server: Standin) -> list[Figure]:
    """With 0, 10,000 and 100,000 dead letters that are not due: start, memory, processor."""
    uses: dict[int, Use] = {}
    ready: dict[int, float] = {}
    for count in COUNTS:
        with Home(home.root.with_name(f"home-{count}"), server.url) as own:
            own.write_dlq([waiting(f"letter {n}") for n in range(count)])
            started = time.monotonic()
            worker = own.worker(env=CALM, dlq_size=count)
            ready[count] = time.monotonic() - started
            uses[count] = at_rest(worker)
    assert server.saves == []
    few, many, most = uses.values()
    share = f"{few.share:.2f} % with none, {most.share:.2f} % with 100,000"
    wakes = f"{many.threads} threads; {few.wakeups:.2f} with none, {most.wakeups:.2f} with 100,000"
    size = f"PSS {many.memory:.0f} MB; {few.memory:.0f} with none"
    starts = ", ".join(f"{taken:.2f} s with {count:,}" for count, taken in ready.items())
    return [
        Figure("idle, 10,000 waiting: share of a core", many.share, "%", 0.1, detail=share),
        Figure("idle, 10,000 waiting: wake-ups", many.wakeups, "/s", 0.3, detail=wakes),
        Figure("idle, 10,000 waiting: resident memory", many.resident, "MB", 70, detail=size),
        Figure("idle, 100,000 waiting: memory (PSS)", most.memory, "MB", 120),
        Figure("100,000 dead letters: memory at its peak", most.peak, "MB", 350),
        Figure("100,000 dead letters: start to ready", ready[COUNTS[-1]], "s", 3, detail=starts),
    ]


START: Final = 10.0  # seconds after which a start is over
WATCHED: Final = 60.0  # seconds
MEGABYTE: Final = 1 << 20
_SWITCHES: Final = "voluntary_ctxt_switches:"


class Use(NamedTuple):
    """Memory in MB (proportional, resident, at its peak), share of a core in per cent, wake-ups.

    A wake-up is a voluntary context switch of any of its threads, in a second; those of its
    child processes, the embedded server's say, are not among them.
    """

    memory: float
    resident: float
    peak: float
    share: float
    wakeups: float
    threads: int


def at_rest(process: Process) -> Use:
    time.sleep(START)
    before, woken, started = process.cpu_seconds(), _switches(process), time.monotonic()
    time.sleep(WATCHED)
    taken, now = time.monotonic() - started, _switches(process)
    # Those of threads that ended meanwhile are lost; of new ones, all count.
    wakeups = sum(count - woken.get(thread, 0) for thread, count in now.items())
    resident, peak = process.memory() / MEGABYTE, process.peak_memory() / MEGABYTE
    share = (process.cpu_seconds() - before) / taken * 100
    return Use(pss(process.pid), resident, peak, share, wakeups / taken, len(now))


def pss(pid: int) -> float:
    """The memory that it would give back, in MB: what it shares counts by its part."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("Pss:"))


def _switches(process: Process) -> dict[str, int]:
    found = {}
    for status in Path(f"/proc/{process.pid}/task").glob("*/status"):
        lines = status.read_text(encoding="ascii").splitlines()
        count = next(line for line in lines if line.startswith(_SWITCHES))
        found[status.parent.name] = int(count.split()[1])
    return found
