"""The Run key: what Windows makes of it, with a stand-in for the registry."""

import subprocess
from pathlib import Path

import pytest

from mem0tray.core.errors import Mem0TrayError
from mem0tray.desktop.autostart import BLOCKED, ENABLED, STALE, AutostartState
from mem0tray.desktop.autostart.windows import APPROVED, RUN, RunKey
from tests.desktop.programs import Registry, script


@pytest.fixture
def registry() -> Registry:
    """Make a registry as it is when Windows was just installed: StartupApproved is not there."""
    made = Registry()
    made.keys[RUN] = {"OneDrive": "x"}
    return made


@pytest.fixture
def login(registry: Registry, tmp_path: Path) -> RunKey:
    program = script(tmp_path / "with space" / "pythonw.exe", "exit 0")
    return RunKey([str(program), "-m", "mem0tray"], registry)


def test_the_value_holds_the_command_line_and_others_stay(
    login: RunKey, registry: Registry, tmp_path: Path
) -> None:
    login.enable()
    words = [str(tmp_path / "with space" / "pythonw.exe"), "-m", "mem0tray"]
    assert registry.keys[RUN]["mem0tray"] == subprocess.list2cmdline(words) == login.command
    registry.keys[APPROVED] = {"mem0tray": b"\x03" + bytes(11), "OneDrive": b"\x02"}
    login.disable()
    assert registry.keys == {RUN: {"OneDrive": "x"}, APPROVED: {"OneDrive": b"\x02"}}


@pytest.mark.parametrize(
    ("flags", "name"),
    [
        (b"\x02", ENABLED), (b"\x06", ENABLED), (b"", ENABLED), ("x", ENABLED), (3, ENABLED),
        (b"\x03", BLOCKED), (b"\x07", BLOCKED), (b"\x63", BLOCKED),
    ],
)  # fmt: skip
def test_an_odd_first_byte_turns_it_off_and_enable_takes_that_back(
    login: RunKey, registry: Registry, flags: object, name: str
) -> None:
    login.enable()
    registry.keys[APPROVED] = {"mem0tray": flags}
    assert login.state().name == name
    assert not login.mend()
    login.enable()
    assert login.state().name == ENABLED


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ('"/gone folder/pythonw.exe" -m mem0tray', "/gone folder/pythonw.exe is not there"),
        ("/gone/mem0tray.exe", "/gone/mem0tray.exe is not there"),
        ("", "starts no program"),
        ('""', ""),
        (7, "7 is not there"),
    ],
    ids=["quoted", "plain", "empty", "no name", "no text"],
)
def test_a_stale_value_is_mended(
    login: RunKey, registry: Registry, value: object, reason: str
) -> None:
    registry.keys[RUN]["mem0tray"] = value
    assert login.state().name == STALE
    assert reason in login.state().reason
    assert login.mend()
    assert login.state() == AutostartState(ENABLED, login.command)


def test_a_registry_that_cannot_be_changed_is_named(login: RunKey, registry: Registry) -> None:
    login.enable()
    registry.locked = True
    for change in (login.enable, login.disable):
        with pytest.raises(Mem0TrayError, match=r"CurrentVersion\\Run .*Access is denied"):
            change()
