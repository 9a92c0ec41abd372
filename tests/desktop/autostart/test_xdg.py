"""XDG autostart: the entry, what desktops make of it, and how it is mended."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest

from mem0tray.core.errors import Mem0TrayError
from mem0tray.desktop.autostart import BLOCKED, ENABLED, STALE, AutostartState
from mem0tray.desktop.autostart.linux import XdgAutostart, config_folder, quoted
from tests.desktop.programs import Programs, UserSystemd, script, unit_words
from tests.support import needs
from tests.support.machine import tool
from tests.support.processes import wait_until

NAMES: Final = ["plain", "with space", "a=b", "semi;colon & <pipe> | (all) * ? # ~ !", "é€🙂", "-x"]
GENERATOR: Final = Path("/usr/lib/systemd/user-generators/systemd-xdg-autostart-generator")
NOTHING: Mapping[str, str] = {}


@pytest.fixture
def login(tmp_path: Path, program: Path) -> XdgAutostart:
    return XdgAutostart([str(program)], tmp_path, {"DISPLAY": ":0"})


def _change(login: XdgAutostart, old: str, new: str) -> None:
    login.enable()
    path = Path(login.where)
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


@pytest.mark.parametrize("name", NAMES)
def test_a_desktop_starts_just_that(tmp_path: Path, name: str) -> None:
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
        starters.append(unit_words(made, tmp_path))
    for words in starters:
        subprocess.run(words, check=True, stdin=subprocess.DEVNULL, timeout=20)
        wait_until(said.exists, what="the program was started")
        assert said.read_bytes() == b"-m\0" + os.fsencode(name) + b"\0"
        said.unlink()


def _generated(folder: Path) -> list[Path]:
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


@pytest.mark.parametrize(
    "line", ["Hidden=true", "X-GNOME-Autostart-enabled=false", "X-MATE-Autostart-enabled=false"]
)
def test_what_the_desktop_leaves_out_is_no_start(login: XdgAutostart, line: str) -> None:
    _change(login, "Terminal=false", line)
    assert login.state() == AutostartState(BLOCKED, login.command, f"{login.where} says {line}.")
    assert not login.mend()
    login.enable()
    assert login.state().name == ENABLED


def test_what_keeps_a_program_from_starting_is_named(login: XdgAutostart, program: Path) -> None:
    login.enable()
    script(program, "", interpreter="/gone/python3.9")
    why = f"{program} needs /gone/python3.9, which is not there any more."
    assert login.state() == AutostartState(STALE, login.command, why)
    program.chmod(0o644)
    assert login.state().reason == f"{program} is no program any more."


@pytest.mark.parametrize("content", ["", "nonsense", "[Desktop Entry]\nExec=/bin/true\n", None])
def test_what_somebody_else_put_there_stays(login: XdgAutostart, content: str | None) -> None:
    path = Path(login.where)
    path.parent.mkdir()
    path.mkdir() if content is None else path.write_text(content)
    assert login.is_foreign
    assert not login.mend()
    with pytest.raises(Mem0TrayError, match="is not made by mem0tray"):
        login.enable()
    assert login.disable() == [f"{path} is not made by mem0tray, and stays as it is."]
    assert path.is_dir() if content is None else path.read_text() == content


@pytest.mark.parametrize(
    ("environ", "file", "line"),
    [
        ({"XDG_CURRENT_DESKTOP": "sway:wlroots"}, "sway/config", "exec {}"),
        ({"I3SOCK": "/run/s"}, "i3/config", "exec --no-startup-id {}"),
        ({"XDG_CURRENT_DESKTOP": "Hyprland"}, "hypr/hyprland.conf", "exec-once = {}"),
        ({"XDG_CURRENT_DESKTOP": "niri"}, "niri/config.kdl", 'spawn-at-startup "sh" "-c" "{}"'),
        ({"XDG_CURRENT_DESKTOP": "river"}, "river/init", 'riverctl spawn "{}"'),
    ],
)
def test_a_desktop_that_starts_no_entries_has_a_line_of_its_own(
    tmp_path: Path, program: Path, programs: Programs, environ: dict[str, str], file: str, line: str
) -> None:
    programs.only()
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
    (tmp_path / file).write_text("exec --no-startup-id dex --autostart\n")
    assert login.state().name == BLOCKED, "dex, which would start entries, is not here"
    programs.add("dex")
    assert login.state().name == ENABLED
    (tmp_path / file).unlink()
    programs.add("systemctl", 'case "$*" in *xdg-desktop-autostart.target) echo active ;; esac')
    assert login.state().name == ENABLED


@pytest.mark.parametrize("environ", [{}, {"XDG_CURRENT_DESKTOP": "XFCE", "I3SOCK": "/run/i3"}])
def test_other_desktops_start_entries(
    tmp_path: Path, program: Path, environ: dict[str, str]
) -> None:
    login = XdgAutostart([str(program)], tmp_path, environ)
    login.enable()
    assert login.state().name == ENABLED


@pytest.mark.parametrize("sign", [*"\"'`$\\%", "\n", "\x7f", "\udcff"])
def test_a_path_that_readers_quote_differently_is_refused(sign: str) -> None:
    with pytest.raises(Mem0TrayError, match=r"odd characters.*folder with a plainer name"):
        quoted([f"/opt/a{sign}b/mem0tray"])
