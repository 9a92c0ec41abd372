"""`autostart`: enable, disable, status."""

from pathlib import Path

import pytest

from mem0tray.desktop.autostart import linux
from tests.cli.scratch import Scratch, checks
from tests.desktop.programs import Programs, UserSystemd
from tests.support import needs

pytestmark = needs.DESKTOP


@pytest.fixture
def entry(home: Scratch) -> Path:
    home.patch.setenv("DISPLAY", ":0")
    for name in ("SSH_CONNECTION", "WSL_DISTRO_NAME", "XDG_CURRENT_DESKTOP"):
        home.patch.delenv(name, raising=False)
    return home.root / "config" / "autostart" / "mem0tray.desktop"


def test_each_command_says_how_it_is_now_and_status_agrees(home: Scratch, entry: Path) -> None:
    home.configure("nonsense")  # wrong settings do not stand in the way
    first, second = home.ok("autostart", "status").splitlines()
    assert first == "mem0tray does not start at login."
    assert second == f"`mem0tray autostart enable` sets it up, at {entry}."
    said = home.ok("autostart", "enable")
    assert said.startswith(f"mem0tray starts at login. {entry} runs ")
    assert entry.exists()
    assert home.ok("autostart", "status").startswith("mem0tray starts at login.\n")
    assert f"where   {entry}\n" in home.ok("autostart", "status")
    assert home.ok("autostart", "disable") == "mem0tray does not start at login.\n"
    assert not entry.exists()
    again = home.ok("autostart", "disable")
    assert again == "mem0tray did not start at login; nothing was changed.\n"


@pytest.mark.parametrize(
    ("options", "platform", "said"),
    [
        (["--desktop", "--service"], "linux", "`--desktop` and `--service` exclude each other."),
        (["--service"], "darwin", "no systemd"),
    ],
)
def test_options_that_do_not_fit_are_wrong_usage(
    home: Scratch, entry: Path, options: list[str], platform: str, said: str
) -> None:
    home.patch.setattr("mem0tray.cli.config.sys.platform", platform)
    assert said in home.fails("autostart", "enable", *options, code=2)
    assert not entry.exists()


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("/gone/mem0tray", "/gone/mem0tray is not there any more."),
        ("/bin/true", "It is another mem0tray than this one;"),
    ],
)
def test_what_is_odd_comes_with_the_command_that_mends_it(
    home: Scratch, entry: Path, program: str, words: str
) -> None:
    entry.parent.mkdir(parents=True)
    comment = "Comment=Brings every memory from Claude Code to your Mem0 server"
    entry.write_text(f"[Desktop Entry]\nType=Application\nExec={program}\n{comment}\n")
    text = home.ok("autostart", "status")
    assert words in text
    assert "`mem0tray autostart enable`" in text
    assert checks(home, "autostart")[0][0] == ("warn" if "gone" in program else "ok")
    home.ok("autostart", "enable")
    assert checks(home, "autostart") == [("ok", "mem0tray starts at login. ")]
    assert "enable`" not in home.ok("autostart", "status")


@pytest.fixture
def manager(home: Scratch, entry: Path, tmp_path: Path) -> UserSystemd:
    del entry
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        home.patch.delenv(name, raising=False)
    home.patch.setattr(linux, "_LINGER", home.root / "linger")
    made = UserSystemd(Programs(tmp_path / "programs", home.patch))
    made.answer()
    return made


def test_without_a_desktop_it_is_a_service_and_lingering_is_named(
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
    assert home.ok("autostart", "status").count("Lingering is off") == 1
    ((level, told),) = checks(home, "autostart")
    assert (level, "loginctl enable-linger" in told) == ("warn", True)
    assert home.ok("autostart", "disable").startswith("mem0tray does not start at login.\n")
    assert not manager.runs()
    assert not path.exists()


def test_lingering_is_a_start_with_the_computer(home: Scratch, manager: UserSystemd) -> None:
    del manager
    (home.root / "linger").mkdir()
    (home.root / "linger" / linux.user()).touch()
    (said,) = home.ok("autostart", "enable").splitlines()
    assert said.startswith("mem0tray starts with the computer, as a service (lingering is on). ")


@pytest.mark.usefixtures("manager")
def test_without_desktop_and_systemd_cron_is_named(home: Scratch) -> None:
    home.patch.setattr(linux, "is_installed", lambda: False)
    said = home.ok("autostart", "status") + home.ok("autostart", "enable", "--desktop")
    assert said.count("Let cron do it: ") == 2
    assert "autostart enable" not in said
