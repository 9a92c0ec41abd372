"""Starting the worker where something is not as it should be."""

import threading
from pathlib import Path
from typing import Final

import pytest

from mem0tray.errors import LedgerError
from mem0tray.events import Events
from mem0tray.ledger.inbox import Inbox
from mem0tray.ledger.outbox import Outbox
from mem0tray.settings import PathSettings, ServerSettings, Settings, SyncSettings
from mem0tray.worker import loop
from tests.support.home import Home
from tests.support.shapes import entries
from tests.support.standin import Standin

FULL: Final = LedgerError("The ledger cannot be used: database or disk is full.")


def failing_twice(monkeypatch: pytest.MonkeyPatch, owner: type[object], name: str) -> None:
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
    [(Inbox, "forget_requests_under_way"), (Outbox, "waiting_dead"), (Outbox, "next_due")],
)
def test_a_ledger_that_fails_at_the_start_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: type[object], name: str
) -> None:
    """Whatever fails just when the ledger has been opened delays the worker, no more."""
    failing_twice(monkeypatch, owner, name)
    monkeypatch.setattr(loop, "LOOK", 0.01)
    with Standin() as server, Home(tmp_path / "home", server.url) as home:
        for variable, value in home.env.items():
            monkeypatch.setenv(variable, value)
        home.write_queue(entries(2))
        settings = Settings(
            paths=PathSettings(claude_dir=str(home.claude)),
            server=ServerSettings(url=server.url),
            sync=SyncSettings(probe_interval=0.05),
        )
        worker = loop.Worker(settings, Events(), lambda: None)
        thread = threading.Thread(target=worker.run)
        thread.start()
        try:
            server.wait_for(lambda: server.total_stored() == 2, 10)
        finally:
            worker.stop()
            thread.join(10)
    assert not thread.is_alive()
