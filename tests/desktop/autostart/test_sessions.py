"""Where a login is one to a desktop, and where it is not."""

from pathlib import Path

import pytest

from mem0tray.desktop.autostart.sessions import desktops, has_desktop, is_desktop, unread
from tests.desktop.programs import Programs
from tests.desktop.user_systemd import UserSystemd

SSH = {"SSH_CONNECTION": "10.0.0.2 5000 10.0.0.1 22"}


@pytest.fixture(autouse=True)
def _no_sessions(programs: Programs) -> None:
    """Stand in for a logind that knows no session of this user."""
    programs.add("loginctl", "exit 1")


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
def test_the_environment(tmp_path: Path, environ: dict[str, str], *, expected: bool) -> None:
    """A display of this computer makes a desktop; one of another computer does not."""
    assert is_desktop(environ) == expected
    assert has_desktop(environ, tmp_path) == expected


def test_a_graphical_session_of_the_user(tmp_path: Path, programs: Programs) -> None:
    """Over ssh, while the same user is logged in at the screen."""
    answers = '*Sessions*) echo "2 c7" ;; "show-session 2 "*) echo tty ;; *) echo x11 ;;'
    programs.add("loginctl", f'case "$*" in {answers} esac')
    assert has_desktop(SSH, tmp_path)


def test_a_desktop_machine_that_nobody_is_logged_in_to(tmp_path: Path) -> None:
    """A greeter with sessions to choose from; sessions alone may be leftovers of a package."""
    sessions = tmp_path / "usr" / "share" / "xsessions"
    sessions.mkdir(parents=True)
    (sessions / "xfce.desktop").touch()
    assert not has_desktop(SSH, tmp_path)
    units = tmp_path / "etc" / "systemd" / "system"
    units.mkdir(parents=True)
    (units / "display-manager.service").symlink_to("/lib/systemd/system/lightdm.service")
    assert has_desktop(SSH, tmp_path)


# Desktops that start no entries ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("environ", "file", "line"),
    [
        ({"XDG_CURRENT_DESKTOP": "sway:wlroots"}, "sway/config", "exec /bin/mem0tray"),
        ({"SWAYSOCK": "/run/s"}, "sway/config", "exec /bin/mem0tray"),
        ({"XDG_CURRENT_DESKTOP": "i3"}, "i3/config", "exec --no-startup-id /bin/mem0tray"),
        ({"XDG_CURRENT_DESKTOP": "Hyprland"}, "hypr/hyprland.conf", "exec-once = /bin/mem0tray"),
        (
            {"XDG_CURRENT_DESKTOP": "niri"},
            "niri/config.kdl",
            'spawn-at-startup "sh" "-c" "/bin/mem0tray"',
        ),
        ({"XDG_CURRENT_DESKTOP": "river"}, "river/init", 'riverctl spawn "/bin/mem0tray"'),
    ],
)
def test_a_desktop_that_starts_no_entries_has_a_line_of_its_own(
    tmp_path: Path, environ: dict[str, str], file: str, line: str
) -> None:
    """The error names the file and the line; with such a line there is none."""
    error = unread(desktops(environ), tmp_path, "/bin/mem0tray")
    assert error is not None
    assert error.remedy == f"Add this line to its settings ({tmp_path / file}): {line}"
    (tmp_path / file).parent.mkdir()
    (tmp_path / file).write_text(f"{line}\n")
    assert unread(desktops(environ), tmp_path, "/bin/mem0tray") is None


@pytest.mark.parametrize("environ", [{}, {"XDG_CURRENT_DESKTOP": "XFCE", "I3SOCK": "/run/i3"}])
def test_other_desktops_start_entries(tmp_path: Path, environ: dict[str, str]) -> None:
    """Also with a window manager of another desktop."""
    assert unread(desktops(environ), tmp_path, "/bin/mem0tray") is None


def test_systemd_may_start_entries_for_such_a_desktop(tmp_path: Path, programs: Programs) -> None:
    """As in the sessions of niri and uwsm."""
    programs.add("systemctl", 'case "$*" in *xdg-desktop-autostart.target) echo active ;; esac')
    assert unread(["niri"], tmp_path, "/bin/mem0tray") is None
    UserSystemd(programs)
    assert unread(["niri"], tmp_path, "/bin/mem0tray") is not None


def test_dex_may_start_entries_for_such_a_desktop(tmp_path: Path, programs: Programs) -> None:
    """i3's own settings call it, but it need not be installed."""
    programs.only()
    (tmp_path / "i3").mkdir()
    (tmp_path / "i3" / "config").write_text("exec --no-startup-id dex --autostart -e i3\n")
    assert unread(["i3"], tmp_path, "/bin/mem0tray") is not None
    programs.add("dex")
    assert unread(["i3"], tmp_path, "/bin/mem0tray") is None
