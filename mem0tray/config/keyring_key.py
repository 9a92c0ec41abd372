"""The server's API key in the system's keyring, by the package `keyring` (the extra of that name).

A keyring may hang: a thread asks it, and nobody waits longer than a few seconds.
"""

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Final, TypeVar

from mem0tray.core.errors import SettingsError
from mem0tray.core.reasons import Reason
from mem0tray.system import threads

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

SERVICE: Final = "mem0tray"
PATIENCE: Final = 3.0  # seconds for one question
_IN_THE_CLEAR: Final = "keyrings.alt"  # keyrings in files, no safer than the settings file
_ABSENT: Final = Reason("The package `keyring`, by which the API key is read, is not installed.")
_INSTALL: Final = Reason(
    "Install the extra `keyring`: `pipx install --force '.[keyring]'` in the checkout, for Debian's"
    " package `sudo apt install python3-keyring`; or put the key into the settings:"
    " `mem0tray config set server.api_key`."
)
_UNLOCK: Final = Reason(
    "Unlock the keyring, or put the key into the settings: `mem0tray config set server.api_key`."
)
_turn: Final = threading.Lock()
_Answer = TypeVar("_Answer")


class KeyringUnavailableError(SettingsError):
    """The keyring does not give or take the key: it is absent, locked, silent, or has none."""


def read(url: str, within: float = PATIENCE) -> str:
    """Return the key for `url`, in its normal form. Raises KeyringUnavailableError."""
    found = _asked(lambda keyring: keyring.get_password(SERVICE, url), within)
    if not found:
        raise KeyringUnavailableError(
            Reason("The keyring has no API key for {address}.", address=url),
            Reason(
                "Type `mem0tray setup` to put it there, or `mem0tray config unset {key}`.",
                key="server.keyring",
            ),
        )
    return found


def store(url: str, key: str) -> None:
    """Put the key of the server at `url` into the keyring. Raises KeyringUnavailableError."""
    _asked(lambda keyring: keyring.set_password(SERVICE, url, key))
    if read(url) != key:  # one that keeps nothing says no word
        raise KeyringUnavailableError(Reason("The keyring did not keep the API key."), _UNLOCK)


def remove(url: str) -> bool:
    """Take the key out of it; False: it was not there. Raises KeyringUnavailableError."""

    def take_out(keyring: "KeyringBackend") -> bool:
        if keyring.get_password(SERVICE, url) is None:
            return False
        keyring.delete_password(SERVICE, url)
        return True

    return _asked(take_out)


def is_usable() -> bool:
    """Return whether there is a keyring that is worth more than a file: not one in clear text."""

    def keeps_secrets(keyring: "KeyringBackend") -> bool:
        first = next(iter(getattr(keyring, "backends", ())), keyring)  # the one written to
        in_the_clear = type(first).__module__.startswith(_IN_THE_CLEAR)
        return bool(keyring.priority > 0) and not in_the_clear

    try:
        return _asked(keeps_secrets)
    except KeyringUnavailableError:
        return False


def _keyring() -> "KeyringBackend":
    import keyring
    from keyring import backend, core
    from keyring.backends import fail

    if isinstance(keyring.get_keyring(), fail.Keyring):
        # The package looks only once, and at a login we may have started before the keyring.
        with suppress(KeyError):  # it has not looked: the user chose this one
            backend.get_all_keyring.reset()
        core.init_backend()
    return keyring.get_keyring()


def _asked(question: Callable[["KeyringBackend"], _Answer], within: float = PATIENCE) -> _Answer:
    def ask() -> _Answer:
        try:
            return question(_keyring())
        finally:
            _turn.release()

    silent = Reason("The keyring does not answer: it may be locked.")
    if not _turn.acquire(timeout=within):
        raise KeyringUnavailableError(silent, _UNLOCK)
    try:
        return threads.within(ask, within)
    except threads.HangsError:
        raise KeyringUnavailableError(silent, _UNLOCK) from None
    except KeyringUnavailableError:
        raise
    except Exception as error:
        if isinstance(error, ImportError) and error.name == "keyring":
            raise KeyringUnavailableError(_ABSENT, _INSTALL) from error
        # A keyring's message may repeat the key: only the type of its error is named.
        why = Reason("The keyring cannot be used ({why}).", why=type(error).__name__)
        raise KeyringUnavailableError(why, _UNLOCK) from None
