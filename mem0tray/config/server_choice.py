"""The choice of a server, and its names: the ledger's, and people's.

The embedded server is used without asking only where there are no mem0 files of others.
"""

from contextlib import suppress
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from mem0tray.config.settings import LOCAL_URL, Settings
from mem0tray.core import reasons
from mem0tray.core.errors import SettingsError
from mem0tray.core.reasons import Reason
from mem0tray.files import atomic, private_folders
from mem0tray.system import regular_file
from mem0tray.system.paths import Paths

if TYPE_CHECKING:
    from mem0tray.core.language import Language

THIS_COMPUTER: Final = "this computer only"  # what people see instead of `local`
HOW: Final = Reason(
    "`mem0tray config set server.url ADDRESS` for your own"
    " server, or `mem0tray config set server.url local` to keep"
    " memories on this computer only"
)
CHOOSE: Final = Reason("{what}: {remedy}", what=Reason("choose a server"), remedy=HOW)
_CHOICE: Final = "server-choice"


def in_words(server: str | None) -> str:
    """Return the words that people see for a server, as the ledger names it."""
    return THIS_COMPUTER if server == LOCAL_URL else server or "the server"


def in_sentence(server: str, *, first: bool = False) -> str:
    """Return a server's name within a sentence of ours; `first`: the sentence begins with it."""
    ours = "The embedded server" if first else "the embedded server"
    return ours if server in (LOCAL_URL, THIS_COMPUTER) else server


def said(destination: str, language: "Language") -> str:
    """Return a destination as people see it, in their language."""
    _ = language.gettext
    return _("this computer only") if destination == THIS_COMPUTER else destination


def chosen(url: str, paths: Paths) -> str | None:
    """Return the setting, or `local` where that is our choice, or None: the user must choose."""
    if url:
        return url
    if _remembered(paths) or not _files_of_others(paths):
        return LOCAL_URL
    return None


class ServerNames(Struct, frozen=True):
    """The chosen server as the ledger names it, and as it is `shown` to people; both may be empty.

    `trouble` says why nothing can be sent there.
    """

    name: str = ""
    shown: str = ""
    trouble: Reason = reasons.NONE


def chosen_server(settings: Settings, paths: Paths) -> ServerNames:
    """Return the names of the server that these settings choose."""
    url = chosen(settings.server.url, paths)
    if url is None:
        return ServerNames(trouble=CHOOSE)
    if url == LOCAL_URL:
        return ServerNames(LOCAL_URL, THIS_COMPUTER)
    from mem0tray.config.server_address import ServerAddress  # slow to import

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


def remember_if_first(url: str, paths: Paths) -> None:
    """Remember our choice for good if there is no file of others, before we make one of ours."""
    if not url and not _remembered(paths) and not _files_of_others(paths):
        private_folders.make_private_folder(paths.data_dir)
        atomic.replace(paths.data_dir / _CHOICE, f"{LOCAL_URL}\n".encode())


def _remembered(paths: Paths) -> bool:
    with suppress(OSError):
        return regular_file.read_bytes(paths.data_dir / _CHOICE).strip() == LOCAL_URL.encode()
    return False


def _files_of_others(paths: Paths) -> bool:
    return any(path.exists() for path in (paths.queue, paths.dlq, paths.metrics, paths.emergency))
