"""One look at the server, from the command itself."""

from contextlib import closing
from typing import Final

from msgspec import Struct

from mem0tray.config import server_choice
from mem0tray.config.server_choice import THIS_COMPUTER
from mem0tray.config.settings import LOCAL_URL, Settings
from mem0tray.core.errors import Mem0TrayError
from mem0tray.core.reasons import Reason
from mem0tray.server import Health, ProbeClient, ServerAddress, connect_to_probe
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


def probe(settings: Settings, paths: Paths, timeout: float = TIMEOUT) -> Probe:
    """Ask for the server's health; trouble of any kind makes it a server that is not healthy."""
    url = server_choice.chosen(settings.server.url, paths)
    if url is None:
        return Probe("", "no server", "", _ill(Reason("no server is chosen")))
    if url == LOCAL_URL:
        return _local(paths, timeout)
    from mem0tray.actions import chosen_client  # brings the embedded server's package

    try:
        address = ServerAddress.from_settings(settings.server)
        recognition = chosen_client.known(address, settings.server.dialect, paths)
        health = _ask(connect_to_probe(address, recognition), timeout)
    except Mem0TrayError as error:
        shown = url.rpartition("@")[2]  # without name and password
        return Probe(url, shown, "", _ill(error.reason))
    away = "" if address.is_loopback else address.hostname
    return Probe(address.url, address.host, away, health)


def _local(paths: Paths, timeout: float) -> Probe:
    from mem0tray.actions import chosen_client
    from mem0tray.localserver.finding import find

    found = find(paths.local_server, timeout)
    if found is None:
        health = _ill(Reason("the embedded server does not run: the worker starts it"))
    else:
        health = _ask(chosen_client.embedded(found), timeout)
    return Probe(LOCAL_URL, THIS_COMPUTER, "", health)


def _ask(client: ProbeClient, timeout: float) -> Health:
    with closing(client):
        return client.probe(timeout)


def _ill(reason: Reason) -> Health:
    return Health(healthy=False, reason=reason)
