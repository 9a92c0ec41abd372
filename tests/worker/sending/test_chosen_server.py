"""The chosen server: what a choice and a probe mean for breaker, deliveries, metrics, outages."""

import time
from collections.abc import Iterator
from contextlib import closing
from math import inf
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from mem0tray.config import keyring_key, server_choice
from mem0tray.config.server_address import ServerAddress
from mem0tray.config.settings import ServerSettings, Settings, SyncSettings
from mem0tray.core import events, reasons
from mem0tray.core.circuit_breaker import Obstacle
from mem0tray.core.errors import LedgerError, SettingsError
from mem0tray.core.state import ACTION_NEEDED, HEALTHY, STARTING
from mem0tray.localserver import endpoint
from mem0tray.localserver.child import LocalServer
from mem0tray.localserver.endpoint import Endpoint
from mem0tray.server.listings import Listings
from mem0tray.server.model import Client, Health, KeyCheck, KeyVerdict, Terms
from mem0tray.system.paths import Paths
from mem0tray.worker.context import WorkerContext
from mem0tray.worker.sending import chosen_server, delivery
from mem0tray.worker.sending.chosen_server import (
    REPORT_AGAIN,
    ChosenServer,
    Prober,
    ServerConnection,
)
from mem0tray.worker.sending.delivery import Delivery
from tests.ledger.samples import NOW, fresh
from tests.worker.ground import grounded, told_on
from tests.worker.stage import stand_in

A = ServerSettings(url="http://a.test")
WELL = Health(healthy=True, reason=reasons.NONE)
ILL = Health(healthy=False, reason=reasons.quoted("down"))


class Choosing:
    """A chosen server whose delivery, prober, connections and clock are stand-ins."""

    def __init__(self, context: WorkerContext, monkeypatch: pytest.MonkeyPatch) -> None:
        self.context = context
        self.context.wake = mock.Mock()
        self.moment = 1000.0
        self.told = told_on(context)
        self.breaker = context.breaker
        self.delivery: Any = stand_in(Delivery, under_way=0, delivered_at=-inf)
        self.prober: Any = stand_in(Prober)
        monkeypatch.setattr(chosen_server, "Delivery", self._delivery)
        monkeypatch.setattr(chosen_server, "Prober", lambda _: self.prober)
        monkeypatch.setattr(WorkerContext, "now", staticmethod(lambda: NOW))
        monkeypatch.setattr(time, "monotonic", lambda: self.moment)
        self.chosen = ChosenServer(context)

    def _delivery(self, *_: Any) -> Any:
        return self.delivery

    def connect(self) -> Client:
        """Connect as a sender of the last choice does."""
        client: Client = self.delivery.change_server.call_args.args[1]()
        return client

    def connection(self) -> Any:
        made = stand_in(ServerConnection, version=0, other_port=0)
        made.name, made.shown, made.warning = "http://a.test", "a.test", ""
        self.chosen._connection = made
        return made

    def state(self) -> str:
        return self.breaker.state(NOW).name

    def wants_canary(self) -> None:
        self.breaker.note_probe(healthy=True, reason=reasons.NONE)
        self.breaker.set_misconfigured(reasons.quoted("refused"), NOW)


@pytest.fixture
def choosing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Choosing]:
    with grounded(tmp_path, server="") as context:
        yield Choosing(context, monkeypatch)


def test_a_choice_is_told_everywhere(choosing: Choosing) -> None:
    choosing.breaker.block("server", server_choice.CHOOSE)
    choosing.breaker.note_probe(healthy=True, reason=reasons.NONE)
    choosing.chosen.choose(A, events.WorkerStarted)
    assert choosing.context.server == "http://a.test"
    assert choosing.context.destination == "a.test"
    choosing.delivery.change_server.assert_called_once_with("http://a.test", mock.ANY)
    choosing.prober.kick.assert_called_once_with()
    warning = "memories go to a.test over plain http, readable on the way"
    assert choosing.told == [events.WorkerStarted("a.test", warning)]
    assert choosing.state() == STARTING  # what the former one said is forgotten
    assert not choosing.breaker.blocked_by("server")


def test_a_change_closes_the_former_connection(choosing: Choosing) -> None:
    before = choosing.connection()
    choosing.chosen.choose(A, events.ServerChanged)
    before.close.assert_called_once_with()
    choosing.chosen.choose(ServerSettings(url="https://b.test"), events.ServerChanged)
    assert choosing.told[1:] == [events.ServerChanged("b.test", "")]


def test_a_sender_that_connects_during_a_choice_reaches_the_server_that_it_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ledger would name a server that never had the memory."""
    with grounded(tmp_path, server="") as context:
        chosen = ChosenServer(context)
        chosen.choose(ServerSettings(url="http://a.test", dialect="vps"), events.WorkerStarted)
        sender, reached = delivery._Sender(0), []
        change = chosen.delivery.change_server

        def connect_first(*server: Any) -> None:
            client: Any = chosen.delivery._connected(sender)
            reached.append((chosen.delivery._server, client._transport._there.url))
            change(*server)

        monkeypatch.setattr(chosen.delivery, "change_server", connect_first)
        chosen.choose(ServerSettings(url="http://b.test", dialect="vps"), events.ServerChanged)
    assert reached == [("http://a.test", "http://a.test")]


@pytest.mark.parametrize("obstacle", ["dialect", "keyring"])
def test_what_stood_in_the_way_to_the_former_server_is_forgotten(
    choosing: Choosing, obstacle: Obstacle
) -> None:
    """That it speaks no known dialect, or has its key in a keyring that does not answer."""
    choosing.breaker.block(obstacle, reasons.quoted("odd"))
    choosing.chosen.choose(A, events.ServerChanged)
    assert not choosing.breaker.blocked_by(obstacle)


def test_while_nobody_knows_which_is_meant_nothing_is_connected(choosing: Choosing) -> None:
    before = choosing.connection()
    choosing.chosen.choose(None, events.ServerChanged)
    before.close.assert_called_once_with()
    assert (choosing.context.server, choosing.context.destination) == ("", "")
    choosing.delivery.change_server.assert_called_once_with("", mock.ANY)
    assert choosing.told == [events.ServerChanged("", "")]
    assert not choosing.breaker.blocked_by("server")
    with pytest.raises(SettingsError) as caught:
        choosing.connect()
    assert caught.value.message == "No server is chosen."
    assert caught.value.remedy == str(server_choice.HOW)
    choosing.chosen.close()


@pytest.mark.parametrize(("interval", "idle"), [(30.0, 600.0), (300.0, 600.0), (900.0, 900.0)])
def test_a_server_that_is_well_is_probed_every_ten_minutes(
    choosing: Choosing, interval: float, idle: float
) -> None:
    """After the last probe or delivery; the prober looks at each interval whether that holds."""
    choosing.context.settings = Settings(sync=SyncSettings(probe_interval=interval))
    choosing.connection()
    choosing.chosen.probed(WELL, None)
    until = choosing.chosen.until_probe
    assert until() == interval
    choosing.moment += idle
    assert until() == pytest.approx(0.0)
    choosing.delivery.delivered_at = choosing.moment
    assert until() == interval


@pytest.mark.parametrize("why", ["down", "refuses", "embedded"])
def test_a_server_whose_state_may_change_any_moment_is_probed_at_each_interval(
    choosing: Choosing, why: str
) -> None:
    """One that is down, or refuses everything; and the embedded one, which may have to start."""
    choosing.connection()
    choosing.context.server = "local" if why == "embedded" else "http://a.test"
    choosing.chosen.probed(ILL if why == "down" else WELL, None)
    if why == "refuses":
        choosing.breaker.set_misconfigured(reasons.quoted("refused"), NOW)
    until = choosing.chosen.until_probe
    assert until() == 30.0
    choosing.moment += 30.0
    assert until() == 0.0


@pytest.mark.parametrize(
    ("silence", "under_way", "paused", "probes"),
    [
        (31.0, 0, False, True),
        (30.0, 0, False, False),
        (31.0, 1, False, False),
        (31.0, 0, True, False),
    ],
)
def test_after_a_silence_nothing_is_sent_before_a_probe(
    choosing: Choosing, silence: float, under_way: int, *, paused: bool, probes: bool
) -> None:
    choosing.connection()
    choosing.chosen.probed(WELL, None)
    if paused:
        choosing.breaker.pause(NOW + 60)
    choosing.delivery.under_way = under_way
    choosing.moment += silence
    choosing.chosen.freshen()
    assert choosing.prober.kick.call_count == probes
    assert choosing.breaker.lets_through(NOW) is (not probes and not paused)
    choosing.chosen.freshen()  # one probe is enough
    assert choosing.prober.kick.call_count == probes


@pytest.mark.parametrize("begins", ["before the choice", "during it"])
def test_a_probe_of_the_server_before_says_nothing_of_the_one_chosen_now(
    choosing: Choosing, monkeypatch: pytest.MonkeyPatch, begins: str
) -> None:
    chosen, before = choosing.chosen, choosing.connection()

    def connected(_: ServerSettings) -> Any:
        if begins == "during it":
            chosen.probe_client()
        return choosing.connection()

    monkeypatch.setattr(chosen, "_connected", connected)
    if begins == "before the choice":
        before.probe_client.side_effect = lambda **_: chosen.choose(A, events.ServerChanged)
        chosen.probe_client()
    else:
        chosen.choose(A, events.ServerChanged)
    chosen.probed(WELL, None)
    assert not choosing.breaker.lets_through(NOW)
    chosen.probe_client()
    chosen.probed(WELL, None)
    assert choosing.breaker.lets_through(NOW)


def test_a_probe_that_changes_something_wakes_all(choosing: Choosing) -> None:
    connection = choosing.connection()
    choosing.chosen.probed(WELL, None)
    assert choosing.state() == HEALTHY
    for _ in range(2):
        assert choosing.context.wake.set.call_count == 1  # type: ignore[attr-defined]
        assert choosing.delivery.kick.call_count == 1
        choosing.chosen.probed(WELL, None)
    connection.forget_listings.assert_not_called()
    choosing.delivery.clear_suspects.assert_not_called()


def test_another_address_of_the_embedded_server_is_taken_up(choosing: Choosing) -> None:
    choosing.context.settings = Settings(server=ServerSettings(url="local", local_port=4000))
    choosing.context.server = "local"
    connection = choosing.connection()
    choosing.chosen.probed(WELL, None)
    choosing.delivery.connect_anew.assert_not_called()
    connection.version = 1
    for _ in range(2):
        choosing.chosen.probed(WELL, None)
    choosing.delivery.connect_anew.assert_called_once_with()
    assert choosing.told == []
    connection.version, connection.other_port = 2, 4001
    for _ in range(2):
        choosing.chosen.probed(WELL, None)
    assert choosing.told == [events.OtherPort(4000, 4001)]


@pytest.mark.parametrize(
    ("verdict", "state"),
    [
        (KeyVerdict.TAKEN, HEALTHY), (KeyVerdict.OPEN, HEALTHY), (KeyVerdict.CANNOT_TELL, HEALTHY),
        (KeyVerdict.REFUSED, ACTION_NEEDED),
    ],
)  # fmt: skip
def test_a_key_that_is_taken_ends_a_refusal(
    choosing: Choosing, verdict: KeyVerdict, state: str
) -> None:
    choosing.wants_canary()
    choosing.chosen.probed(WELL, KeyCheck(verdict))
    assert choosing.state() == state
    assert choosing.context.wake.set.called == (state == HEALTHY)  # type: ignore[attr-defined]
    assert choosing.delivery.kick.called == (state == HEALTHY)


def test_the_key_is_asked_about_where_no_memory_could_tell(choosing: Choosing) -> None:
    asks = choosing.chosen.asks_key
    assert not asks()
    choosing.wants_canary()
    assert asks()
    choosing.delivery.under_way = 1
    assert not asks()
    choosing.delivery.under_way = 0
    choosing.context.inbox.add_fresh(fresh("a"), NOW, ask=False)
    assert not asks()


def test_a_key_in_the_keyring_is_read_for_the_first_probe_and_where_it_may_be_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = iter(["first", "second"])
    monkeypatch.setattr(keyring_key, "read", lambda *_: next(keys))
    server = ServerSettings(url="http://127.0.0.1:9", keyring=True)
    made = ServerConnection(Paths(tmp_path, tmp_path), server, server.url)
    assert made.warning == ""  # nobody reads on the way within this computer
    for again, token, version in ((False, "first", 1), (False, "first", 1), (True, "second", 2)):
        made.probe_client(reads_key=again).close()
        assert (made._token(), made.version) == (token, version)


class Clients:
    """The clients that were made: for which address, in which dialect, with which proof."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.made: list[Any] = []
        self._paths = Paths(folder, folder)
        self.ensure = mock.Mock(return_value=Endpoint(4000, 7, "token", 0.0))
        self.stop, self.forget = mock.Mock(), mock.Mock()
        monkeypatch.setattr(chosen_server, "connect", self._connect)
        monkeypatch.setattr(LocalServer, "ensure", self.ensure)
        monkeypatch.setattr(LocalServer, "stop", self.stop)
        monkeypatch.setattr(Listings, "forget", self.forget)

    def _connect(self, *arguments: Any) -> Client:
        self.made.append(arguments)
        made: Client = mock.Mock()
        return made

    def connection(self, url: str, **settings: Any) -> ServerConnection:
        return ServerConnection(self._paths, ServerSettings(url=url, **settings), url)


@pytest.fixture
def clients(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Clients:
    return Clients(tmp_path, monkeypatch)


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
    assert (clients.ensure.called, clients.stop.called) == (False, False)


def test_senders_speak_what_probes_have_recognised(clients: Clients) -> None:
    with closing(clients.connection("https://a.test")) as found, closing(found.probe_client()):
        assert clients.made == []
        found.recognition.learn("oss")
        found.client()
    ((_, dialect, *_),) = clients.made
    assert dialect == "oss"


def test_the_embedded_server_is_started_when_it_is_needed(clients: Clients) -> None:
    found = clients.connection("local", dialect="odd")
    assert (found.name, found.shown, found.warning) == ("local", "this computer only", "")
    assert found.other_port == 0
    assert clients.ensure.call_count == 0
    for connect, times in ((found.client, 1), (found.client, 1), (found.probe_client, 2)):
        connect()
        assert clients.ensure.call_count == times
    for address, dialect, proof, _ in clients.made:
        assert (address.url, address.token) == ("http://127.0.0.1:4000", "token")
        assert dialect == endpoint.DIALECT
        assert proof("challenge") == endpoint.proof("token", "challenge")
    assert len({id(listings) for *_, listings in clients.made}) == 1
    clients.stop.assert_not_called()
    found.close()
    clients.stop.assert_called_once_with()


def test_another_port_or_token_is_another_address(clients: Clients) -> None:
    found = clients.connection("local")
    found.probe_client()
    found.probe_client()
    assert (found.version, clients.forget.call_count) == (1, 1)
    for number, token in enumerate(("token", "another"), 2):
        clients.ensure.return_value = Endpoint(4001, 7, token, 0.0)
        found.probe_client()
        assert (found.version, clients.forget.call_count) == (number, number)
        assert clients.made[-1][0] == ServerAddress.of("http://127.0.0.1:4001", token)


@pytest.mark.parametrize(("wanted", "other"), [(4000, 0), (0, 0), (4001, 4000)])
def test_a_port_that_was_not_wanted_is_another(clients: Clients, wanted: int, other: int) -> None:
    found = clients.connection("local", local_port=wanted)
    found.probe_client()
    assert found.other_port == other


KEY = KeyCheck(KeyVerdict.TAKEN)


class Probing:
    """A prober without its thread, its server and the client for it."""

    def __init__(self) -> None:
        self.client = mock.Mock()
        self.client.probe.return_value = WELL
        self.client.check_key.return_value = KEY
        self.server = mock.Mock(patience=4.0)
        self.server.probe_client.return_value = self.client
        self.server.asks_key.return_value = False
        self.prober = Prober(self.server)


@pytest.fixture
def probing() -> Probing:
    return Probing()


def test_any_other_fault_is_a_probe_that_failed(probing: Probing) -> None:
    probing.client.probe.side_effect = ValueError("x" * 300)
    (health, key) = probing.prober._probe()
    assert not health.healthy
    assert str(health.reason) == "the probe failed: " + ("ValueError('" + "x" * 300)[:180]
    assert key is None
    probing.client.close.assert_called_once_with()


def test_what_cannot_be_told_is_told_again(
    probing: Probing, monkeypatch: pytest.MonkeyPatch
) -> None:
    naps: list[float] = []
    monkeypatch.setattr(probing.prober._stopping, "wait", naps.append)
    tell = probing.server.probed
    tell.side_effect = [LedgerError("full"), LedgerError("full"), None]
    probing.prober._deliver(WELL, KEY)
    assert naps == [REPORT_AGAIN] * 2
    assert tell.call_args_list == [mock.call(WELL, KEY)] * 3


def test_a_probe_under_way_is_broken_off(probing: Probing) -> None:
    def probe(_: float) -> Health:
        probing.prober.stop(1.0)
        probing.client.abort.assert_called_once_with()
        return ILL

    probing.client.probe.side_effect = probe
    probing.prober._probe()
    probing.prober.stop(1.0)
    assert probing.client.abort.call_count == 1  # it is over


def test_it_probes_at_its_start_at_each_kick_and_when_that_is_due(
    probing: Probing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One kick is one probe; once a wait is over it sees whether a probe is due by now."""
    waits: list[tuple[float, bool]] = []
    prober = probing.prober
    due = iter([60.0, 60.0, 20.0, 0.0, 60.0, 60.0])

    def wait(seconds: float) -> bool:
        kicked = prober._signal.is_set()
        waits.append((seconds, kicked))
        if len(waits) == 5:
            prober.stop(0.0)
        return kicked

    def probe(_: float) -> Health:
        if len(waits) == 3:
            prober.kick()
        return WELL

    probing.client.probe.side_effect = probe
    probing.server.until_probe = lambda: next(due)
    monkeypatch.setattr(prober._signal, "wait", wait)
    monkeypatch.setattr(prober._thread, "start", prober._run)
    prober.start()
    assert waits == [(60.0, True), (60.0, False), (20.0, False), (60.0, True), (60.0, False)]
    assert probing.server.probed.call_args_list == [mock.call(WELL, None)] * 3
    assert prober._thread.name == "mem0tray-probe"
    assert prober._thread.daemon
