"""`doctor` while the settings in the file are wrong: it looks at what holds, not at defaults."""

import os
import socket
from collections.abc import Iterator

import pytest

from mem0tray.files.lock import InstanceLock
from tests.cli.doctoring import checks
from tests.cli.scratch import Scratch
from tests.support.standin import Standin

BROKEN = "[server\n"


@pytest.fixture
def worker(home: Scratch) -> Iterator[None]:
    """A worker that delivers by its former settings."""
    home.write("mem0_queue.json", {"queue": []})
    own = {"pid": os.getpid(), "host": socket.gethostname()}
    home.write(
        "mem0_metrics.json",
        {**own, "state": "action needed", "reason": "wrong", "destination": "mem0.example"},
    )
    lock = InstanceLock(home.paths.instance_lock)
    lock.acquire()
    yield
    lock.release()


@pytest.mark.usefixtures("worker")
def test_a_server_that_cannot_be_read_is_not_judged(home: Scratch) -> None:
    """Nobody is told to choose a server while the worker delivers to one."""
    home.configure(BROKEN)
    ((level, text),) = checks(home, "server")
    assert level == "warn"
    assert "The worker goes on with the former settings: mem0.example." in text
    assert "choose a server" not in text


def test_without_a_worker_none_goes_on(home: Scratch) -> None:
    """The default is not taken for what is meant, and no worker is spoken of."""
    home.configure(BROKEN)
    ((level, text),) = checks(home, "server")
    assert level == "warn"
    assert "which one is meant cannot be read" in text
    assert "worker" not in text


def test_what_can_be_read_holds(home: Scratch, server: Standin) -> None:
    """A wrong value elsewhere takes no server away, and each one is named."""
    home.configure('[sync]\ntimeout = "soon"\nmax_attempts = 0\n')
    ((level, text),) = checks(home, "server")
    assert level == "ok"
    assert text.startswith(f"{server.netloc} is healthy and speaks `vps`: ")
    told = [text for _, text in checks(home, "settings")]
    assert len(told) == 2
    assert "sync.timeout" in told[0]
    assert "sync.max_attempts" in told[1]
    assert home.run("doctor").code == 2
