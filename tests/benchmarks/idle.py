"""What a worker with nothing to do costs."""

import time

from tests.benchmarks.figure import Figure
from tests.support.home import Home
from tests.support.shapes import waiting
from tests.support.standin import Standin

MANY = 10_000
SETTLED = 10.0  # seconds after which a start is over
WATCHED = 60.0  # seconds
MEGABYTE = 1 << 20


def idle(home: Home, server: Standin) -> list[Figure]:
    """Share of a core and resident memory with 10,000 dead letters that are not due."""
    home.write_dlq([waiting(f"letter {n}") for n in range(MANY)])
    worker = home.worker(env={"MEM0TRAY_SYNC_PROBE_INTERVAL": "30"})
    home.wait(lambda: home.read(home.metrics)["dlq_size"] == MANY, 30, "taken in")
    time.sleep(SETTLED)
    before, started = worker.cpu_seconds(), time.monotonic()
    time.sleep(WATCHED)
    share = (worker.cpu_seconds() - before) / (time.monotonic() - started)
    assert server.saves == []
    memory, peak = worker.memory() / MEGABYTE, worker.peak_memory() / MEGABYTE
    return [
        Figure("idle, share of a core, 10,000 waiting", share * 100, "%", 0.3),
        Figure("idle, resident memory", memory, "MB", 70, detail=f"peak {peak:.0f} MB"),
    ]
