"""The Run key: the decisions, with a stand-in for the registry."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from mem0tray.core.errors import Mem0TrayError
from mem0tray.desktop.autostart import BLOCKED, DISABLED, ENABLED, STALE, AutostartState
from mem0tray.desktop.autostart.windows import APPROVED, RUN, RunKey
from tests.desktop.programs import script


class Registry:
    """As much of the module `winreg` as we use; keys are made by writing only."""

    HKEY_CURRENT_USER = "HKCU"
    KEY_READ = 1
    KEY_WRITE = 2
    REG_SZ = 1

    def __init__(self) -> None:
        self.keys: dict[str, dict[str, Any]] = {}
        self.locked = False

    @contextmanager
    def OpenKey(  # noqa: N802  (the module's own name)
        self, root: str, key: str, reserved: int = 0, access: int = KEY_READ
    ) -> Iterator[tuple[dict[str, Any], int]]:
        """Open a key that is there."""
        assert (root, reserved) == ("HKCU", 0)
        if key not in self.keys:
            raise FileNotFoundError(2, "The system cannot find the file specified")
        if self.locked and access == self.KEY_WRITE:
            raise PermissionError(13, "Access is denied")
        yield self.keys[key], access

    @contextmanager
    def CreateKeyEx(  # noqa: N802
        self, root: str, key: str, reserved: int, access: int
    ) -> Iterator[tuple[dict[str, Any], int]]:
        """Open a key, made if need be."""
        self.keys.setdefault(key, {})
        with self.OpenKey(root, key, reserved, access) as opened:
            yield opened

    def QueryValueEx(  # noqa: N802
        self, key: tuple[dict[str, Any], int], name: str
    ) -> tuple[Any, int]:
        """Read a value and its type."""
        if name not in key[0]:
            raise FileNotFoundError(2, "The system cannot find the file specified")
        return key[0][name], self.REG_SZ

    def SetValueEx(  # noqa: N802
        self, key: tuple[dict[str, Any], int], name: str, reserved: int, kind: int, value: str
    ) -> None:
        """Set a text."""
        assert (key[1], reserved, kind) == (self.KEY_WRITE, 0, self.REG_SZ)
        key[0][name] = value

    def DeleteValue(self, key: tuple[dict[str, Any], int], name: str) -> None:  # noqa: N802
        """Remove a value that is there."""
        assert key[1] == self.KEY_WRITE
        if name not in key[0]:
            raise FileNotFoundError(2, "The system cannot find the file specified")
        del key[0][name]


@pytest.fixture
def registry() -> Registry:
    """Make a registry as it is when Windows was just installed: StartupApproved is not there."""
    made = Registry()
    made.keys[RUN] = {"OneDrive": "x"}
    return made


@pytest.fixture
def words(tmp_path: Path) -> list[str]:
    """Make a program to start."""
    return [str(script(tmp_path / "with space" / "pythonw.exe", "exit 0")), "-m", "mem0tray"]


@pytest.fixture
def login(registry: Registry, words: list[str]) -> RunKey:
    """Start that program."""
    return RunKey(words, registry)


def test_enable_and_disable(login: RunKey, registry: Registry, words: list[str]) -> None:
    """The value is there only in between, others stay; disabling twice is no error."""
    assert login.state() == AutostartState(DISABLED)
    login.enable()
    line = registry.keys[RUN]["mem0tray"]
    assert line == subprocess.list2cmdline(words) == login.command
    assert login.state() == AutostartState(ENABLED, line)
    login.disable()
    assert login.state() == AutostartState(DISABLED)
    assert registry.keys[RUN] == {"OneDrive": "x"}
    login.disable()


def test_the_first_value_of_a_user(login: RunKey, registry: Registry) -> None:
    """A Run key that is not there is made."""
    del registry.keys[RUN]
    assert login.state() == AutostartState(DISABLED)
    login.enable()
    assert login.state().name == ENABLED


@pytest.mark.parametrize(
    ("first", "name"), [(2, ENABLED), (6, ENABLED), (3, BLOCKED), (7, BLOCKED), (0x63, BLOCKED)]
)
def test_what_task_manager_says(login: RunKey, registry: Registry, first: int, name: str) -> None:
    """An odd first byte turns it off; that is not mended, and `enable` takes it back."""
    login.enable()
    registry.keys[APPROVED] = {"mem0tray": bytes([first]) + bytes(11)}
    assert login.state().name == name
    assert not login.mend()
    login.enable()
    assert login.state().name == ENABLED


@pytest.mark.parametrize("flags", [b"", "x", 3])
def test_flags_that_make_no_sense(login: RunKey, registry: Registry, flags: object) -> None:
    """They turn nothing off."""
    login.enable()
    registry.keys[APPROVED] = {"mem0tray": flags}
    assert login.state().name == ENABLED


def test_disabling_forgets_what_windows_remembers(login: RunKey, registry: Registry) -> None:
    """Else the next `enable` of another installation would stay without effect."""
    login.enable()
    registry.keys[APPROVED] = {"mem0tray": b"\x03" + bytes(11), "OneDrive": b"\x02"}
    login.disable()
    assert registry.keys[APPROVED] == {"OneDrive": b"\x02"}


@pytest.mark.parametrize(
    "value",
    ['"/gone folder/pythonw.exe" -m mem0tray', "/gone/mem0tray.exe", "", '""', 7],
    ids=["quoted", "plain", "empty", "no name", "no text"],
)
def test_a_stale_value_is_mended(login: RunKey, registry: Registry, value: object) -> None:
    """What starts nothing is stale with a reason, and set anew."""
    registry.keys[RUN]["mem0tray"] = value
    state = login.state()
    assert state.name == STALE
    assert state.reason
    assert login.mend()
    assert login.state() == AutostartState(ENABLED, login.command)
    assert not login.mend()


def test_the_stale_program_is_named(login: RunKey, registry: Registry) -> None:
    """A quoted path is one name."""
    registry.keys[RUN]["mem0tray"] = '"/gone folder/pythonw.exe" -m mem0tray'
    assert login.state().reason == "/gone folder/pythonw.exe is not there any more."


def test_a_registry_that_cannot_be_changed(login: RunKey, registry: Registry) -> None:
    """The key is named, and who can help."""
    login.enable()
    registry.locked = True
    for change in (login.enable, login.disable):
        with pytest.raises(Mem0TrayError, match=r"CurrentVersion\\Run .*Access is denied"):
            change()
