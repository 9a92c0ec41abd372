"""Where deliveries go: which server it is, and how a change of it is told."""

from contextlib import closing
from pathlib import Path

import pytest

from mem0tray.config.settings import ServerSettings, Settings
from mem0tray.core import events
from mem0tray.ledger.database import Ledger
from mem0tray.localserver.child import LocalServer
from mem0tray.localserver.endpoint import Endpoint
from mem0tray.server.vps import VpsClient
from mem0tray.system.paths import Paths
from mem0tray.worker.context import WorkerContext
from mem0tray.worker.sending.chosen_server import ChosenServer
from mem0tray.worker.sending.server_connection import ServerConnection


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


def test_the_embedded_server_is_spoken_to_in_its_own_dialect(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LocalServer, "ensure", lambda _: Endpoint.at(1, 1, "token", 0.0))
    server = ServerSettings(url="local", dialect="another")
    connection = ServerConnection(Paths(tmp_path, tmp_path), server, "local")
    with closing(connection.probe_client()) as client:
        assert isinstance(client, VpsClient)
