"""The server that is chosen now: its server connection, and the deliveries and probes there."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from math import inf
from typing import Final

from msgspec.structs import replace

from mem0tray.config import server_choice
from mem0tray.config.keyring_key import KeyringUnavailableError
from mem0tray.config.settings import LOCAL_URL, ServerSettings
from mem0tray.core import events
from mem0tray.core.errors import LedgerError, Mem0TrayError, SettingsError
from mem0tray.core.reasons import Reason
from mem0tray.ledger.database import dialect_in
from mem0tray.ledger.names import DIALECT
from mem0tray.server import Recognition
from mem0tray.server.model import Client, Health, KeyCheck, KeyVerdict, ProbeClient
from mem0tray.system import threads
from mem0tray.worker.context import WorkerContext
from mem0tray.worker.sending.delivery import Delivery
from mem0tray.worker.sending.server_connection import ServerConnection

LONGEST: Final = 10.0  # seconds that a probe may take
REPORT_AGAIN: Final = 1.0
FRESH: Final = 30.0  # seconds for which what a probe or a delivery has shown is believed


class Prober:
    """Asks for the server's health on its own thread, when a probe is due or when kicked.

    `connect` returns a client for the server chosen now (it may have to start the embedded one),
    `until_due` the seconds until the next probe. `report` gets each answer; if `asks_key` says so,
    a healthy server is asked about the key too, else the second argument is None.
    """

    def __init__(
        self,
        connect: Callable[[], ProbeClient],
        until_due: Callable[[], float],
        timeout: Callable[[], float],
        report: Callable[[Health, KeyCheck | None], None],
        asks_key: Callable[[], bool],
    ) -> None:
        self._connect = connect
        self._until_due = until_due
        self._timeout = timeout
        self._report = report
        self._asks_key = asks_key
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
            seconds = self._until_due()
            if seconds > 0 and not self._signal.wait(seconds):
                continue
            self._signal.clear()
            if self._stopping.is_set():
                return
            self._deliver(*self._probe())

    def _deliver(self, health: Health, key: KeyCheck | None) -> None:
        while not self._stopping.is_set():
            try:
                self._report(health, key)
            except Mem0TrayError:  # the disk is full: parts that need the ledger report that
                self._stopping.wait(REPORT_AGAIN)
            else:
                return

    def _probe(self) -> tuple[Health, KeyCheck | None]:
        timeout = min(self._timeout(), LONGEST)
        try:
            client = self._client = self._connect()
            try:
                health = client.probe(timeout)
                asks = health.healthy and self._asks_key()
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
        self.delivery = Delivery(context, self._client, self._await_probe, self._recognise)
        self.prober = Prober(
            self._probe_client,
            self._until_probe,
            lambda: context.settings.sync.timeout,
            self._probed,
            self._asks_key,
        )

    def choose(
        self,
        server: ServerSettings | None,
        event: type[events.WorkerStarted | events.ServerChanged],
    ) -> None:
        """Use this server from now on, or none as the settings are wrong; and emit this `event`."""
        old = self._connection
        self._breaker.forget_server()
        self._breaker.unblock("dialect")
        self._breaker.unblock("keyring")
        new = self._connection = None if server is None else self._connected(server)
        self._context.server = new.name if new is not None else ""
        self._context.destination = new.shown if new is not None else ""
        self.delivery.change_server(self._context.server)
        if old is not None:  # closing may take a while
            old.close()
        self.prober.kick()
        said = event(self._context.destination, new.warning if new is not None else "")
        if isinstance(said, events.ServerChanged) and old is not None and new is not None:
            said = replace(said, same=old.name == new.name)
        self._context.events.emit(said)

    def freshen(self) -> None:
        is_old = self._silence() > FRESH and not self.delivery.under_way
        if is_old and self._breaker.lets_through(self._context.now()):
            self._await_probe()

    def _silence(self) -> float:
        return time.monotonic() - max(self._probed_at, self.delivery.delivered_at)

    def _until_probe(self) -> float:
        """Return the seconds until the next probe; a server that is well is asked rarely."""
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
        self.delivery.change_server(self._context.server)  # senders connect anew

    def _recognise(self) -> None:
        connection = self._connection
        if connection is not None:
            connection.recognise(min(self._context.settings.sync.timeout, LONGEST))

    def _there(self) -> ServerConnection:
        if self._connection is None:
            raise SettingsError(Reason("No server is chosen."), server_choice.HOW)
        return self._connection

    def _client(self) -> Client:
        return self._there().client()

    def _probe_client(self) -> ProbeClient:
        """A client for a probe; without a key that the keyring has, the breaker stays open."""
        refused = bool(self._breaker.refusal)
        try:
            client = self._there().probe_client(reads_key=refused)
        except KeyringUnavailableError as error:
            self._breaker.block("keyring", error.reason)
            raise
        self._breaker.unblock("keyring")
        return client

    def _asks_key(self) -> bool:
        """Whether to ask about the key a server that refused everything, as no memory waits."""
        if not self._breaker.wants_canary(self._context.now()) or self.delivery.under_way:
            return False
        with suppress(LedgerError):  # parts that need the ledger report that
            return self._context.outbox.next_due() is None
        return False

    def _probed(self, health: Health, key: KeyCheck | None) -> None:
        self._probed_at = time.monotonic()
        connection = self._connection
        if connection is not None and connection.version != self._version:
            self._version = connection.version
            self.delivery.change_server(self._context.server)
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
