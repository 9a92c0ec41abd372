"""The embedded server: minimal, real, and closed to everybody else."""

import os
import signal
from pathlib import Path

from mem0tray.localserver import endpoint
from mem0tray.localserver.endpoint import Endpoint
from mem0tray.system.paths import Paths
from tests.support.home import Home


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
