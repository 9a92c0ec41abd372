"""Another worker's process: named only for sure, stopped only if it is still the same."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from mem0tray.actions import other_process
from mem0tray.ledger.taken_by_others import WorkerSeen

HERE = socket.gethostname()


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """Run a process that says that it is there, and then does nothing."""
    script = "import time; print('here', flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()  # only a process that runs has a command line
        yield process
        process.kill()


def test_a_process_is_named_and_ended(sleeper: subprocess.Popen[bytes]) -> None:
    """Its command line, and the command that stops it."""
    now = time.time()
    found = other_process.find(WorkerSeen(sleeper.pid, HERE, now, now))
    assert found is not None
    assert "time.sleep(60)" in found.command
    assert found.ours
    assert f"{sleeper.pid}" in found.stop or ".service" in found.stop
    if not found.unit:
        assert other_process.end(found)
        assert sleeper.wait(5) != 0


def test_what_is_no_certain_process_is_not_named(sleeper: subprocess.Popen[bytes]) -> None:
    """Without an id, on another computer, ourselves, gone, or begun after it gave its sign."""
    now = time.time()
    for pid, host, last in (
        (None, HERE, now),
        (sleeper.pid, "elsewhere", now),
        (os.getpid(), HERE, now),
        (2**22 + 1, HERE, now),
        (sleeper.pid, HERE, now - 3600),
    ):
        assert other_process.find(WorkerSeen(pid, host, last, last)) is None


def test_an_id_that_is_another_process_by_now_is_left_alone(
    sleeper: subprocess.Popen[bytes],
) -> None:
    """What was named has ended: whoever has its id is not sent a signal."""
    former = other_process.Neighbour(sleeper.pid, "mem0_worker.py", "1", "", f"kill {sleeper.pid}")
    assert other_process.end(former)
    assert sleeper.poll() is None
