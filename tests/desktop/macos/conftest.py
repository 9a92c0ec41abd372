"""A Mac for a test: the names of the real one, and nothing that it has not."""

import fcntl
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from mem0tray.desktop.notify import plyer_backend
from tests.desktop.macos import kit
from tests.desktop.macos.names import Names, NoNamesError, names
from tests.desktop.macos.runtime import Machine
from tests.desktop.macos.user import User
from tests.desktop.programs import Osascript

collect_ignore_glob = ["test_*.py"] if sys.platform == "win32" else []


@pytest.fixture(scope="session")
def real_names() -> Names:
    """Have the wheels' names; `packaging/test` takes no skip for an answer."""
    try:
        return names()
    except NoNamesError as error:
        pytest.skip(str(error))


@pytest.fixture
def mac(real_names: Names, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    """Be a Mac; whatever it has been asked for in vain fails the test, swallowed or not."""
    machine = Machine(real_names)
    kit.put_in_place(monkeypatch, machine)
    monkeypatch.setattr(tempfile, "tempdir", tempfile.tempdir)  # a tray sets it
    monkeypatch.setattr(fcntl, "F_FULLFSYNC", fcntl.F_GETFD, raising=False)
    yield machine
    for name in kit.there():
        del sys.modules[name]
    assert machine.faults == []


@pytest.fixture
def user(mac: Machine) -> User:
    return User(mac)


@pytest.fixture
def scripts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Osascript:
    made = Osascript(tmp_path)
    monkeypatch.setattr(plyer_backend, "OSASCRIPT", str(made.program))
    monkeypatch.setattr(sys, "platform", "darwin")
    return made
