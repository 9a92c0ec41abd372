"""Start at login on Linux: the desktop's entry or systemd's service, never both."""

from pathlib import Path

import pytest

from mem0tray.core.errors import Mem0TrayError
from mem0tray.desktop.autostart import DESKTOP, DISABLED, ENABLED, SERVICE, STALE
from mem0tray.desktop.autostart.linux import XdgAutostart
from mem0tray.desktop.autostart.linux_login import LinuxLogin
from mem0tray.desktop.autostart.service import UserService
from tests.desktop.programs import Programs, script
from tests.desktop.user_systemd import UserSystemd


class Lab:
    """Both ways in a scratch folder; `on` gives the login where one of them fits."""

    def __init__(self, folder: Path, programs: Programs) -> None:
        self.manager = UserSystemd(programs)
        self.manager.answer()
        self.program = script(folder / "bin" / "mem0tray", "exit 0")
        self.entry = XdgAutostart([str(self.program)], [folder / "own"])
        self.service = UserService([str(self.program), "run"], folder / "units")

    def on(self, fits: str, wanted: str = "") -> LinuxLogin:
        """Start at login where this way fits; `wanted` is what a person has chosen."""
        return LinuxLogin(self.entry, self.service, lambda: fits, wanted)

    @property
    def states(self) -> tuple[str, str]:
        """The entry's and the service's."""
        return self.entry.state().name, self.service.state().name


@pytest.fixture
def lab(tmp_path: Path, programs: Programs) -> Lab:
    """Make one."""
    return Lab(tmp_path, programs)


def test_each_takes_the_place_of_the_other(lab: Lab) -> None:
    """There is never one worker by the desktop and one by systemd; the change is told."""
    assert lab.on(SERVICE).enable() == []
    assert (lab.states, lab.manager.runs()) == ((DISABLED, ENABLED), True)
    (told,) = lab.on(DESKTOP).enable()
    assert (lab.states, lab.manager.runs()) == ((ENABLED, DISABLED), False)
    assert "`mem0tray` starts the tray" in told
    (told,) = lab.on(SERVICE).enable()
    assert lab.states == (DISABLED, ENABLED)
    assert lab.entry.where in told


def test_what_is_set_up_is_shown_wherever_one_looks_from(lab: Lab) -> None:
    """The service of a desktop machine shows as set up in a shell over ssh, and the reverse."""
    lab.service.enable()
    assert (lab.on(DESKTOP).kind, lab.on(DESKTOP).state().name) == (SERVICE, ENABLED)
    lab.service.disable()
    lab.entry.enable()
    assert (lab.on(SERVICE).kind, lab.on(SERVICE).where) == (DESKTOP, lab.entry.where)


def test_a_choice_overrules_what_fits(lab: Lab) -> None:
    """`--service` on a desktop, `--desktop` without one."""
    lab.on(DESKTOP, SERVICE).enable()
    assert lab.states == (DISABLED, ENABLED)
    lab.on(SERVICE, DESKTOP).enable()
    assert lab.states == (ENABLED, DISABLED)


def test_disabling_takes_both_away(lab: Lab) -> None:
    """Whoever wants no start gets none; that the service was stopped is told."""
    lab.entry.enable()
    lab.service.enable()
    (told,) = lab.on(DESKTOP).disable()
    assert (lab.states, lab.manager.runs()) == ((DISABLED, DISABLED), False)
    assert "`mem0tray run`" in told
    assert lab.on(DESKTOP).disable() == []


def test_both_at_once_are_named(lab: Lab) -> None:
    """Somebody has set up both by hand: the command that keeps one is named."""
    lab.entry.enable()
    lab.service.enable()
    assert "`mem0tray autostart enable --desktop`" in lab.on(DESKTOP).advice()[0]


def test_an_entry_that_no_desktop_reads_is_no_start(lab: Lab) -> None:
    """A promise made earlier, on a computer where nobody logs in to a desktop, is taken back."""
    lab.entry.enable()
    (advice,) = lab.on(SERVICE).advice()
    assert "`mem0tray autostart enable --service`" in advice
    assert lab.on(DESKTOP).advice() == []


def test_both_are_mended(lab: Lab, tmp_path: Path) -> None:
    """A moved environment leaves neither stale."""
    lab.entry.enable()
    lab.service.enable()
    lab.program.rename(tmp_path / "mem0tray")
    assert lab.states == (STALE, STALE)
    moved = str(tmp_path / "mem0tray")
    login = LinuxLogin(
        XdgAutostart([moved], [tmp_path / "own"]),
        UserService([moved, "run"], tmp_path / "units"),
        lambda: DESKTOP,
    )
    assert login.mend()
    assert lab.states == (ENABLED, ENABLED)
    assert not login.mend()


ENTRY_OF_THE_USER = "[Desktop Entry]\nType=Application\nName=Mine\nExec=/bin/true run\n"
UNIT_OF_THE_USER = "[Unit]\nDescription=mine\n[Service]\nExecStart=/bin/true run\n"


@pytest.mark.parametrize("kind", [DESKTOP, SERVICE])
def test_a_file_of_the_users_own_stays(lab: Lab, kind: str) -> None:
    """Neither enabling nor disabling touches it; it is named, and the other way can be set up."""
    way = lab.service if kind == SERVICE else lab.entry
    path, text = Path(way.where), UNIT_OF_THE_USER if kind == SERVICE else ENTRY_OF_THE_USER
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    with pytest.raises(Mem0TrayError, match="not made by mem0tray, and stays"):
        lab.on(kind, kind).enable()
    other = DESKTOP if kind == SERVICE else SERVICE
    stays = f"{path} is not made by mem0tray, and stays as it is."
    assert stays in lab.on(other, other).enable()
    assert stays in lab.on(other, other).disable()
    assert path.read_text() == text
