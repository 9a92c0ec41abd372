"""The key in the keyring: which keyrings are used, and what is said where none can be."""

import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final
from unittest import mock

import keyring
import pytest

from mem0tray.config import keyring_key
from mem0tray.config.keyring_key import KeyringUnavailableError
from mem0tray.system import threads
from tests.support import keyring_of_tests
from tests.support.keyring_of_tests import KeyringOfTests

OURS: Final[Any] = KeyringOfTests()  # type: ignore[no-untyped-call]
URL, KEY = "https://mem0.test", "sesame-3c1f"
UNLOCK: Final = (
    "Unlock the keyring, or put the key into the settings: `mem0tray config set server.api_key`."
)


class InTheClear:
    """Stands for a keyring in a file that anybody can read."""

    __module__ = "keyrings.alt.file"
    priority = 0.5


def chain(*backends: object) -> SimpleNamespace:
    return SimpleNamespace(priority=1, backends=backends)


@pytest.fixture(autouse=True)
def _file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(keyring_of_tests.VARIABLE, str(tmp_path / "keyring.json"))


def use(monkeypatch: pytest.MonkeyPatch, backend: object) -> None:
    monkeypatch.setattr(keyring, "get_keyring", lambda: backend)


def test_a_key_is_kept_until_it_is_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, OURS)
    keyring_key.store(URL, KEY)
    assert keyring_key.read(URL) == OURS.get_password("mem0tray", URL) == KEY
    assert [keyring_key.remove(URL) for _ in range(2)] == [True, False]
    assert asked_in_vain()[0] == f"The keyring has no API key for {URL}."


@pytest.mark.parametrize(
    ("backend", "usable"),
    [
        (OURS, True),
        (InTheClear(), False),
        (chain(OURS, InTheClear()), True),
        (chain(InTheClear(), OURS), False),
        (chain(), True),
    ],
    ids=["one", "in the clear", "chain", "chain in the clear", "empty chain"],
)
def test_a_keyring_in_the_clear_is_not_used(
    monkeypatch: pytest.MonkeyPatch, backend: object, *, usable: bool
) -> None:
    use(monkeypatch, backend)
    assert keyring_key.is_usable() == usable


def asked_in_vain(within: float = 5.0) -> tuple[str, str]:
    with pytest.raises(KeyringUnavailableError) as caught:
        keyring_key.read(URL, within)
    return caught.value.message, caught.value.remedy


def test_a_keyring_that_fails_is_named_without_its_message(monkeypatch: pytest.MonkeyPatch) -> None:
    """That may hold the key."""
    use(monkeypatch, SimpleNamespace(get_password=mock.Mock(side_effect=ValueError(KEY))))
    assert asked_in_vain() == ("The keyring cannot be used (ValueError).", UNLOCK)


def test_a_silent_keyring_may_be_locked(monkeypatch: pytest.MonkeyPatch) -> None:
    silent = ("The keyring does not answer: it may be locked.", UNLOCK)
    turn = threading.Lock()
    monkeypatch.setattr(keyring_key, "_turn", turn)
    monkeypatch.setattr(threads, "within", mock.Mock(side_effect=threads.HangsError))
    assert asked_in_vain() == silent
    assert turn.locked(), "another question waits for this one"
    assert asked_in_vain(0.0) == silent


def test_without_the_package_it_is_said_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    how = (
        "Install the extra `keyring`: `pipx install --force '.[keyring]'` in the checkout, for"
        " Debian's package `sudo apt install python3-keyring`; or put"
        " the key into the settings: `mem0tray config set server.api_key`."
    )
    missing = "The package `keyring`, by which the API key is read, is not installed."
    assert asked_in_vain() == (missing, how)
    assert not keyring_key.is_usable()
