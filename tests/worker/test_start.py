"""Starting the worker where something is not as it should be."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import pytest

from mem0tray.config.settings import PathSettings, ServerSettings, Settings, SyncSettings
from mem0tray.core.errors import LedgerError
from mem0tray.core.events import Events
from mem0tray.ledger import outbox
from mem0tray.ledger.outbox import Outbox
from mem0tray.worker import engine
from mem0tray.worker.dlq.hand_edits import HandEdits
from mem0tray.worker.thread import WorkerThread
from tests.support import needs
from tests.support.forked import ForkedHome
from tests.support.home import Home
from tests.support.http1 import Answer
from tests.support.processes import PATIENCE
from tests.support.shapes import dead, entries, entry, waiting
from tests.support.standin import Standin

FULL: Final = LedgerError("The ledger cannot be used: database or disk is full.")


@pytest.mark.row(30)
def test_nothing_is_sent_before_the_files_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dead letter that is due and was deleted while no worker ran is not sent at the start."""
    with Standin() as server, ForkedHome(tmp_path / "home", server.url) as home:
        server.health = Answer(503)
        home.write_dlq([dead("deleted meanwhile")])
        home.drain()
        home.ok("delete", "--yes", home.dlq_items()[0]["id"])
        server.health = Answer(body={"status": "ok"})
        real, asked = HandEdits.run, server.probes()

        def late(edits: HandEdits) -> None:
            with suppress(AssertionError):  # that nothing comes is what should be
                server.wait_for(lambda: server.saves or server.probes() > asked + 2, 0.5)
            real(edits)

        monkeypatch.setattr(HandEdits, "run", late)
        with working(home, server, monkeypatch):
            server.wait_for(lambda: server.probes() > asked + 3)
        assert server.saves == []


@contextmanager
def working(home: Home, server: Standin, monkeypatch: pytest.MonkeyPatch) -> Iterator[WorkerThread]:
    for variable, value in home.env.items():
        monkeypatch.setenv(variable, value)
    settings = Settings(
        paths=PathSettings(claude_dir=str(home.claude)),
        server=ServerSettings(url=server.url),
        sync=SyncSettings(probe_interval=0.05, idle_probe_interval=0.05),
    )
    worker = WorkerThread(settings, Events(), lambda: None)
    worker.start()
    try:
        yield worker
    finally:
        worker.stop()
        worker.join(PATIENCE)
    assert not worker.is_alive
    assert worker.fatal is None


@needs.linux("elsewhere a look finds it")
def test_a_save_is_seen_without_a_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "LOOK", 1e6)
    with Standin() as server, Home(tmp_path / "home", server.url) as home:
        home.write_dlq([waiting("later")])
        with working(home, server, monkeypatch):
            home.wait(lambda: home.read(home.metrics, {}).get("dlq_size") == 1, what="at work")
            home.write_queue([entry("fresh")])
            server.wait_for(lambda: server.count("fresh") == 1, PATIENCE)
            home.write_dlq([dead("asked for", last_attempt=0)])
            server.wait_for(lambda: server.count("asked for") == 1, PATIENCE)


def failing_twice(monkeypatch: pytest.MonkeyPatch, owner: object, name: str) -> None:
    """Let a question to the ledger, or a change of it, fail two times."""
    real = getattr(owner, name)
    fails = iter([True, True])

    def tried(*arguments: object) -> object:
        if next(fails, False):
            raise FULL
        return real(*arguments)

    monkeypatch.setattr(owner, name, tried)


@pytest.mark.row(6)
@pytest.mark.parametrize(
    ("owner", "name"),
    [(outbox, "make_claims_unknown"), (Outbox, "in_backoff"), (Outbox, "next_due")],
)
def test_a_ledger_that_fails_at_the_start_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: object, name: str
) -> None:
    failing_twice(monkeypatch, owner, name)
    monkeypatch.setattr(engine, "LOOK", 0.01)
    with Standin() as server, ForkedHome(tmp_path / "home", server.url) as home:
        home.write_queue(entries(2))
        with working(home, server, monkeypatch):
            server.wait_for(lambda: server.total_stored() == 2)
