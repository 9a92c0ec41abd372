"""A client of the chosen server, for a command that reads there."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Final

from mem0tray.config import server_choice
from mem0tray.config.keyring_key import PATIENCE
from mem0tray.config.settings import LOCAL_URL, Settings
from mem0tray.core import reasons
from mem0tray.core.errors import Mem0TrayError
from mem0tray.core.text import one_line
from mem0tray.ledger.reader import Reader
from mem0tray.localserver import endpoint
from mem0tray.localserver.endpoint import Endpoint
from mem0tray.server import (
    AUTO,
    Client,
    Health,
    Kind,
    Outcome,
    Recognition,
    ServerAddress,
    Terms,
    connect,
    connect_to_probe,
)
from mem0tray.system.paths import Paths

_PATIENCE: Final = 5.0  # seconds for the embedded server
_RECOGNISED_WITHIN: Final = 10.0  # seconds
DOCTOR: Final = "`mem0tray doctor` looks for the cause."


class NotRecognisedError(Mem0TrayError):
    """Nobody knows which dialect the server speaks; `said` is what it answered."""

    def __init__(self, host: str, health: Health) -> None:
        why, remedy = reasons.parted(health.reason)
        verb = "did not answer" if health.status is None else "is down"
        told = f"{host} {verb}: {why}" if health.recognised else str(reasons.sentence(why))
        super().__init__(told, str(remedy) or DOCTOR)
        self.said = Outcome(Kind.OUTAGE, health.status, one_line(str(why)))


@contextmanager
def opened(
    settings: Settings, paths: Paths, *, within: float | None = None
) -> Iterator[Client | None]:
    """A client of the server that the settings choose; None if nothing was ever stored there.

    If the embedded server does not run, it is started for this time; but not with `within`, a
    number of seconds that also limits the keyring, and finding out the dialect. Raises
    Mem0TrayError where no server is chosen, no client can be made, the dialect is not known, or the
    embedded server would have to be started.
    """
    server = settings.server
    url = server_choice.chosen(server.url, paths)
    if url is None:
        raise Mem0TrayError(reasons.sentence(server_choice.CHOOSE))
    if url == LOCAL_URL:
        with _embedded(paths, server.local_port, within) as client:
            yield client
        return
    patience = PATIENCE if within is None else min(within, PATIENCE)
    address = ServerAddress.from_settings(server, keyring_within=patience)
    recognition = known(address, server.dialect, paths)
    terms = Terms(server.user, server.infer)
    with closing(_spoken(address, recognition, terms, within)) as client:
        yield client


@contextmanager
def opened_former(settings: Settings, paths: Paths, name: str, key: str) -> Iterator[Client | None]:
    """A client of a server that was chosen before; None if nothing was ever stored there.

    `name` is what the ledger calls it, `key` is that server's own: the key in the settings is
    the chosen server's, and goes nowhere else. The dialect is found out. Raises as `opened`.
    """
    server = settings.server
    if name == LOCAL_URL:
        with _embedded(paths, server.local_port) as client:
            yield client
        return
    address = ServerAddress.of(
        name, key, ca_file=server.ca_file, allow_plain_key=server.allow_plain_key
    )
    with closing(_spoken(address, known(address, AUTO, paths), Terms(server.user))) as client:
        yield client


def known(address: ServerAddress, dialect: str, paths: Paths) -> Recognition:
    """The dialect of these settings, or the one that the worker has recognised there, if any."""
    with Reader(paths.ledger) as reader:
        return Recognition(reader.dialect_of(address.url), setting=dialect)


def _spoken(
    address: ServerAddress, recognition: Recognition, terms: Terms, within: float | None = None
) -> Client:
    """A client in the dialect spoken there, which is asked for where nobody knows it yet."""
    if not recognition.dialect:
        with closing(connect_to_probe(address, recognition)) as client:
            health = client.recognise(within or _RECOGNISED_WITHIN)
        if not health.healthy:
            raise NotRecognisedError(address.host, health)
    return connect(address, recognition.dialect, terms=terms)


@contextmanager
def _embedded(paths: Paths, port: int, within: float | None = None) -> Iterator[Client | None]:
    folder = paths.local_server
    if not (folder / endpoint.DATABASE).exists():
        yield None
        return
    running = _running(folder, _PATIENCE if within is None else within)
    if running is not None:
        with closing(running):
            yield running
        return
    if within is not None:
        raise Mem0TrayError(
            "The embedded server does not run.",
            "`mem0tray run` starts it with the worker; `mem0tray recall` shows what it has now.",
        )
    from mem0tray.localserver.child import LocalServer  # slow to import, and rarely wanted

    server = LocalServer(folder, port)
    try:
        with closing(embedded(server.ensure())) as client:
            yield client
    finally:
        server.stop()


def _running(folder: Path, patience: float) -> Client | None:
    """A client of the embedded server if that runs and is healthy; it has proved itself."""
    named = endpoint.read(folder)
    if named is None:
        return None
    client = embedded(named)
    if client.probe(patience).healthy:
        return client
    client.close()
    return None


def embedded(found: Endpoint) -> Client:
    """A client of the embedded server that runs there; close it."""
    there = ServerAddress.of(found.url, found.token)
    return connect(there, proof=partial(endpoint.proof, found.token))
