"""The server's key in the keyring: `setup` puts it there, the worker reads it."""

import json
import os
import shutil
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support import keyring_of_tests, needs
from tests.support.fixtures import bare_home, server
from tests.support.home import Home
from tests.support.processes import wait_until
from tests.support.shapes import entry
from tests.support.standin import Standin

__all__ = ["bare_home", "server"]

KEY = "sesame-3c1f"


@dataclass
class Keyring:
    file: Path

    def held(self) -> dict[str, str]:
        found: dict[str, str] = json.loads(self.file.read_text("utf-8"))
        return found

    def hold(self, kept: Mapping[str, str]) -> None:
        self.file.write_text(json.dumps(dict(kept)), "utf-8")


@pytest.fixture
def home(bare_home: Home, server: Standin) -> Home:
    library = bare_home.root / "library"
    library.mkdir()
    shutil.copy(Path(keyring_of_tests.__file__), library / "keyring_of_tests.py")
    former = bare_home.env.get("PYTHONPATH")
    bare_home.env |= {
        "PATH": str(Path(sys.executable).parent),
        "PYTHONPATH": os.pathsep.join(filter(None, [str(library), former])),
        "PYTHON_KEYRING_BACKEND": "keyring_of_tests.KeyringOfTests",
        keyring_of_tests.VARIABLE: str(bare_home.root / "keyring.json"),
    }
    server.api_key = KEY
    return bare_home


@pytest.fixture
def keyring(home: Home) -> Keyring:
    return Keyring(Path(home.env[keyring_of_tests.VARIABLE]))


def set_up(home: Home, server: Standin, *options: str) -> str:
    given = ("--server", server.url, "--key-from", "-", "--no-memory", *options)
    return home.ok("setup", *given, stdin=f"{KEY}\n")


def settings(home: Home) -> dict[str, object]:
    found: dict[str, object] = tomllib.loads(home.config.read_text("utf-8"))["server"]
    return found


def test_beside_a_wrong_setting_purge_takes_the_key_out_too(
    home: Home, server: Standin, keyring: Keyring
) -> None:
    keyring.hold({f"mem0tray {server.url}": KEY, "another program": "kept"})
    home.configure(f'[server]\nurl = "{server.url}"\nkeyring = true\n[sync]\ntimeout = -1\n')
    assert f"the API key of {server.url} in the keyring" in home.ok("uninstall", "--purge", "--yes")
    assert keyring.held() == {"another program": "kept"}


def test_the_key_moves_as_the_option_says(home: Home, server: Standin, keyring: Keyring) -> None:
    set_up(home, server, "--key-in", "settings")
    assert settings(home) == {"url": server.url, "api_key": KEY}
    assert not keyring.file.exists()
    home.ok("setup", "--key-in", "keyring", "--no-memory")
    assert settings(home) == {"url": server.url, "keyring": True}
    home.ok("setup", "--key-in", "settings", "--no-memory")
    assert settings(home) == {"url": server.url, "api_key": KEY}
    assert keyring.held() == {}


def test_a_locked_keyring_is_no_end_of_setup(home: Home, server: Standin, keyring: Keyring) -> None:
    keyring.file.write_text(keyring_of_tests.LOCKED)
    wanted = ("--server", server.url, "--key-from", "-", "--key-in", "keyring")
    refused = home.run("setup", *wanted, stdin=f"{KEY}\n")
    assert refused.returncode == 2
    assert "The keyring cannot be used (KeyringLocked). Unlock the keyring" in refused.stderr
    assert not home.config.exists()
    assert "KeyringLocked" in home.run("setup", *wanted[:4], "--no-memory", stdin=f"{KEY}\n").stderr
    assert settings(home) == {"url": server.url, "api_key": KEY}


def test_the_key_goes_to_its_own_server_alone(
    home: Home, server: Standin, keyring: Keyring
) -> None:
    keyring.hold({"mem0tray https://other.test": KEY})
    home.configure(f'[server]\nurl = "{server.url}"\nkeyring = true\n')
    said = home.run("doctor")
    assert said.returncode == 1
    assert f"The keyring has no API key for {server.url}." in said.stdout
    assert KEY not in said.stdout + said.stderr


@needs.posix("a FIFO hangs")
def test_a_memory_waits_for_a_keyring_that_hangs(
    home: Home, server: Standin, keyring: Keyring
) -> None:
    home.configure(f'[server]\nurl = "{server.url}"\nkeyring = true\n')
    os.mkfifo(keyring.file)
    home.write_queue([entry("kept")])
    home.worker()
    wait_until(lambda: "does not answer" in str(home.read(home.metrics).get("reason", "")))
    assert home.read(home.metrics)["state"] == "action needed"
    assert len(home.queue_items()) == 1
    assert "The keyring does not answer" in home.run("doctor").stdout
    with keyring.file.open("w", encoding="utf-8") as other_end:  # the one that hung goes on
        other_end.write(json.dumps({f"mem0tray {server.url}": KEY}))
        keyring.file.unlink()
        keyring.hold({f"mem0tray {server.url}": KEY})
    wait_until(lambda: len(server.stored) == 1)


def test_a_new_key_is_read_while_the_worker_runs(
    home: Home, server: Standin, keyring: Keyring
) -> None:
    home.configure(f'[server]\nurl = "{server.url}"\nkeyring = true\n')
    keyring.hold({f"mem0tray {server.url}": "former"})
    home.write_queue([entry("kept")])
    home.worker()
    wait_until(lambda: "refuses" in str(home.read(home.metrics).get("reason", "")))
    keyring.hold({f"mem0tray {server.url}": KEY})
    wait_until(lambda: len(server.stored) == 1)
