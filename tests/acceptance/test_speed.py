"""What is measured: throughput, latency of `add`, weight when idle. For a quiet machine."""

import statistics
import subprocess
import sys
import time
from functools import partial

import pytest

from tests.support.home import Home
from tests.support.http1 import Answer
from tests.support.processes import seconds
from tests.support.shapes import entries, entry, waiting
from tests.support.standin import Standin

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
MEGABYTE = 1 << 20


BARE_LOOP = """
import httpx, json, sys
url, path = sys.argv[1:]
with httpx.Client(trust_env=False) as client:
    for item in json.load(open(path))["queue"]:
        body = {"user_id": item["project_id"], "content": item["content"]}
        headers = {"Idempotency-Key": item["id"]}
        client.post(url + "/memory", json=body, headers=headers).raise_for_status()
"""


def bare_loop(home: Home, server: Standin) -> None:
    """Send the queue with a bare keep-alive client in a process of its own."""
    command = [sys.executable, "-c", BARE_LOOP, server.url, str(home.queue)]
    subprocess.run(command, env=home.env, check=True, timeout=120)


def test_a_drain_keeps_up_with_a_bare_client(home: Home, server: Standin) -> None:
    """5,000 memories at 0.85 of a bare httpx loop, or better; best of three, start-ups counted."""
    loops, drains = [], []
    for number in range(3):
        home.write_queue(entries(5000, f"run {number}"))
        loops.append(seconds(lambda: bare_loop(home, server)))
        home.write_queue(entries(5000, f"drain {number}"))
        drains.append(seconds(home.drained))
    assert min(loops) / min(drains) >= 0.85, (loops, drains)


def test_from_add_to_sent_with_10000_dead_letters(home: Home, server: Standin) -> None:
    """From typing `add` to sent takes less than 200 ms, median, with 10,000 dead letters."""
    home.write_dlq([waiting(f"letter {n}") for n in range(10_000)])
    home.worker()
    home.wait(lambda: home.read(home.metrics)["dlq_size"] == 10_000, 30, "taken in")
    times = []
    for number in range(15):
        started = time.monotonic()
        home.ok("add", "--project", "alpha", f"quick {number}")
        server.wait_for(partial(server.count, f"quick {number}"), 5)
        times.append(server.saves[-1].started - started)
    assert statistics.median(times) < 0.2, times


def test_an_idle_worker_weighs_little(home: Home, server: Standin) -> None:
    """Idle with 10,000 waiting: under 0.3 % of a core and under 70 MB."""
    home.write_dlq([waiting(f"letter {n}") for n in range(10_000)])
    worker = home.worker(env={"MEM0TRAY_SYNC_PROBE_INTERVAL": "30"})
    home.wait(lambda: home.read(home.metrics)["dlq_size"] == 10_000, 30, "taken in")
    time.sleep(10)
    before, started = worker.cpu_seconds(), time.monotonic()
    time.sleep(60)
    share = (worker.cpu_seconds() - before) / (time.monotonic() - started)
    assert share < 0.003
    assert worker.memory() < 70 * MEGABYTE
    assert server.saves == []


def test_metrics_are_written_at_least_every_30_seconds(home: Home) -> None:
    """An idle worker rewrites the metrics within 30 s."""
    home.worker()
    before = home.read(home.metrics)["last_update"]
    home.wait(lambda: home.read(home.metrics)["last_update"] != before, 32, "rewritten")


def test_a_slow_server_does_not_slow_down_add(home: Home, server: Standin) -> None:
    """`add` is as quick while every request hangs."""
    server.default = Answer(delay=30)
    home.write_queue([entry(f"hanging {n}") for n in range(20)])
    home.worker()
    times = [seconds(lambda: home.ok("add", "--project", "alpha", "x")) for _ in range(5)]
    assert statistics.median(times) < 1
