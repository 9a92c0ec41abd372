"""Which way fits this computer, and the desktop's entry or systemd's service: never both."""

import sys
from pathlib import Path

import pytest

from mem0tray.core.errors import Mem0TrayError
from mem0tray.desktop import autostart, session
from mem0tray.desktop.autostart import DESKTOP, DISABLED, ENABLED, SERVICE, Autostart
from tests.desktop.programs import Programs
from tests.desktop.user_systemd import UserSystemd


class Lab:
    """Both ways in a scratch folder, and the manager of the service."""

    def __init__(self, programs: Programs) -> None:
        self.manager = UserSystemd(programs)
        self.manager.answer()

    def way(self, kind: str) -> Autostart:
        """The way, as a further process makes it."""
        return autostart.chosen(kind)

    @property
    def states(self) -> tuple[str, str]:
        """The entry's and the service's."""
        return self.way(DESKTOP).state().name, self.way(SERVICE).state().name


@pytest.fixture
def lab(tmp_path: Path, programs: Programs, monkeypatch: pytest.MonkeyPatch) -> Lab:
    """Make one, where a desktop runs."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("DISPLAY", ":0")
    for name in ("SSH_CONNECTION", "WSL_DISTRO_NAME", "XDG_CURRENT_DESKTOP"):
        monkeypatch.delenv(name, raising=False)
    return Lab(programs)


@pytest.fixture
def without_desktop(monkeypatch: pytest.MonkeyPatch) -> None:
    """Be on a computer where nobody logs in to a desktop."""
    monkeypatch.setattr(session, "has_desktop", lambda _: False)


@pytest.mark.usefixtures("without_desktop")
def test_without_a_desktop_the_service_fits(lab: Lab) -> None:
    assert autostart.chosen().kind == SERVICE
    assert autostart.current().kind == SERVICE
    assert lab.way(DESKTOP).kind == DESKTOP


def test_each_takes_the_place_of_the_other_and_says_so(lab: Lab) -> None:
    assert lab.way(SERVICE).enable() == []
    assert (lab.states, lab.manager.runs()) == ((DISABLED, ENABLED), True)
    stopped, removed = lab.way(DESKTOP).enable()
    assert (lab.states, lab.manager.runs()) == ((ENABLED, DISABLED), False)
    assert "The service was stopped" in stopped
    assert "mem0tray.service was removed" in removed
    (removed,) = lab.way(SERVICE).enable()
    assert lab.states == (DISABLED, ENABLED)
    assert "mem0tray.desktop was removed" in removed


def test_what_is_set_up_is_shown_wherever_one_looks_from(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The service of a desktop machine shows as set up in a shell over ssh, and the reverse."""
    lab.way(SERVICE).enable()
    assert autostart.current(DESKTOP).kind == SERVICE
    lab.way(DESKTOP).enable()
    monkeypatch.setattr(session, "has_desktop", lambda _: False)
    assert autostart.current().kind == DESKTOP


def test_disabling_takes_both_away(lab: Lab) -> None:
    """Whoever wants no start gets none; that the service was stopped is told."""
    lab.way(SERVICE).enable()
    entry = lab.way(DESKTOP)
    entry.rival = None
    entry.enable()
    assert lab.states == (ENABLED, ENABLED)
    (told,) = autostart.current().disable()
    assert (lab.states, lab.manager.runs()) == ((DISABLED, DISABLED), False)
    assert "`mem0tray run`" in told
    assert autostart.current().disable() == []


def test_an_entry_that_no_desktop_reads_comes_with_the_command_for_a_service(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A promise made earlier, on a computer where nobody logs in to a desktop, is taken back."""
    entry = lab.way(DESKTOP)
    entry.enable()
    assert entry.advice() == []
    monkeypatch.setattr(session, "has_desktop", lambda _: False)
    (advice,) = entry.advice()
    assert "`mem0tray autostart enable --service`" in advice


ENTRY_OF_THE_USER = "[Desktop Entry]\nType=Application\nName=Mine\nExec=/bin/true run\n"
UNIT_OF_THE_USER = "[Unit]\nDescription=mine\n[Service]\nExecStart=/bin/true run\n"


@pytest.mark.parametrize(
    ("kind", "other", "text"),
    [(DESKTOP, SERVICE, ENTRY_OF_THE_USER), (SERVICE, DESKTOP, UNIT_OF_THE_USER)],
)
def test_a_file_of_the_users_own_stays(lab: Lab, kind: str, other: str, text: str) -> None:
    """Neither enabling nor disabling touches it; it is named, and the other way can be set up."""
    path = Path(lab.way(kind).where)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    with pytest.raises(Mem0TrayError, match="not made by mem0tray, and stays"):
        lab.way(kind).enable()
    stays = f"{path} is not made by mem0tray, and stays as it is."
    assert stays in lab.way(other).enable()
    assert stays in lab.way(other).disable()
    assert path.read_text() == text


@pytest.mark.parametrize(("system", "kind"), [("darwin", DESKTOP)])
def test_elsewhere_there_is_one_way(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, system: str, kind: str
) -> None:
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert lab.way("").kind == kind
    assert autostart.chosen().where.endswith("Library/LaunchAgents/mem0tray.plist")
