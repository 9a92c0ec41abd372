"""What a worker with nothing to do leaves alone."""

import threading
from pathlib import Path
from typing import Final

import pytest

from mem0tray.worker import engine
from mem0tray.worker.engine import Engine
from mem0tray.worker.sending.delivery import Delivery
from tests.support import needs
from tests.support.home import Home
from tests.support.shapes import dead, entry, waiting
from tests.support.standin import Standin
from tests.worker.test_start import working

PATIENCE: Final = 10.0
LOOKS: Final = 20


def counted(
    monkeypatch: pytest.MonkeyPatch, owner: type[object], name: str, calls: threading.Semaphore
) -> None:
    real = getattr(owner, name)

    def counting(self: object) -> object:
        result = real(self)
        calls.release()
        return result

    monkeypatch.setattr(owner, name, counting)


def test_nothing_due_wakes_no_sender(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While dead letters wait for their time, a look at the files is the worker's alone."""
    looks, kicks = threading.Semaphore(0), threading.Semaphore(0)
    counted(monkeypatch, Engine, "turn", looks)
    counted(monkeypatch, Delivery, "kick", kicks)
    monkeypatch.setattr(engine, "LOOK", 0.01)
    with Standin() as server, Home(tmp_path / "home", server.url) as home:
        home.write_dlq([waiting("later")])
        with working(home, server, monkeypatch):
            for _ in range(LOOKS):
                assert looks.acquire(timeout=PATIENCE)
    kicks.acquire(blocking=False)  # the prober's, should it have found the server well by now
    assert not kicks.acquire(blocking=False)


@needs.linux("elsewhere a look finds it")
def test_a_save_is_seen_without_a_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "LOOK", 1e6)
    with Standin() as server, Home(tmp_path / "home", server.url) as home:
        home.write_dlq([waiting("later")])
        with working(home, server, monkeypatch):
            home.wait(lambda: home.read(home.metrics, {}).get("dlq_size") == 1, 10, "at work")
            home.write_queue([entry("fresh")])
            server.wait_for(lambda: server.count("fresh") == 1, PATIENCE)
            home.write_dlq([dead("asked for", last_attempt=0)])
            server.wait_for(lambda: server.count("asked for") == 1, PATIENCE)
