"""Where a login is one to a desktop, and where it is not."""

from pathlib import Path

import pytest

from mem0tray.desktop.autostart.sessions import has_desktop, is_desktop
from tests.desktop.programs import Programs

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
