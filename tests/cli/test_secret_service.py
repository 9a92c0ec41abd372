"""The server's key in a real Secret Service: GNOME's keyring, on a bus of the tests' own."""

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from tests.support import needs
from tests.support.fixtures import bare_home, server
from tests.support.home import Home
from tests.support.processes import Process, wait_until
from tests.support.session import session
from tests.support.shapes import entry
from tests.support.standin import Standin

if TYPE_CHECKING:
    from secretstorage import Collection

pytestmark = [needs.linux("no Secret Service is there"), needs.program("gnome-keyring-daemon")]

__all__ = ["bare_home", "server"]

_PROGRAM: Final = "gnome-keyring-daemon"
_PASSWORD: Final = b"the password of a login"
_SECRETS: Final = "--components=secrets"


class SecretService:
    def __init__(self, folder: Path, bus: str, runtime: Path) -> None:
        self.keyrings = folder / "keyrings"
        self.environ: Mapping[str, str] = {"DBUS_SESSION_BUS_ADDRESS": bus}
        self._bus = bus
        self._env = {
            **os.environ,
            **self.environ,
            "XDG_DATA_HOME": str(folder),
            "XDG_RUNTIME_DIR": str(runtime),  # its socket needs a short name
        }
        self._output = folder / "daemon"
        self._daemon: Process | None = None

    def start(self) -> None:
        reader, writer = os.pipe()
        with os.fdopen(reader, "rb") as stdin:
            command = (_PROGRAM, "--foreground", "--unlock", _SECRETS)
            daemon = Process(command, env=self._env, output=self._output, stdin=stdin)
        with os.fdopen(writer, "wb") as password:
            password.write(_PASSWORD)
        self._daemon = daemon
        wait_until(self._is_unlocked, what="the keyring", explain=lambda: daemon.err)

    def stop(self) -> None:
        if self._daemon is not None:
            self._daemon.kill()
            self._daemon = None

    def held(self) -> dict[str, bytes]:
        with self._collection() as collection:
            return {
                each.get_attributes()["username"]: each.get_secret()
                for each in collection.get_all_items()
            }

    @contextmanager
    def _collection(self) -> "Iterator[Collection]":
        from jeepney.io.blocking import open_dbus_connection  # type: ignore[import-untyped]
        from secretstorage import get_default_collection

        with closing(open_dbus_connection(self._bus)) as connection:
            yield get_default_collection(connection)

    def _is_unlocked(self) -> bool:
        try:
            with self._collection() as collection:
                return not collection.is_locked()
        except Exception:  # noqa: BLE001  (the daemon is not on the bus yet)
            return False


KEY = "sesame-3c1f"


@pytest.fixture
def keyring(tmp_path: Path) -> Iterator[SecretService]:
    folder = tmp_path / "login"
    folder.mkdir()
    prefix = "mem0tray-keyring-"
    with session(folder) as bus, tempfile.TemporaryDirectory(prefix=prefix) as runtime:
        made = SecretService(folder, bus.environ["DBUS_SESSION_BUS_ADDRESS"], Path(runtime))
        try:
            made.start()
            yield made
        finally:
            made.stop()


@pytest.fixture
def home(bare_home: Home, server: Standin, keyring: SecretService) -> Home:
    bare_home.env |= keyring.environ
    del bare_home.env["PYTHON_KEYRING_BACKEND"]
    server.api_key = KEY
    return bare_home


def test_a_key_is_kept_used_and_taken_out(
    home: Home, server: Standin, keyring: SecretService
) -> None:
    given = ("--server", server.url, "--key-from", "-", "--no-claude-code", "--no-autostart")
    said = home.ok("setup", *given, stdin=f"{KEY}\n")
    assert "The API key is in the system's keyring, for this address alone." in said
    assert len(server.stored) == 1
    assert keyring.held() == {server.url: KEY.encode()}
    kept = [path for path in home.root.parent.rglob("*") if path.is_file()]
    assert keyring.keyrings / "login.keyring" in kept
    assert [path for path in kept if KEY.encode() in path.read_bytes()] == []
    home.write_queue([entry("by the worker")])
    home.drained()
    assert server.count("by the worker") == 1
    home.ok("uninstall", "--purge", "--yes")
    assert keyring.held() == {}
