"""The server's key in a real Secret Service: GNOME's keyring, on a bus of the tests' own."""

import tempfile
from collections.abc import Iterator
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

KEY = "sesame-3c1f"
_DAEMON: Final = ("gnome-keyring-daemon", "--foreground", "--unlock", "--components=secrets")


@contextmanager
def collection(bus: str) -> "Iterator[Collection]":
    from jeepney.io.blocking import open_dbus_connection  # type: ignore[import-untyped]
    from secretstorage import get_default_collection

    with closing(open_dbus_connection(bus)) as connection:
        yield get_default_collection(connection)


def is_unlocked(bus: str) -> bool:
    try:
        with collection(bus) as found:
            return not found.is_locked()
    except Exception:  # noqa: BLE001  (the daemon is not on the bus yet)
        return False


def held(bus: str) -> dict[str, bytes]:
    with collection(bus) as found:
        return {
            each.get_attributes()["username"]: each.get_secret() for each in found.get_all_items()
        }


@pytest.fixture
def bus(tmp_path: Path) -> Iterator[str]:
    """Start the keyring of a login, unlocked by its password; the address of its bus."""
    password = tmp_path / "password"
    password.write_text("the password of a login", "utf-8")
    with (
        session(tmp_path) as made,
        # Its socket needs a short name.
        tempfile.TemporaryDirectory(prefix="mem0tray-keyring-") as runtime,
        password.open("rb") as stdin,
    ):
        env = {**made.environ, "XDG_DATA_HOME": str(tmp_path), "XDG_RUNTIME_DIR": runtime}
        daemon = Process(_DAEMON, env=env, output=tmp_path / "daemon", stdin=stdin)
        address = made.environ["DBUS_SESSION_BUS_ADDRESS"]
        try:
            wait_until(lambda: is_unlocked(address), what="the keyring", explain=lambda: daemon.err)
            yield address
        finally:
            daemon.kill()


@pytest.fixture
def home(bare_home: Home, server: Standin, bus: str) -> Home:
    bare_home.env["DBUS_SESSION_BUS_ADDRESS"] = bus
    del bare_home.env["PYTHON_KEYRING_BACKEND"]
    server.api_key = KEY
    return bare_home


def test_a_key_is_kept_used_and_taken_out(
    home: Home, server: Standin, bus: str, tmp_path: Path
) -> None:
    given = ("--server", server.url, "--key-from", "-", "--no-claude-code", "--no-autostart")
    said = home.ok("setup", *given, stdin=f"{KEY}\n")
    assert "The API key is in the system's keyring, for this address alone." in said
    assert len(server.stored) == 1
    assert held(bus) == {server.url: KEY.encode()}
    kept = [path for path in home.root.parent.rglob("*") if path.is_file()]
    assert tmp_path / "keyrings" / "login.keyring" in kept
    assert [path for path in kept if KEY.encode() in path.read_bytes()] == []
    home.write_queue([entry("by the worker")])
    home.drained()
    assert server.count("by the worker") == 1
    home.ok("uninstall", "--purge", "--yes")
    assert held(bus) == {}
