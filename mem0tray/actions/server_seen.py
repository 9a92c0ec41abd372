"""Where memories go by the settings, as the ledger names it and as people do."""

from msgspec import Struct

from mem0tray.config import server_choice
from mem0tray.config.server_choice import THIS_COMPUTER
from mem0tray.config.settings import LOCAL_URL, Settings
from mem0tray.core import reasons
from mem0tray.core.errors import SettingsError
from mem0tray.core.reasons import Reason
from mem0tray.system.paths import Paths


class ServerSeen(Struct, frozen=True):
    """Where memories go: as the ledger names it and as people do; both may be empty.

    `trouble` says why nothing can be sent there.
    """

    name: str = ""
    shown: str = ""
    trouble: Reason = reasons.NONE


def chosen_server(settings: Settings, paths: Paths) -> ServerSeen:
    """Where memories go by these settings."""
    url = server_choice.chosen(settings.server.url, paths)
    if url is None:
        return ServerSeen(trouble=server_choice.CHOOSE)
    if url == LOCAL_URL:
        return ServerSeen(LOCAL_URL, THIS_COMPUTER)
    from mem0tray.config.server_address import ServerAddress

    try:
        there = ServerAddress.of(url)
    except SettingsError as error:
        return ServerSeen(trouble=error.reason)
    trouble = reasons.NONE
    try:
        ServerAddress.from_settings(settings.server, keyring_within=0.0)
    except SettingsError as error:  # the key may not go there, or its authority cannot be read
        trouble = error.reason
    return ServerSeen(there.url, there.host, trouble)
