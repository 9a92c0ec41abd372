"""A client of the chosen server, for a command that reads there."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from mem0tray.config import server_choice
from mem0tray.config.settings import LOCAL_URL, Settings
from mem0tray.core import reasons
from mem0tray.core.errors import Mem0TrayError
from mem0tray.ledger.reader import Reader
from mem0tray.server import Client, Recognition, ServerAddress, Terms, connect
from mem0tray.system.paths import Paths


@contextmanager
def opened(settings: Settings, paths: Paths) -> Iterator[Client | None]:
    """A client of the server that the settings choose; None: nothing was ever stored there.

    The embedded server is started for as long as this lasts where it does not run. Raises
    Mem0TrayError where no server is chosen, or no client can be made.
    """
    server = settings.server
    url = server_choice.chosen(server.url, paths)
    if url is None:
        raise Mem0TrayError(reasons.sentence(server_choice.CHOOSE))
    if url == LOCAL_URL:
        with _embedded(paths, server.local_port) as embedded:
            yield embedded
        return
    address = ServerAddress.from_settings(server)
    with Reader(paths.ledger) as reader:
        known = Recognition(reader.dialect_of(address.url))
    terms = Terms(server.user, server.infer)
    client = connect(address, server.dialect, terms=terms, recognition=known)
    try:
        yield client
    finally:
        client.close()


@contextmanager
def _embedded(paths: Paths, port: int) -> Iterator[Client | None]:
    from mem0tray.localserver import endpoint
    from mem0tray.localserver.child import LocalServer

    if not (paths.local_server / endpoint.DATABASE).exists():
        yield None
        return
    server = LocalServer(paths.local_server, port)
    try:
        found = server.ensure()
        there = ServerAddress.of(found.url, found.token)
        client = connect(there, endpoint.DIALECT, partial(endpoint.proof, found.token))
        try:
            yield client
        finally:
            client.close()
    finally:
        server.stop()
