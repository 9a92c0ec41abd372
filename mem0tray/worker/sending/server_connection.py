"""The server connection: clients for one server; it starts the embedded one when needed."""

import threading
from contextlib import closing
from functools import partial
from typing import Final

from mem0tray.config.server_address import ServerAddress, is_in_keyring
from mem0tray.config.server_choice import THIS_COMPUTER
from mem0tray.config.settings import LOCAL_URL, ServerSettings
from mem0tray.localserver.child import LocalServer
from mem0tray.localserver.endpoint import DIALECT, proof
from mem0tray.server import Recognition, connect, connect_to_probe
from mem0tray.server.listings import Listings
from mem0tray.server.model import Client, ProbeClient, Terms
from mem0tray.system.paths import Paths

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
        self.dialect = DIALECT if url == LOCAL_URL else server.dialect  # as in the settings
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
        proves = partial(proof, address.token)
        return connect(address, DIALECT, proves, self._known)

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
