"""Where deliveries go now: the link to the server, and those who use it, kept in step."""

from contextlib import suppress
from dataclasses import replace

from mem0tray.config import server_choice
from mem0tray.config.settings import ServerSettings
from mem0tray.core import events
from mem0tray.core.circuit_breaker import CircuitBreaker
from mem0tray.core.errors import LedgerError, SettingsError
from mem0tray.core.reasons import Reason
from mem0tray.ledger.outages import Outages
from mem0tray.server import Client, Health, KeyCheck, KeyVerdict
from mem0tray.worker.context import Core
from mem0tray.worker.sending.delivery import Delivery
from mem0tray.worker.sending.health import Prober
from mem0tray.worker.sending.server_connection import ServerConnection
from mem0tray.worker.telling.metrics import MetricsWriter


class Route:
    """Owns deliveries and prober; `choose` gives them a server."""

    def __init__(self, core: Core, breaker: CircuitBreaker, metrics: MetricsWriter) -> None:
        self._core = core
        self._breaker = breaker
        self._metrics = metrics
        self._outages = Outages(core.ledger)
        self._link: ServerConnection | None = None
        self._version = 0  # of the link, whose address may change
        self.delivery = Delivery(core, breaker, self._client, self._suspect_outage)
        self.prober = Prober(
            self._probe_client,
            lambda: core.settings.sync.probe_interval,
            lambda: core.settings.sync.timeout,
            self._probed,
            self._asks_key,
        )

    def choose(
        self,
        server: ServerSettings | None,
        tell: type[events.WorkerStarted | events.ServerChanged],
    ) -> None:
        """Take the server of these settings from now on, or none; `tell` says which.

        None: nobody knows yet which is meant, as the settings are wrong.
        """
        old = self._link
        self._breaker.forget_server()
        self._link = None if server is None else self._linked(server)
        self._core.server = self._link.name if self._link is not None else ""
        self._metrics.destination = self._link.shown if self._link is not None else ""
        self.delivery.server_changed(self._core.server)
        if old is not None:  # which may take a while
            old.close()
        self.prober.kick()
        warning = self._link.warning if self._link is not None else ""
        event = tell(self._metrics.destination, warning)
        if isinstance(event, events.ServerChanged) and old is not None and self._link is not None:
            event = replace(event, same=old.name == self._link.name)
        self._core.events.emit(event)

    def close(self) -> None:
        """Stop the embedded server if we started it."""
        if self._link is not None:
            self._link.close()

    def _linked(self, server: ServerSettings) -> ServerConnection | None:
        """The connection to the chosen server; without one the circuit breaker is open."""
        url = server_choice.chosen(server.url, self._core.paths)
        if url is None:
            self._breaker.block("server", server_choice.CHOOSE)
            return None
        try:
            link = ServerConnection(self._core.paths, server, url)
        except SettingsError as error:
            self._breaker.block("server", error.reason)
            return None
        self._breaker.unblock("server")
        return link

    def _there(self) -> ServerConnection:
        if self._link is None:
            raise SettingsError(Reason("No server is chosen."), server_choice.HOW)
        return self._link

    def _client(self) -> Client:
        return self._there().client()

    def _probe_client(self) -> Client:
        return self._there().probe_client()

    def _asks_key(self) -> bool:
        """Whether a server that refused everything is asked instead: no memory waits to be sent."""
        if not self._breaker.wants_canary(self._core.now()) or self.delivery.under_way:
            return False
        with suppress(LedgerError):  # who needs the ledger says so
            return self._core.outbox.next_due() is None
        return False

    def _probed(self, health: Health, key: KeyCheck | None) -> None:
        link = self._link
        if link is not None and link.version != self._version:
            self._version = link.version
            self.delivery.server_changed(self._core.server)
            if link.other_port:
                wanted = self._core.settings.server.local_port
                self._core.events.emit(events.OtherPort(wanted, link.other_port))
        changed = self._breaker.probed(healthy=health.healthy, reason=health.reason)
        if not health.healthy:
            self.delivery.server_is_down()
            if link is not None:
                link.was_down()
        if key is not None and key.verdict is not KeyVerdict.REFUSED:
            self._breaker.mended()  # should it still refuse, the next memory tells
            changed = True
        if changed:
            self._core.wake.set()
            self.delivery.kick()
        if link is not None:  # without one there is nothing that could be out of reach
            with suppress(LedgerError):  # a full disk; the next probe has it noted
                self._outages.probed(healthy=health.healthy, now=self._core.now())

    def _suspect_outage(self) -> None:
        """An answer blames the server: nothing more is sent until it has been asked."""
        self._breaker.suspect_outage()
        self.prober.kick()
