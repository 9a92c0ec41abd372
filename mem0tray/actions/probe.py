"""One look at the server, from the command itself."""

from functools import partial
from typing import Final

from msgspec import Struct

from mem0tray.actions.server_seen import chosen_server
from mem0tray.config import server_choice
from mem0tray.config.server_choice import THIS_COMPUTER
from mem0tray.config.settings import LOCAL_URL, Settings
from mem0tray.core.errors import Mem0TrayError
from mem0tray.core.reasons import Reason
from mem0tray.ledger.reader import Reader
from mem0tray.server import Health, Recognition, ServerAddress, connect
from mem0tray.server.model import Proof
from mem0tray.system.paths import Paths

TIMEOUT: Final = 5.0


class Probe(Struct, frozen=True):
    """Where memories go, and how healthy the server is.

    `name` is what the ledger calls the server, empty when none is chosen;
    `shown` is for people; `hostname` is empty when the server is on this computer.
    """

    name: str
    shown: str
    hostname: str
    health: Health


def server_name(settings: Settings, paths: Paths) -> str:
    """What the ledger calls the server that deliveries go to; empty without one."""
    return chosen_server(settings, paths).name


def probe(settings: Settings, paths: Paths, timeout: float = TIMEOUT) -> Probe:
    """Ask for the server's health; trouble of any kind makes it a server that is not healthy."""
    url = server_choice.chosen(settings.server.url, paths)
    if url is None:
        return Probe("", "no server", "", _ill(Reason("no server is chosen")))
    if url == LOCAL_URL:
        return _local(paths, timeout)
    try:
        address = ServerAddress.from_settings(settings.server)
        health = _ask(address, settings.server.dialect, timeout, known=_known(paths, address.url))
    except Mem0TrayError as error:
        shown = url.rpartition("@")[2]  # without name and password
        return Probe(url, shown, "", _ill(error.reason))
    away = "" if address.is_loopback else address.hostname
    return Probe(address.url, address.host, away, health)


def _local(paths: Paths, timeout: float) -> Probe:
    from mem0tray.localserver.endpoint import DIALECT, proof
    from mem0tray.localserver.finding import find

    found = find(paths.local_server, timeout)
    if found is None:
        health = _ill(Reason("the local server does not run: the worker starts it"))
    else:
        there = ServerAddress.of(found.url, found.token)
        health = _ask(there, DIALECT, timeout, partial(proof, found.token))
    return Probe(LOCAL_URL, THIS_COMPUTER, "", health)


def _known(paths: Paths, address: str) -> str:
    """The dialect that the worker has recognised at this address; empty if none is known."""
    with Reader(paths.ledger) as reader:
        return reader.dialect_of(address)


def _ask(
    address: ServerAddress,
    dialect: str,
    timeout: float,
    proof: Proof | None = None,
    known: str = "",
) -> Health:
    client = connect(address, dialect, proof, recognition=Recognition(known))
    try:
        return client.probe(timeout)
    finally:
        client.close()


def _ill(reason: Reason) -> Health:
    return Health(healthy=False, reason=reason)
