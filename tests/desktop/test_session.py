"""What this desktop can do: each missing part is named, with what would help."""

import ctypes
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import pytest

from mem0tray.core.errors import FileUnavailableError, Mem0TrayError
from mem0tray.desktop import session
from mem0tray.desktop.session import language
from mem0tray.system import programs
from tests.desktop.programs import Programs
from tests.support import needs
from tests.support.processes import wait_until


@pytest.fixture(autouse=True)
def desktop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPLAY", ":7")
    for name in ("WAYLAND_DISPLAY", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS"):
        monkeypatch.delenv(name, raising=False)


def test_no_desktop_and_no_bus(monkeypatch: pytest.MonkeyPatch) -> None:
    assert session.missing() == "There is no session bus (D-Bus) here."
    monkeypatch.delenv("DISPLAY")
    assert "no desktop" in session.missing()


@pytest.mark.parametrize(
    ("desktop", "nests"),
    [("GNOME", False), ("ubuntu:GNOME", False), ("KDE", True), ("X-Cinnamon", True), ("", True)],
)
def test_gnome_shows_a_submenu_and_none_in_it(desktop: str, *, nests: bool) -> None:
    assert session.nests_menus({"XDG_CURRENT_DESKTOP": desktop}) is nests
    assert session.nests_menus({})


SSH = {"SSH_CONNECTION": "10.0.0.2 5000 10.0.0.1 22"}


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"DISPLAY": ":0"}, True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, True),
        ({}, False),
        ({"DISPLAY": "localhost:10.0", **SSH}, False),
        ({"DISPLAY": ":0", **SSH}, True),
        ({"DISPLAY": ":0", "WSL_DISTRO_NAME": "Debian"}, False),
        ({"DISPLAY": ":0", "WSL_DISTRO_NAME": "Debian", "XDG_CURRENT_DESKTOP": "XFCE"}, True),
    ],
    ids=["X", "Wayland", "none", "ssh -X", "ssh to a display here", "WSL", "a desktop in WSL"],
)
def test_a_display_of_this_computer_makes_a_desktop(
    tmp_path: Path, environ: dict[str, str], *, expected: bool
) -> None:
    assert session.is_desktop(environ) == expected
    assert session.has_desktop(environ, tmp_path) == expected


def test_a_desktop_machine_that_nobody_is_logged_in_to(tmp_path: Path) -> None:
    sessions = tmp_path / "usr" / "share" / "xsessions"
    sessions.mkdir(parents=True)
    (sessions / "xfce.desktop").touch()
    assert not session.has_desktop(SSH, tmp_path)
    units = tmp_path / "etc" / "systemd" / "system"
    units.mkdir(parents=True)
    (units / "display-manager.service").symlink_to("/lib/systemd/system/lightdm.service")
    assert session.has_desktop(SSH, tmp_path)


def test_the_bus_is_the_one_that_is_named_else_that_of_the_runtime_folder(tmp_path: Path) -> None:
    folder = tmp_path / "a b"
    folder.mkdir()
    there = {"XDG_RUNTIME_DIR": str(folder)}
    assert session.bus_address(there) == session.bus_address({}) == ""
    (folder / "bus").touch()
    assert session.bus_address(there).endswith("/a%20b/bus")
    assert (
        session.bus_address({"DBUS_SESSION_BUS_ADDRESS": "unix:path=/x", **there}) == "unix:path=/x"
    )


@needs.LANGUAGE
@pytest.mark.parametrize(
    ("environ", "code"),
    [
        ({}, "en"),
        ({"LANG": "fr_FR.UTF-8"}, "fr"),
        ({"LC_MESSAGES": "fr_FR.UTF-8", "LANG": "en_US.UTF-8"}, "fr"),
        ({"LC_ALL": "fr_FR.UTF-8", "LC_MESSAGES": "en_US.UTF-8", "LANG": "en_US.UTF-8"}, "fr"),
        ({"LANGUAGE": "fr:en", "LC_ALL": "en_US.UTF-8", "LANG": "en_US.UTF-8"}, "fr"),
        ({"LANGUAGE": "en", "LC_ALL": "fr_FR.UTF-8"}, "en"),
        ({"LANGUAGE": "", "LC_ALL": "", "LANG": "fr_FR.UTF-8"}, "fr"),
    ],
)
def test_the_environment_names_the_language_but_the_setting_wins(
    environ: dict[str, str], code: str
) -> None:
    assert language("", environ).code == code
    assert [language(setting, environ).code for setting in ("en", "fr")] == ["en", "fr"]


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ('(\n    "fr-FR",\n    "en-US"\n)\n', "fr"),
        ('(\n    "en-FR",\n    "fr-FR"\n)\n', "en"),
        ("(\n    fr\n)\n", "fr"),
        (None, "fr"),  # no answer: the environment's
    ],
)
def test_macos_is_asked_for_its_first_language(
    monkeypatch: pytest.MonkeyPatch, answer: str | None, code: str
) -> None:
    def asked(*words: str, patience: float) -> str | None:
        assert words == ("/usr/bin/defaults", "read", "-g", "AppleLanguages")
        assert patience == 2.0  # the start does not wait longer for it
        return answer

    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(programs, "answer", asked)
    assert language("", {"LANG": "fr_FR.UTF-8"}).code == code


@pytest.mark.parametrize(("number", "code"), [(0x040C, "fr"), (0x0409, "en"), (0x7FFF, "fr")])
def test_windows_is_asked_for_its_language(
    monkeypatch: pytest.MonkeyPatch, number: int, code: str
) -> None:
    kernel = SimpleNamespace(GetUserDefaultUILanguage=lambda: number)
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(ctypes, "windll", SimpleNamespace(kernel32=kernel), raising=False)
    assert language("", {"LANG": "fr_FR.UTF-8"}).code == code


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "a b & $(c).log"
    path.touch()
    return path


def _calls(programs: Programs, name: str) -> list[str]:
    return wait_until(lambda: programs.calls(name), what=f"{name} was started")


def test_a_name_that_looks_like_an_option_is_opened(
    programs: Programs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs.add("xdg-open")
    (tmp_path / "--help").touch()
    monkeypatch.chdir(tmp_path)
    session.show(Path("--help"))
    assert _calls(programs, "xdg-open") == [f"{tmp_path}/--help"]


def test_a_missing_opener_is_named(programs: Programs, log: Path) -> None:
    programs.only()
    with pytest.raises(Mem0TrayError, match=r"xdg-open is missing.*xdg-utils"):
        session.show(log)


def test_what_is_not_there(programs: Programs, tmp_path: Path) -> None:
    programs.add("xdg-open")
    with pytest.raises(FileUnavailableError, match=r"config\.toml does not exist"):
        session.show(tmp_path / "config.toml")
    assert programs.calls("xdg-open") == []


def test_macos_opens_it_in_the_text_editor(
    programs: Programs, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    programs.add("open")
    session.show(log)
    assert _calls(programs, "open") == [str(log)]
    session.show(log, edits=True)
    wait_until(lambda: programs.calls("open") == [str(log), f"-t {log}"])


def test_windows_opens_it_or_else_notepad_does(
    programs: Programs, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs.add("notepad.exe")
    notepad = str(programs.folder / "notepad.exe")
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(shutil, "which", lambda _: notepad)  # the real one asks Windows itself
    for flag in ("CREATE_NEW_PROCESS_GROUP", "CREATE_NO_WINDOW"):
        monkeypatch.setattr(subprocess, flag, 0, raising=False)
    opened: list[str] = []
    monkeypatch.setattr(os, "startfile", opened.append, raising=False)
    session.show(log)
    session.show(log, edits=True)
    assert opened == [str(log), str(log)]
    assert programs.calls("notepad.exe") == []
    unknown = OSError(1155, "No application is associated")
    monkeypatch.setattr(os, "startfile", mock.Mock(side_effect=unknown))
    with pytest.raises(Mem0TrayError, match="No application is associated"):
        session.show(log)
    session.show(log, edits=True)
    assert _calls(programs, "notepad.exe") == [str(log)]
