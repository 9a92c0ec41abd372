"""What this desktop can do: each missing part is named, with what would help."""

from pathlib import Path

import pytest

from mem0tray.desktop import session, trial


@pytest.fixture(autouse=True)
def desktop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPLAY", ":7")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)


def test_no_desktop(monkeypatch: pytest.MonkeyPatch) -> None:
    """Over ssh there may be a bus, and yet nobody to see an icon."""
    monkeypatch.delenv("DISPLAY")
    assert "no desktop" in session.missing()


def test_no_bus() -> None:
    assert session.missing() == "There is no session bus (D-Bus) here."


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


def test_a_library_that_fails_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise LookupError("on purpose")

    monkeypatch.setattr(session, "connected", fail)
    assert trial.tray(5.0) == {"failed": "LookupError: on purpose"}
