"""Where deliveries go: which server it is, and how a change of it is told."""

from contextlib import closing
from pathlib import Path

import pytest

from mem0tray.config.settings import ServerSettings, Settings
from mem0tray.core import events, reasons
from mem0tray.core.item import Kind
from mem0tray.ledger.database import Ledger
from mem0tray.ledger.reader import Reader
from mem0tray.localserver.child import LocalServer
from mem0tray.localserver.endpoint import Endpoint
from mem0tray.server import Health, KeyCheck, KeyVerdict
from mem0tray.server.vps import VpsClient
from mem0tray.system.paths import Paths
from mem0tray.worker.context import WorkerContext
from mem0tray.worker.sending.chosen_server import ChosenServer
from mem0tray.worker.sending.server_connection import ServerConnection
from tests.ledger.samples import fresh


@pytest.mark.parametrize(
    ("change", "same"),
    [
        (ServerSettings(url="https://a.test", api_key="key"), True),
        (ServerSettings(url="https://b.test"), False),
        (ServerSettings(url="local"), False),
    ],
    ids=["key", "address", "this computer"],
)
def test_another_key_is_not_told_as_another_server(
    tmp_path: Path, change: ServerSettings, *, same: bool
) -> None:
    told: list[events.Event] = []
    bus = events.Events()
    bus.subscribe(told.append)
    with closing(Ledger(tmp_path / "ledger")) as ledger:
        context = WorkerContext(Paths(tmp_path, tmp_path), Settings(), ledger, bus)
        chosen = ChosenServer(context)
        chosen.choose(ServerSettings(url="https://a.test"), events.WorkerStarted)
        chosen.choose(change, events.ServerChanged)
        chosen.close()
    (changed,) = (each for each in told if isinstance(each, events.ServerChanged))
    assert changed.same is same


@pytest.mark.parametrize("verdict", [KeyVerdict.OPEN, KeyVerdict.REFUSED])
def test_a_key_that_is_taken_ends_a_refusal_for_commands_too(
    tmp_path: Path, verdict: KeyVerdict
) -> None:
    """Though no memory is there to be delivered, and the worker may be gone when they look."""
    path = tmp_path / "ledger"
    with closing(Ledger(path)) as ledger:
        context = WorkerContext(Paths(tmp_path, tmp_path), Settings(), ledger, events.Events())
        chosen = ChosenServer(context)
        chosen.choose(ServerSettings(url="https://a.test"), events.WorkerStarted)
        key = context.inbox.add_fresh(fresh("a"), 5.0, ask=False)
        context.outbox.record_attempt(key, 6.0, Kind.UNAUTHORIZED, 401, "401 Unauthorized", 0.1)
        chosen._probed(Health(healthy=True, reason=reasons.NONE), KeyCheck(verdict))
        chosen.close()
    with Reader(path) as reader:
        assert (reader.last_refusal() is None) == (verdict is KeyVerdict.OPEN)


def test_the_embedded_server_is_spoken_to_in_its_own_dialect(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LocalServer, "ensure", lambda _: Endpoint.at(1, 1, "token", 0.0))
    server = ServerSettings(url="local", dialect="another")
    connection = ServerConnection(Paths(tmp_path, tmp_path), server, "local")
    with closing(connection.probe_client()) as client:
        assert isinstance(client, VpsClient)
