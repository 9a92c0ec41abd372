"""Starting the worker where something is not as it should be."""

import threading
from pathlib import Path

import pytest

from mem0tray.errors import LedgerError
from mem0tray.events import Events
from mem0tray.ledger.inbox import Inbox
from mem0tray.settings import PathSettings, ServerSettings, Settings, SyncSettings
from mem0tray.worker import loop
from tests.support.home import Home
from tests.support.shapes import entries
from tests.support.standin import Standin


@pytest.mark.row(6)
def test_a_ledger_that_cannot_be_written_at_the_start_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that is full just when the ledger has been opened delays the worker, no more."""
    real = Inbox.forget_requests_under_way
    fails = iter([True, True])

    def forget(inbox: Inbox) -> int:
        if next(fails, False):
            raise LedgerError("The ledger cannot be used: database or disk is full.")
        return real(inbox)

    monkeypatch.setattr(Inbox, "forget_requests_under_way", forget)
    monkeypatch.setattr(loop, "LOOK", 0.01)
    with Standin() as server, Home(tmp_path / "home", server.url) as home:
        for name, value in home.env.items():
            monkeypatch.setenv(name, value)
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
