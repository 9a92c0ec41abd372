"""`autostart`: enable, disable, status."""

from pathlib import Path

import pytest

from mem0tray.desktop.autostart import linux
from tests.cli.scratch import Scratch
from tests.desktop.programs import Programs
from tests.desktop.user_systemd import UserSystemd
from tests.support import needs

pytestmark = needs.DESKTOP


@pytest.fixture
def entry(home: Scratch, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the entry of a desktop belongs."""
    monkeypatch.setenv("DISPLAY", ":0")
    for name in ("SSH_CONNECTION", "WSL_DISTRO_NAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("XDG_CURRENT_DESKTOP", raising=False)
    return home.root / "config" / "autostart" / "mem0tray.desktop"


def test_there_and_back(home: Scratch, entry: Path) -> None:
    assert home.ok("autostart", "status").startswith("mem0tray does not start at login.\n")
    said = home.ok("autostart", "enable")
    assert said.startswith(f"mem0tray starts at login. {entry} runs ")
    assert entry.exists()
    assert home.ok("autostart", "status").startswith("mem0tray starts at login.\n")
    assert home.ok("autostart", "disable") == "mem0tray does not start at login.\n"
    assert not entry.exists()
    again = home.ok("autostart", "disable")
    assert again == "mem0tray did not start at login; nothing was changed.\n"
    assert home.run("autostart", "status", "--json").json()["state"] == "disabled"


def test_a_desktop_that_starts_no_entries(
    home: Scratch, entry: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CURRENT_DESKTOP", "sway")
    monkeypatch.setattr(linux, "is_active", lambda _: False)
    settings = home.root / "config" / "sway" / "config"
    done = home.run("autostart", "enable")
    assert (done.code, done.out, entry.exists()) == (1, "", True)
    assert done.line.startswith(
        "mem0tray: sway starts nothing from autostart folders. Add this line to"
    )
    line = done.line.partition(f"({settings}): ")[2]
    assert line.startswith("exec ")
    said = home.ok("autostart", "status")
    assert said.startswith("mem0tray is set up to start at login, but the system skips it. sway ")
    assert home.run("autostart", "status", "--json").json()["state"] == "blocked"
    settings.parent.mkdir()
    settings.write_text(f"{line}\n")
    assert home.ok("autostart", "status").startswith("mem0tray starts at login.")


def test_no_file_is_named_that_is_not_there(home: Scratch, entry: Path) -> None:
    first, second = home.ok("autostart", "status").splitlines()
    assert first == "mem0tray does not start at login."
    assert second == f"`mem0tray autostart enable` sets it up, at {entry}."
    home.ok("autostart", "enable")
    assert f"where   {entry}\n" in home.ok("autostart", "status")


def test_the_same_for_scripts(home: Scratch, entry: Path) -> None:
    home.ok("autostart", "enable")
    seen = home.run("autostart", "status", "--json").json()
    starts = seen["enable_would_start"]
    assert seen == {
        "state": "enabled",
        "reason": "",
        "kind": "desktop",
        "advice": [],
        "where": str(entry),
        "starts": starts,
        "enable_would_start": starts,
    }
    assert "mem0tray" in starts


def test_one_of_two_ways_is_chosen(home: Scratch, entry: Path) -> None:
    done = home.run("autostart", "enable", "--desktop", "--service")
    assert (done.code, done.out) == (2, "")
    assert "`--desktop` and `--service` exclude each other." in done.line
    assert not entry.exists()


def _write(entry: Path, *lines: str) -> None:
    entry.parent.mkdir(parents=True, exist_ok=True)
    entry.write_text("\n".join(["[Desktop Entry]", "Type=Application", *lines, ""]))


COMMENT = "Comment=Brings every memory from Claude Code to your Mem0 server"


def test_an_entry_of_the_users_own_stays(home: Scratch, entry: Path) -> None:
    _write(entry, "Exec=/bin/true")
    text = home.ok("autostart", "status")
    assert "not made by mem0tray, and stays as it is." in text
    assert "autostart enable" not in text
    assert home.run("autostart", "enable").code == 1
    stays = f"{entry} is not made by mem0tray, and stays as it is.\n"
    assert home.ok("autostart", "disable") == stays
    assert entry.exists()


@pytest.mark.parametrize(
    ("lines", "state", "words"),
    [
        (["Exec=/gone/mem0tray", COMMENT], "stale", "/gone/mem0tray is not there any more."),
        (["Exec=/bin/true", COMMENT, "Hidden=true"], "blocked", "says Hidden=true."),
        (["Exec=/bin/true", COMMENT], "enabled", "It is another mem0tray than this one;"),
    ],
)
def test_what_is_odd_comes_with_its_remedy(
    home: Scratch, entry: Path, lines: list[str], state: str, words: str
) -> None:
    _write(entry, *lines)
    text = home.ok("autostart", "status")
    assert words in text
    assert "`mem0tray autostart enable`" in text
    assert home.run("autostart", "status", "--json").json()["state"] == state
    home.ok("autostart", "enable")
    assert "enable`" not in home.ok("autostart", "status")


def test_a_folder_that_cannot_be_made(home: Scratch, entry: Path) -> None:
    entry.parent.parent.mkdir()
    entry.parent.write_text("")
    done = home.run("autostart", "enable")
    assert (done.code, done.out) == (1, "")
    assert str(entry.parent) in done.line


def test_no_settings_are_needed(home: Scratch, entry: Path) -> None:
    home.configure("nonsense")
    home.ok("autostart", "enable")
    assert entry.exists()
    home.ok("autostart", "disable")


# Without a desktop ----------------------------------------------------------------------


@pytest.fixture
def manager(
    home: Scratch, entry: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> UserSystemd:
    """No desktop, and a stand-in for the user's systemd that answers; lingering is off."""
    del entry
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    programs = Programs(tmp_path / "programs", monkeypatch)
    monkeypatch.setattr(linux, "_LINGER", home.root / "linger")
    made = UserSystemd(programs)
    made.answer()
    return made


def test_without_a_desktop_it_is_a_service(
    home: Scratch, entry: Path, manager: UserSystemd
) -> None:
    said = home.ok("autostart", "enable")
    path = home.root / "config" / "systemd" / "user" / "mem0tray.service"
    assert path.exists()
    assert not entry.exists()
    assert manager.runs()
    assert f"{path} runs " in said
    assert " run.\n" in said
    assert "Lingering is off" in said
    seen = home.run("autostart", "status", "--json").json()
    assert (seen["state"], seen["kind"], len(seen["advice"])) == ("enabled", "service", 1)
    assert home.ok("autostart", "disable").startswith("mem0tray does not start at login.\n")
    assert not manager.runs()
    assert not path.exists()


def test_lingering_is_a_start_with_the_computer(home: Scratch, manager: UserSystemd) -> None:
    del manager
    (home.root / "linger").mkdir()
    (home.root / "linger" / linux.user()).touch()
    said = home.ok("autostart", "enable")
    assert said.startswith("mem0tray starts with the computer, as a service (lingering is on). ")
    assert len(said.splitlines()) == 1


def test_one_may_choose(home: Scratch, entry: Path, manager: UserSystemd) -> None:
    home.ok("autostart", "enable", "--service")
    said = home.ok("autostart", "enable", "--desktop")
    assert entry.exists()
    assert not manager.runs()
    assert "The service was stopped: `mem0tray` or `mem0tray run` delivers from now on." in said
    assert "`mem0tray autostart enable --service`" in said  # nobody logs in to a desktop here
    said = home.ok("autostart", "enable", "--service")
    assert f"{entry} was removed: one start at login is enough." in said
    assert not entry.exists()


def test_doctor_knows_the_service(home: Scratch, manager: UserSystemd) -> None:
    del manager
    home.ok("autostart", "enable")
    checks = home.run("doctor", "--json").json()["checks"]
    (found,) = [each for each in checks if each["name"] == "autostart"]
    assert found["level"] == "warn"
    assert "loginctl enable-linger" in found["remedy"]


def test_systemd_is_of_linux(home: Scratch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mem0tray.cli.autostart.sys.platform", "darwin")
    done = home.run("autostart", "enable", "--service")
    assert done.code == 2
    assert "no systemd" in done.line
