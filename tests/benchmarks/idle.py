"""What a worker costs that has nothing to do but to wait, with many dead letters."""

import time

from tests.benchmarks.figure import Figure
from tests.benchmarks.rest import MEGABYTE, Use, at_rest
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
    resident: dict[int, float] = {}
    peak = 0.0
    for count in COUNTS:
        with Home(home.root.with_name(f"home-{count}"), server.url) as own:
            own.write_dlq([waiting(f"letter {n}") for n in range(count)])
            worker, ready[count] = _started(own, count)
            uses[count] = at_rest(worker)
            resident[count] = worker.memory() / MEGABYTE
            peak = worker.peak_memory() / MEGABYTE
    assert server.saves == []
    few, many, most = (uses[count] for count in COUNTS)
    memory = _parts({count: use.memory for count, use in uses.items()})
    wakeups = _parts({count: use.wakeups for count, use in uses.items()})
    share = f"{few.share:.2f} % with none, {most.share:.2f} % with 100,000"
    return [
        Figure("idle, 10,000 waiting: share of a core", many.share, "%", 0.1, detail=share),
        Figure(
            "idle, 10,000 waiting: wake-ups", many.wakeups, "/s", 0.3,
            detail=f"{many.threads} threads", parts=wakeups, parts_unit="/s",
        ),
        Figure(
            "idle, 10,000 waiting: resident memory", resident[COUNTS[1]], "MB", 70,
            detail=f"PSS {many.memory:.0f} MB", parts=memory, parts_unit="MB (PSS)",
        ),
        Figure("idle, 100,000 waiting: memory (PSS)", most.memory, "MB", 120),
        Figure("100,000 dead letters: memory at its peak", peak, "MB", 350),
        Figure(
            "100,000 dead letters: start to ready", ready[COUNTS[-1]], "s", 3,
            parts=_parts(ready), parts_unit="s",
        ),
    ]  # fmt: skip


def _started(home: Home, count: int) -> tuple[Process, float]:
    """A worker that has published what waits, and the seconds from its start to that."""
    started = time.monotonic()
    worker = home.start("run", env=CALM)
    home.wait(lambda: home.read(home.metrics, {}).get("pid") == worker.pid, 60, "started")
    home.wait(lambda: home.read(home.metrics)["dlq_size"] == count, 60, "taken in")
    return worker, time.monotonic() - started


def _parts(values: dict[int, float]) -> tuple[tuple[str, float], ...]:
    return tuple((f"{count:,} dead letters", value) for count, value in values.items())
