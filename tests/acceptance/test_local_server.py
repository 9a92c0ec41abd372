"""The embedded server: minimal, real, and closed to everybody else."""

import json
import os
import signal
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from tests.support.home import Home
from tests.support.processes import Process

LOCAL = {"MEM0TRAY_SERVER_URL": "local"}


class Endpoint(NamedTuple):
    """What stands in the private file of a running embedded server."""

    port: int
    token: str
    pid: int
    file: Path


def endpoint(home: Home) -> Endpoint | None:
    for path in home.data_files("*"):
        if path.suffix == ".tmp":  # just being written: it gets another name
            continue
        try:
            found = json.loads(path.read_bytes())
        except (ValueError, OSError):
            continue
        if isinstance(found, dict) and {"token", "port", "pid"} <= set(found):
            return Endpoint(found["port"], found["token"], found["pid"], path)
    return None


def running(home: Home) -> Endpoint:
    found: list[Endpoint] = []

    def healthy() -> bool:
        place = endpoint(home)
        if place is None:
            return False
        try:
            answer = httpx.get(f"http://127.0.0.1:{place.port}/health", trust_env=False)
        except httpx.TransportError:
            return False
        found.append(place)
        return answer.status_code == 200

    home.wait(healthy, what="the embedded server, healthy")
    return found[-1]


def gone(pid: int) -> bool:
    try:
        return "State:\tZ" in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return True


@pytest.fixture
def local_worker(bare_home: Home) -> Process:
    return bare_home.worker(env=LOCAL)


def test_the_worker_restarts_it_and_stops_it(bare_home: Home, local_worker: Process) -> None:
    first = running(bare_home)
    os.kill(first.pid, signal.SIGKILL)
    bare_home.wait(lambda: gone(first.pid), what="killed")
    bare_home.producer("--label", "after").wait()
    bare_home.wait(lambda: bare_home.stats()["total_synced"] == 1, what="delivered after all")
    second = running(bare_home)
    assert second.pid != first.pid
    local_worker.stop()
    bare_home.wait(lambda: gone(second.pid), what="stopped with the worker")
