"""The server's key in a real Secret Service: GNOME's keyring, on a bus of the tests' own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import needs
from tests.support.fixtures import bare_home, server
from tests.support.home import Home
from tests.support.processes import wait_until
from tests.support.secret_service import SecretService, secret_service
from tests.support.shapes import entry
from tests.support.standin import Standin

pytestmark = [needs.linux("no Secret Service is there"), needs.program("gnome-keyring-daemon")]

__all__ = ["bare_home", "server"]

KEY = "sesame-3c1f"


@pytest.fixture
def keyring(tmp_path: Path) -> Iterator[SecretService]:
    folder = tmp_path / "login"
    folder.mkdir()
    with secret_service(folder) as there:
        yield there


@pytest.fixture
def home(bare_home: Home, server: Standin, keyring: SecretService) -> Home:
    """Make a home whose keyring that is, beside a server that wants a key."""
    bare_home.env |= keyring.environ
    del bare_home.env["PYTHON_KEYRING_BACKEND"]
    server.api_key = KEY
    return bare_home


def set_up(home: Home, server: Standin, *options: str) -> str:
    given = ("--server", server.url, "--key-from", "-", "--no-claude-code", "--no-autostart")
    return home.ok("setup", *given, *options, stdin=f"{KEY}\n")


def reason(home: Home) -> str:
    found = home.read(home.metrics, {})
    return str(found.get("reason", "")) if found.get("state") == "action needed" else ""


def test_a_key_is_kept_used_and_taken_out(
    home: Home, server: Standin, keyring: SecretService
) -> None:
    said = set_up(home, server)
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


def test_memories_wait_while_the_keyring_is_locked(
    home: Home, server: Standin, keyring: SecretService
) -> None:
    set_up(home, server, "--no-memory")
    keyring.lock()
    home.write_queue([entry("kept")])
    home.worker()
    wait_until(lambda: "Unlock the keyring" in reason(home), explain=lambda: reason(home))
    assert len(home.queue_items()) == 1
    assert "Unlock the keyring" in home.run("doctor", "--no-notify").stdout
    keyring.unlock()
    server.wait_for(lambda: server.count("kept") == 1)


def test_a_service_that_dies_costs_no_memory(
    home: Home, server: Standin, keyring: SecretService
) -> None:
    set_up(home, server, "--no-memory")
    first = home.worker()
    home.ok("add", "--project", "alpha", "before")
    server.wait_for(lambda: server.count("before") == 1)
    keyring.stop()
    home.ok("add", "--project", "alpha", "during")
    server.wait_for(lambda: server.count("during") == 1)
    first.stop()
    home.ok("add", "--project", "alpha", "after")
    home.worker()
    wait_until(lambda: "Unlock the keyring" in reason(home), explain=lambda: reason(home))
    assert len(home.queue_items()) == 1
    keyring.start()
    server.wait_for(lambda: server.count("after") == 1)
