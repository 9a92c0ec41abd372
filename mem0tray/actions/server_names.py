"""The names of the server that memories go to by the settings: the ledger's, and people's."""

from msgspec import Struct

from mem0tray.config import server_choice
from mem0tray.config.server_choice import THIS_COMPUTER
from mem0tray.config.settings import LOCAL_URL, Settings
from mem0tray.core import reasons
from mem0tray.core.errors import SettingsError
from mem0tray.core.reasons import Reason
from mem0tray.system.paths import Paths


class ServerNames(Struct, frozen=True):
    """The chosen server as the ledger names it, and as it is `shown` to people; both may be empty.

    `trouble` says why nothing can be sent there.
    """

    name: str = ""
    shown: str = ""
    trouble: Reason = reasons.NONE


def chosen_server(settings: Settings, paths: Paths) -> ServerNames:
    """The names of the server that these settings choose."""
    url = server_choice.chosen(settings.server.url, paths)
    if url is None:
        return ServerNames(trouble=server_choice.CHOOSE)
    if url == LOCAL_URL:
        return ServerNames(LOCAL_URL, THIS_COMPUTER)
    from mem0tray.config.server_address import ServerAddress

    try:
        there = ServerAddress.of(url)
    except SettingsError as error:
        return ServerNames(trouble=error.reason)
    trouble = reasons.NONE
    try:
        ServerAddress.from_settings(settings.server, keyring_within=0.0)
    except SettingsError as error:  # the key may not go there, or its authority cannot be read
        trouble = error.reason
    return ServerNames(there.url, there.host, trouble)
