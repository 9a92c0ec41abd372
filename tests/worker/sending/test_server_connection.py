"""The connection to one server: what it is called, and whom its clients speak to."""

from contextlib import closing
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from mem0tray.config.server_address import ServerAddress
from mem0tray.config.settings import ServerSettings
from mem0tray.localserver import endpoint
from mem0tray.localserver.child import LocalServer
from mem0tray.localserver.endpoint import Endpoint
from mem0tray.server.listings import Listings
from mem0tray.server.model import Client, Terms
from mem0tray.system.paths import Paths
from mem0tray.worker.sending import chosen_server
from mem0tray.worker.sending.chosen_server import ServerConnection


class Clients:
    """The clients that were made: for which address, in which dialect, with which proof."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.made: list[Any] = []
        self.local = Endpoint.at(4000, 7, "token", 0.0)
        self.ensured = 0
        self.stopped = 0
        self.forgotten = 0
        self._paths = Paths(folder, folder)
        monkeypatch.setattr(chosen_server, "connect", self._connect)
        monkeypatch.setattr(LocalServer, "ensure", lambda _: self._ensure())
        monkeypatch.setattr(LocalServer, "stop", lambda _: self._stop())
        monkeypatch.setattr(Listings, "forget", lambda _: self._forget())

    def _connect(self, *arguments: Any) -> Client:
        self.made.append(arguments)
        made: Client = mock.Mock()
        return made

    def _ensure(self) -> Endpoint:
        self.ensured += 1
        return self.local

    def _stop(self) -> None:
        self.stopped += 1

    def _forget(self) -> None:
        self.forgotten += 1

    def connection(self, url: str, **settings: Any) -> ServerConnection:
        return ServerConnection(self._paths, ServerSettings(url=url, **settings), url)


@pytest.fixture
def clients(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Clients:
    return Clients(tmp_path, monkeypatch)


def version(connection: ServerConnection) -> int:
    return connection.version


def test_a_server_of_the_user_s_is_named_by_its_address(clients: Clients) -> None:
    with closing(
        clients.connection("https://a.test:8443/mem/", dialect="odd", user="me", infer=True)
    ) as found:
        assert (found.name, found.shown) == ("https://a.test:8443/mem", "a.test:8443")
        assert (found.version, found.other_port, found.warning) == (0, 0, "")
        found.client()
        found.probe_client()  # the settings fix the dialect, so it is a client as any other
    (one, other) = clients.made
    assert one == other
    address, dialect, proof, listings, terms = one
    assert address.url == "https://a.test:8443/mem"
    assert (dialect, proof) == ("odd", None)
    assert terms == Terms("me", infer=True)
    assert isinstance(listings, Listings)  # shared: one listing answers all
    assert (clients.ensured, clients.stopped) == (0, 0)


def test_senders_speak_what_probes_have_recognised(clients: Clients) -> None:
    with closing(clients.connection("https://a.test")) as found, closing(found.probe_client()):
        assert clients.made == []
        found.recognition.learn("oss")
        found.client()
    ((_, dialect, *_),) = clients.made
    assert dialect == "oss"


@pytest.mark.parametrize(
    ("url", "warning"),
    [
        ("https://a.test", ""),
        ("http://a.test", "memories go to a.test over plain http, readable on the way"),
        ("http://127.0.0.1:8000", ""),
        ("local", ""),
    ],
)
def test_a_way_that_others_can_read_on_is_warned_of(
    clients: Clients, url: str, warning: str
) -> None:
    assert clients.connection(url).warning == warning


def test_the_embedded_server_is_started_when_it_is_needed(clients: Clients) -> None:
    found = clients.connection("local", dialect="odd")
    assert (found.name, found.shown, found.other_port) == ("local", "this computer only", 0)
    assert clients.ensured == 0
    found.client()
    assert clients.ensured == 1
    found.client()
    assert clients.ensured == 1
    found.probe_client()
    assert clients.ensured == 2
    for address, dialect, proof, _ in clients.made:
        assert (address.url, address.token) == ("http://127.0.0.1:4000", "token")
        assert dialect == endpoint.DIALECT
        assert proof("challenge") == endpoint.proof("token", "challenge")
    assert len({id(listings) for *_, listings in clients.made}) == 1
    assert clients.stopped == 0
    found.close()
    assert clients.stopped == 1


def test_another_port_or_token_is_another_address(clients: Clients) -> None:
    found = clients.connection("local")
    found.probe_client()
    found.probe_client()
    assert (version(found), clients.forgotten) == (1, 1)
    clients.local = Endpoint.at(4001, 7, "token", 0.0)
    found.probe_client()
    assert (version(found), clients.forgotten) == (2, 2)
    assert clients.made[-1][0].url == "http://127.0.0.1:4001"
    clients.local = Endpoint.at(4001, 7, "another", 0.0)
    found.probe_client()
    assert (version(found), clients.forgotten) == (3, 3)
    assert clients.made[-1][0] == ServerAddress.of("http://127.0.0.1:4001", "another")
