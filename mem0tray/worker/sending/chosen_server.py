"""The server that is chosen now: its server connection, and the deliveries and probes there."""

import threading
import time
from contextlib import closing, suppress
from functools import partial
from math import inf
from typing import Final

from mem0tray.config import server_choice
from mem0tray.config.keyring_key import KeyringUnavailableError
from mem0tray.config.server_address import ServerAddress, is_in_keyring
from mem0tray.config.server_choice import THIS_COMPUTER
from mem0tray.config.settings import LOCAL_URL, ServerSettings
from mem0tray.core import events
from mem0tray.core.errors import LedgerError, Mem0TrayError, SettingsError
from mem0tray.core.reasons import Reason
from mem0tray.ledger.database import dialect_in
from mem0tray.ledger.names import DIALECT
from mem0tray.localserver import endpoint as local
from mem0tray.localserver.child import LocalServer
from mem0tray.server import Recognition, connect, connect_to_probe
from mem0tray.server.listings import Listings
from mem0tray.server.model import Client, Health, KeyCheck, KeyVerdict, ProbeClient, Terms
from mem0tray.system import threads
from mem0tray.system.paths import Paths
from mem0tray.worker.context import WorkerContext
from mem0tray.worker.sending.delivery import Delivery

LONGEST: Final = 10.0  # seconds that a probe may take
REPORT_AGAIN: Final = 1.0
FRESH: Final = 30.0  # seconds for which what a probe or a delivery has shown is believed
_CHECKS: Final = 3  # deliveries verified, until the server is known to keep what it takes


class ServerConnection:
    """The way to one server. Any thread may ask for clients."""

    def __init__(self, paths: Paths, server: ServerSettings, url: str) -> None:
        self._terms = Terms(server.user, server.infer)
        self._guard = threading.Lock()
        self._local: LocalServer | None = None
        self._wanted = server.local_port
        self._port = 0  # of the embedded server, once it is known to run
        self._address: ServerAddress | None = None
        self._of_keyring: ServerSettings | None = None
        self._known = Listings(_CHECKS)
        self._recognising = threading.Lock()
        self.dialect = local.DIALECT if url == LOCAL_URL else server.dialect  # as in the settings
        self.recognition = Recognition(setting=self.dialect)
        if url == LOCAL_URL:
            self._local = LocalServer(paths.local_server, server.local_port)
            self.name = LOCAL_URL
            self.shown = THIS_COMPUTER
        else:
            # The keyring may hang: the prober's thread asks it, before any delivery.
            self._address = ServerAddress.from_settings(server, keyring_within=0.0)
            self._of_keyring = server if is_in_keyring(server) else None
            self.name = self._address.url
            self.shown = self._address.host
        self.version = 0

    @property
    def warning(self) -> str:
        there = self._address
        if there is not None and there.plain_http and not there.is_loopback:
            return f"memories go to {there.host} over plain http, readable on the way"
        return ""

    @property
    def other_port(self) -> int:
        return self._port if self._wanted not in {0, self._port} else 0

    def probe_client(self, *, reads_key: bool = False) -> ProbeClient:
        """A client for a probe; starts the embedded server. Raises KeyringUnavailableError."""
        if self._of_keyring is not None and (reads_key or not self._token()):
            read = ServerAddress.from_settings(self._of_keyring)
            with self._guard:
                if read.token != self._token():
                    self._address = read
                    self.version += 1  # senders connect anew
        if self._local is not None:
            endpoint = self._local.ensure()
            found = ServerAddress.of(endpoint.url, endpoint.token)
            with self._guard:
                self._port = endpoint.port
                if found != self._address or found.token != self._token():
                    self._address = found
                    self.version += 1  # another port or token: senders connect anew
                    self.forget_listings()
        if self._address is None or self.recognition.is_fixed:
            return self.client()
        return connect_to_probe(self._address, self.recognition)

    def _token(self) -> str:
        return self._address.token if self._address is not None else ""

    def client(self) -> Client:
        with self._guard:
            address = self._address
        if address is None:  # the embedded server has not been seen to run yet
            self.probe_client().close()
            return self.client()
        if self._local is None:
            return connect(address, self.recognition.dialect, None, self._known, self._terms)
        # If the embedded server dies, another program may take its port before our probe.
        proves = partial(local.proof, address.token)
        return connect(address, local.DIALECT, proves, self._known)

    def recognise(self, timeout: float) -> None:
        if self._address is not None and not self.recognition.is_fixed:
            client = connect_to_probe(self._address, self.recognition)
            with self._recognising, closing(client):
                client.recognise(timeout)

    def forget_listings(self) -> None:
        self._known.forget()

    def close(self) -> None:
        if self._local is not None:
            self._local.stop()


class Prober:
    """Asks for the health of `server` on its own thread, when a probe is due or when kicked."""

    def __init__(self, server: "ChosenServer") -> None:
        self._server = server
        self._signal = threading.Event()
        self._stopping = threading.Event()
        self._client: ProbeClient | None = None
        self._thread = threading.Thread(target=self._run, name="mem0tray-probe", daemon=True)

    def start(self) -> None:
        self._signal.set()
        threads.start(self._thread)

    def kick(self) -> None:
        self._signal.set()

    def stop(self, timeout: float) -> None:
        deadline = time.monotonic() + timeout
        self._stopping.set()
        self._signal.set()
        while True:
            client = self._client
            if client is not None:
                client.abort()
            if not self._thread.is_alive() or time.monotonic() >= deadline:
                return
            self._thread.join(0.02)

    def _run(self) -> None:
        while not self._stopping.is_set():
            seconds = self._server.until_probe()
            if seconds > 0 and not self._signal.wait(seconds):
                continue
            self._signal.clear()
            if self._stopping.is_set():
                return
            self._deliver(*self._probe())

    def _deliver(self, health: Health, key: KeyCheck | None) -> None:
        while not self._stopping.is_set():
            try:
                self._server.probed(health, key)
            except Mem0TrayError:  # the disk is full: parts that need the ledger report that
                self._stopping.wait(REPORT_AGAIN)
            else:
                return

    def _probe(self) -> tuple[Health, KeyCheck | None]:
        timeout = self._server.patience
        try:
            client = self._client = self._server.probe_client()
            try:
                health = client.probe(timeout)
                asks = health.healthy and self._server.asks_key()
                return health, client.check_key(timeout) if asks else None
            finally:
                client.close()
                self._client = None
        except Mem0TrayError as error:
            return Health(healthy=False, reason=error.reason), None
        except Exception as error:  # noqa: BLE001  (the prober survives any fault)
            why = Reason("the probe failed: {why}", why=repr(error)[:180])
            return Health(healthy=False, reason=why), None


class ChosenServer:
    """Owns deliveries and prober; `choose` gives them a server, and keeps both in step with it."""

    def __init__(self, context: WorkerContext) -> None:
        self._context = context
        self._breaker = context.breaker
        self._connection: ServerConnection | None = None
        self._version = 0  # of the connection's address, which may change
        self._probed_at = -inf  # monotonic
        self._choice = self._asked = 0  # which choice of a server this is, and the last probe's
        self.delivery = Delivery(context, self._await_probe, self._recognise)
        self.prober = Prober(self)

    @property
    def patience(self) -> float:
        return min(self._context.settings.sync.timeout, LONGEST)

    def choose(
        self,
        server: ServerSettings | None,
        event: type[events.WorkerStarted | events.ServerChanged],
    ) -> None:
        """Use this server from now on, or none as the settings are wrong; and emit this `event`."""
        old = self._connection
        self._choice += 1
        self._breaker.forget_server()
        self._breaker.unblock("dialect")
        self._breaker.unblock("keyring")
        new = self._connection = None if server is None else self._connected(server)
        self._choice += 1  # a probe that has begun meanwhile asks the former server
        self._context.server = new.name if new is not None else ""
        self._context.destination = new.shown if new is not None else ""
        self.delivery.change_server(self._context.server, lambda: _chosen(new).client())
        if old is not None:  # closing may take a while
            old.close()
        self.prober.kick()
        warning = new.warning if new is not None else ""
        self._context.events.emit(event(self._context.destination, warning))

    def freshen(self) -> None:
        is_old = self._silence() > FRESH and not self.delivery.under_way
        if is_old and self._breaker.lets_through(self._context.now()):
            self._await_probe()

    def _silence(self) -> float:
        return time.monotonic() - max(self._probed_at, self.delivery.delivered_at)

    def until_probe(self) -> float:
        sync = self._context.settings.sync
        interval = sync.probe_interval
        refused = self._breaker.refusal
        is_calm = self._breaker.is_healthy and not refused and self._context.server != LOCAL_URL
        longest = max(interval, sync.idle_probe_interval) if is_calm else interval
        return min(interval, longest - self._silence())

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()

    def _connected(self, server: ServerSettings) -> ServerConnection | None:
        url = server_choice.chosen(server.url, self._context.paths)
        if url is None:
            self._breaker.block("server", server_choice.CHOOSE)
            return None
        try:
            connection = ServerConnection(self._context.paths, server, url)
        except SettingsError as error:
            self._breaker.block("server", error.reason)
            return None
        self._breaker.unblock("server")
        connection.recognition = Recognition(
            dialect_in(self._context.ledger.meta(DIALECT), connection.name),
            partial(self._note_dialect, connection),
            connection.dialect,
        )
        return connection

    def _note_dialect(self, connection: ServerConnection, dialect: str) -> None:
        with suppress(LedgerError):  # it is then found out again
            self._context.ledger.set_meta(DIALECT, f"{dialect} {connection.name}")
        connection.forget_listings()
        self.delivery.connect_anew()

    def _recognise(self) -> None:
        connection = self._connection
        if connection is not None:
            connection.recognise(self.patience)

    def probe_client(self) -> ProbeClient:
        """A client for a probe; without a key that the keyring has, the breaker stays open."""
        self._asked, refused = self._choice, bool(self._breaker.refusal)
        try:
            client = _chosen(self._connection).probe_client(reads_key=refused)
        except KeyringUnavailableError as error:
            self._breaker.block("keyring", error.reason)
            raise
        self._breaker.unblock("keyring")
        return client

    def asks_key(self) -> bool:
        if not self._breaker.wants_canary(self._context.now()) or self.delivery.under_way:
            return False
        with suppress(LedgerError):  # parts that need the ledger report that
            return self._context.outbox.next_due() is None
        return False

    def probed(self, health: Health, key: KeyCheck | None) -> None:
        if self._asked != self._choice:  # of the server before: the choice has begun another probe
            return
        self._probed_at = time.monotonic()
        connection = self._connection
        if connection is not None and connection.version != self._version:
            self._version = connection.version
            self.delivery.connect_anew()
            if connection.other_port:
                wanted = self._context.settings.server.local_port
                self._context.events.emit(events.OtherPort(wanted, connection.other_port))
        if health.recognised:
            self._breaker.unblock("dialect")
        else:
            self._breaker.block("dialect", health.reason)
        if health.healthy:
            self.delivery.note_health()  # before the next delivery
        changed = self._breaker.note_probe(healthy=health.healthy, reason=health.reason)
        if not health.healthy:
            self.delivery.clear_suspects()
            if connection is not None:
                connection.forget_listings()
        if key is not None and key.verdict is not KeyVerdict.REFUSED:
            self._breaker.clear_misconfigured()  # if it still refuses, the next memory shows it
            changed = True
        if changed:
            self._context.wake.set()
            self.delivery.kick()

    def _await_probe(self) -> None:
        self._breaker.await_probe()
        self.prober.kick()


def _chosen(connection: ServerConnection | None) -> ServerConnection:
    if connection is None:
        raise SettingsError(Reason("No server is chosen."), server_choice.HOW)
    return connection
