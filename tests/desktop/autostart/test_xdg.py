"""XDG autostart: the entry, what desktops make of it, and how it is mended."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest

from mem0tray.core.errors import Mem0TrayError
from mem0tray.desktop.autostart import BLOCKED, DISABLED, ENABLED, STALE, AutostartState
from mem0tray.desktop.autostart.xdg import XdgAutostart, config_folder
from tests.desktop import systemd_reader
from tests.desktop.programs import Programs, script
from tests.desktop.user_systemd import UserSystemd
from tests.support import needs
from tests.support.machine import tool
from tests.support.processes import wait_until

NAMES: Final = ["plain", "with space", "a=b", "semi;colon & <pipe> | (all) * ? # ~ !", "é€🙂", "-x"]
GENERATOR: Final = Path("/usr/lib/systemd/user-generators/systemd-xdg-autostart-generator")
NOTHING: Mapping[str, str] = {}


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A program to start."""
    return script(tmp_path / "bin" / "mem0tray", "exit 0")


@pytest.fixture
def login(tmp_path: Path, program: Path) -> XdgAutostart:
    """The entry of a user whose settings are in the test's folder."""
    return XdgAutostart([str(program)], tmp_path, {"DISPLAY": ":0"})


def _change(login: XdgAutostart, old: str, new: str) -> None:
    """Enable, then edit the entry."""
    login.enable()
    path = Path(login.where)
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


# What is written -------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_a_desktop_starts_just_that(tmp_path: Path, name: str) -> None:
    """The entry is valid; GLib (GNOME, Xfce) runs the program with its very words, as systemd does.

    systemd starts the entries of Plasma and GNOME, by units that its generator makes of them.
    """
    said = tmp_path / "said"
    program = script(
        tmp_path / "at" / name / "mem0tray",
        f"printf '%s\\0' \"$@\" > '{said}.new' && mv '{said}.new' '{said}'",
    )
    login = XdgAutostart([str(program), "-m", name], tmp_path, NOTHING)
    login.enable()
    assert login.state() == AutostartState(ENABLED, login.command)
    validate = [tool("desktop-file-validate"), login.where]
    done = subprocess.run(validate, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    starters = [[tool("gio"), "launch", login.where]]
    if GENERATOR.exists():
        (made,) = _generated(tmp_path)
        starters.append(systemd_reader.words(made, tmp_path))
    for words in starters:
        subprocess.run(words, check=True, stdin=subprocess.DEVNULL, timeout=20)
        wait_until(said.exists, what="the program was started")
        assert said.read_bytes() == b"-m\0" + os.fsencode(name) + b"\0"
        said.unlink()


def _generated(folder: Path) -> list[Path]:
    """The units that the generator makes of the entries in `folder`/autostart."""
    outputs = [folder / name for name in ("normal", "early", "late")]
    for output in outputs:
        output.mkdir()
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "XDG_CONFIG_HOME": str(folder),
        "XDG_CONFIG_DIRS": str(folder / "none"),
    }
    subprocess.run([GENERATOR, *outputs], env=environ, check=True)
    return [*outputs[2].glob("*.service")]


@needs.there(GENERATOR)
def test_systemd_leaves_out_what_we_call_turned_off(login: XdgAutostart, tmp_path: Path) -> None:
    _change(login, "Terminal=false", "Hidden=true")
    assert login.state().name == BLOCKED
    assert _generated(tmp_path) == []


@pytest.mark.parametrize(
    ("environ", "folder"),
    [
        ({"XDG_CONFIG_HOME": "/conf"}, "/conf"),
        ({"XDG_CONFIG_HOME": "relative"}, "{home}/.config"),
        ({}, "{home}/.config"),
    ],
)
def test_the_settings_folder_is_that_of_the_base_directory_specification(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], folder: str
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert str(config_folder(environ)) == folder.format(home=tmp_path)


# What desktops make of it ----------------------------------------------------------------


def test_it_is_enabled_only_in_between_and_disabling_twice_is_no_error(login: XdgAutostart) -> None:
    assert login.state() == AutostartState(DISABLED)
    login.enable()
    assert login.state() == AutostartState(ENABLED, login.command)
    assert not login.mend()
    login.disable()
    assert login.state() == AutostartState(DISABLED)
    assert not Path(login.where).parent.exists()
    login.disable()


def test_a_folder_with_entries_of_others_stays(login: XdgAutostart) -> None:
    login.enable()
    other = Path(login.where).with_name("other.desktop")
    other.touch()
    login.disable()
    assert [*other.parent.iterdir()] == [other]


@pytest.mark.parametrize(
    "line", ["Hidden=true", "X-GNOME-Autostart-enabled=false", "X-MATE-Autostart-enabled=false"]
)
def test_what_the_desktop_leaves_out_is_no_start(login: XdgAutostart, line: str) -> None:
    """A line by which the entry is turned off is named; `enable` takes it back."""
    _change(login, "Terminal=false", line)
    assert login.state() == AutostartState(BLOCKED, login.command, f"{login.where} says {line}.")
    assert not login.mend()
    login.enable()
    assert login.state().name == ENABLED


def test_a_program_that_is_gone_is_named_and_mended(
    login: XdgAutostart, program: Path, tmp_path: Path
) -> None:
    """Neither a missing program nor a missing interpreter can start."""
    login.enable()
    script(program, "", interpreter="/gone/python3.9")
    assert login.state() == AutostartState(
        STALE, login.command, f"{program} needs /gone/python3.9, which is not there any more."
    )
    program.chmod(0o644)
    assert login.state().reason == f"{program} is no program any more."
    program.unlink()
    assert login.state().reason == f"{program} is not there any more."
    moved = script(tmp_path / "moved" / "mem0tray", "exit 0")
    after = XdgAutostart([str(moved)], tmp_path, NOTHING)
    assert after.mend()
    assert after.state() == AutostartState(ENABLED, str(moved))
    assert not after.mend()


@pytest.mark.parametrize("content", ["", "nonsense", "[Desktop Entry]\nExec=/bin/true\n", None])
def test_what_somebody_else_put_there_stays(login: XdgAutostart, content: str | None) -> None:
    """An entry that does not bear our comment, and a folder in its place."""
    path = Path(login.where)
    path.parent.mkdir()
    path.mkdir() if content is None else path.write_text(content)
    assert login.is_foreign
    assert not login.mend()
    with pytest.raises(Mem0TrayError, match="is not made by mem0tray"):
        login.enable()
    assert login.disable() == [f"{path} is not made by mem0tray, and stays as it is."]
    assert path.is_dir() if content is None else path.read_text() == content


def test_the_entry_of_another_mem0tray_that_works_is_left_alone(
    login: XdgAutostart, tmp_path: Path
) -> None:
    other = script(tmp_path / "other" / "mem0tray", "exit 0")
    XdgAutostart([str(other)], tmp_path, NOTHING).enable()
    assert login.state() == AutostartState(ENABLED, str(other))
    assert not login.mend()


# Desktops that start no entries ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("environ", "file", "line"),
    [
        ({"XDG_CURRENT_DESKTOP": "sway:wlroots"}, "sway/config", "exec {}"),
        ({"SWAYSOCK": "/run/s"}, "sway/config", "exec {}"),
        ({"XDG_CURRENT_DESKTOP": "i3"}, "i3/config", "exec --no-startup-id {}"),
        ({"XDG_CURRENT_DESKTOP": "Hyprland"}, "hypr/hyprland.conf", "exec-once = {}"),
        ({"XDG_CURRENT_DESKTOP": "niri"}, "niri/config.kdl", 'spawn-at-startup "sh" "-c" "{}"'),
        ({"XDG_CURRENT_DESKTOP": "river"}, "river/init", 'riverctl spawn "{}"'),
    ],
)
def test_a_desktop_that_starts_no_entries_has_a_line_of_its_own(
    tmp_path: Path, program: Path, programs: Programs, environ: dict[str, str], file: str, line: str
) -> None:
    """The error names the file and the line; with such a line, or systemd's help, there is none."""
    UserSystemd(programs)
    login = XdgAutostart([str(program)], tmp_path, environ)
    with pytest.raises(Mem0TrayError, match="starts nothing from autostart folders") as error:
        login.enable()
    wanted = line.format(program)
    assert error.value.remedy == f"Add this line to its settings ({tmp_path / file}): {wanted}"
    assert login.state().name == BLOCKED
    (tmp_path / file).parent.mkdir()
    (tmp_path / file).write_text(f"{wanted}\n")
    assert login.state().name == ENABLED
    (tmp_path / file).unlink()
    programs.add("systemctl", 'case "$*" in *xdg-desktop-autostart.target) echo active ;; esac')
    assert login.state().name == ENABLED


@pytest.mark.parametrize("environ", [{}, {"XDG_CURRENT_DESKTOP": "XFCE", "I3SOCK": "/run/i3"}])
def test_other_desktops_start_entries(
    tmp_path: Path, program: Path, environ: dict[str, str]
) -> None:
    """Also with a window manager of another desktop."""
    login = XdgAutostart([str(program)], tmp_path, environ)
    login.enable()
    assert login.state().name == ENABLED


def test_dex_may_start_entries_for_such_a_desktop(
    tmp_path: Path, program: Path, programs: Programs
) -> None:
    """i3's own settings call it, but it need not be installed."""
    programs.only()
    login = XdgAutostart([str(program)], tmp_path, {"XDG_CURRENT_DESKTOP": "i3"})
    (tmp_path / "i3").mkdir()
    (tmp_path / "i3" / "config").write_text("exec --no-startup-id dex --autostart -e i3\n")
    with pytest.raises(Mem0TrayError):
        login.enable()
    programs.add("dex")
    login.enable()
