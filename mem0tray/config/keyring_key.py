"""The server's API key in the system's keyring, by the package `keyring` (the extra of that name).

A keyring may be locked, ask its owner, or hang: nobody waits for it longer than a few seconds. A
thread asks it, one at a time in a process, and also imports the package.
"""

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Final, TypeVar

from mem0tray.core.errors import SettingsError
from mem0tray.core.reasons import Reason

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

SERVICE: Final = "mem0tray"
PATIENCE: Final = 3.0  # seconds for one question
_IN_THE_CLEAR: Final = "keyrings.alt"  # keyrings in files, no safer than the settings file
_INSTALL: Final = Reason(
    "Install the extra `keyring`: `pipx install --force '.[keyring]'` in the checkout; or put the"
    " key into the settings: `mem0tray config set server.api_key`."
)
_UNLOCK: Final = Reason(
    "Unlock the keyring, or put the key into the settings: `mem0tray config set server.api_key`."
)
_turn: Final = threading.Lock()
_Answer = TypeVar("_Answer")


class KeyringUnavailableError(SettingsError):
    """The keyring does not give or take the key: it is absent, locked, silent, or has none."""


def read(url: str, within: float = PATIENCE) -> str:
    """Return the key of the server at `url`, an address in its normal form, within so many seconds.

    Raises KeyringUnavailableError, also if the keyring has none for that server.
    """
    found = _asked(lambda: _keyring().get_password(SERVICE, url), within)
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
    _asked(lambda: _keyring().set_password(SERVICE, url, key))
    if read(url) != key:
        raise KeyringUnavailableError(Reason("The keyring did not keep the API key."), _UNLOCK)


def remove(url: str) -> bool:
    """Take the key of the server at `url` out of it; False: it was not there.

    Raises KeyringUnavailableError.
    """

    def take_out() -> bool:
        keyring = _keyring()
        if keyring.get_password(SERVICE, url) is None:
            return False
        keyring.delete_password(SERVICE, url)
        return True

    return _asked(take_out)


def is_usable() -> bool:
    """Return whether there is a keyring that is worth more than a file: not one in clear text."""
    try:
        return _asked(lambda: _keeps_secrets(_keyring()))
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


def _keeps_secrets(keyring: "KeyringBackend") -> bool:
    first = next(iter(getattr(keyring, "backends", ())), keyring)  # of a chain, the one written to
    in_the_clear = type(first).__module__.startswith(_IN_THE_CLEAR)
    return bool(keyring.priority > 0) and not in_the_clear


def _asked(question: Callable[[], _Answer], within: float = PATIENCE) -> _Answer:
    """Return the keyring's answer to a question. Raises KeyringUnavailableError."""
    if not _turn.acquire(timeout=within):
        raise _silent()
    from queue import Empty, SimpleQueue  # only those wait for it who have a key there

    answers: SimpleQueue[tuple[_Answer] | Exception] = SimpleQueue()

    def ask() -> None:
        try:
            answers.put((question(),))
        except Exception as error:  # noqa: BLE001  (each keyring has its own errors)
            answers.put(error)
        finally:
            _turn.release()

    threading.Thread(target=ask, name="mem0tray-keyring", daemon=True).start()
    try:
        answer = answers.get(timeout=within)
    except Empty:
        raise _silent() from None
    if isinstance(answer, tuple):
        return answer[0]
    if isinstance(answer, KeyringUnavailableError):
        raise answer
    if isinstance(answer, ImportError) and answer.name == "keyring":
        raise KeyringUnavailableError(
            Reason("The package `keyring`, by which the API key is read, is not installed."),
            _INSTALL,
        ) from answer
    # A keyring's message may repeat the key: only the type of its error is named.
    raise KeyringUnavailableError(
        Reason("The keyring cannot be used ({why}).", why=type(answer).__name__), _UNLOCK
    ) from None


def _silent() -> KeyringUnavailableError:
    return KeyringUnavailableError(
        Reason("The keyring does not answer: it may be locked."), _UNLOCK
    )
