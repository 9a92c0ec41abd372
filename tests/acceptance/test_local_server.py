"""The embedded server: minimal, real, and closed to everybody else."""

import os
import signal
from pathlib import Path

from mem0tray.localserver import endpoint
from mem0tray.localserver.endpoint import Endpoint
from mem0tray.system.paths import Paths
from tests.support.home import Home
from tests.support.shapes import entry


def running(home: Home) -> Endpoint:
    folder = Paths(home.claude, home.data / "mem0tray").local_server
    home.wait(lambda: endpoint.find(folder), what="the embedded server")
    found = endpoint.read(folder)
    assert found is not None
    return found


def gone(pid: int) -> bool:
    try:
        return "State:\tZ" in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return True


def test_the_worker_restarts_it_and_stops_it(bare_home: Home) -> None:
    worker = bare_home.worker(env={"MEM0TRAY_SERVER_URL": "local"})
    first = running(bare_home)
    os.kill(first.pid, signal.SIGKILL)
    bare_home.wait(lambda: gone(first.pid), what="killed")
    bare_home.producer("--label", "after").wait()
    bare_home.wait(lambda: bare_home.stats()["total_synced"] == 1, what="delivered after all")
    second = running(bare_home)
    assert second.pid != first.pid
    worker.stop()
    bare_home.wait(lambda: gone(second.pid), what="stopped with the worker")


def test_a_project_with_a_very_long_memory_is_recalled_whole(bare_home: Home) -> None:
    bare_home.env["MEM0TRAY_SERVER_URL"] = "local"
    long = entry("x" * 1_000_000)
    bare_home.write_queue([*(entry(f"short {n}") for n in range(29)), long])
    bare_home.drained()
    found = bare_home.json("recall", "-p", "alpha", "--limit", "1000")
    assert len(found["memories"]) == 30
    serving = bare_home.start("serve", "--port", "0")
    bare_home.wait(lambda: "is ready" in serving.out, what="the embedded server")
    found = bare_home.json("recall", "-p", "alpha", "--limit", "1000")
    assert (len(found["memories"]), "does not list all memories" in found["note"]) == (30, True)
