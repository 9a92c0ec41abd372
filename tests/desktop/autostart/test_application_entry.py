"""The desktop entry and icons in the user's folders: put there, mended, taken away."""

import hashlib
import os
import subprocess
from pathlib import Path

import pytest

from mem0tray.core.errors import FileUnavailableError
from mem0tray.desktop.autostart import entry as fields_of
from mem0tray.desktop.autostart.application_entry import (
    MISSING,
    PLACED,
    STALE,
    THEIRS,
    ApplicationEntry,
)
from mem0tray.desktop.dialogs import Question
from mem0tray.desktop.dialogs.linux import _children
from tests.desktop.programs import Programs, script
from tests.support import needs
from tests.support.machine import tool

pytestmark = needs.posix("it has no such entries")

SIZES = (16, 22, 24, 32, 48, 64, 128, 256)


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A program to start."""
    return script(tmp_path / "bin" / "mem0tray", "exit 0")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The user's data folder, with nothing in it."""
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


@pytest.fixture
def placed(program: Path, data: Path) -> ApplicationEntry:
    """Put everything there."""
    made = ApplicationEntry([str(program)], data)
    made.put()
    return made


def _path(data: Path) -> Path:
    return data / "applications" / "mem0tray.desktop"


def _icon(data: Path, size: int) -> Path:
    return data / "icons" / "hicolor" / f"{size}x{size}" / "apps" / "mem0tray.png"


def _fields(data: Path) -> dict[str, str]:
    return fields_of.fields(_path(data).read_text(encoding="utf-8"))


def _files(data: Path) -> set[Path]:
    return {path for path in data.rglob("*") if not path.is_dir()}


# What is put there -----------------------------------------------------------------------


@pytest.mark.parametrize("name", ["plain", "with space", "50 %", 'a "quoted" $HOME'])
def test_the_entry_is_valid(tmp_path: Path, data: Path, name: str) -> None:
    """`desktop-file-validate` finds nothing to say, whatever the program's path is."""
    program = script(tmp_path / name / "mem0tray", "exit 0")
    made = ApplicationEntry([str(program)], data)
    made.put()
    command = [tool("desktop-file-validate"), str(_path(data))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    assert made.state().name == PLACED


@pytest.mark.usefixtures("placed")
def test_icons_stand_in_every_size(data: Path) -> None:
    """Each is a picture, in the folder of its size."""
    assert _files(data) == {_path(data), *(_icon(data, size) for size in SIZES)}
    assert all(_icon(data, size).read_bytes().startswith(b"\x89PNG") for size in SIZES)


@pytest.mark.usefixtures("placed")
def test_a_desktop_finds_icon_and_notifications(data: Path) -> None:
    """The entry names the icon, the windows, and that we send notifications."""
    found = _fields(data)
    assert (found["Icon"], found["StartupWMClass"]) == ("mem0tray", "mem0tray")
    assert found["X-GNOME-UsesNotifications"] == "true"
    assert "NoDisplay" not in found


def test_a_later_start_writes_nothing(placed: ApplicationEntry, data: Path) -> None:
    """What is right is left as it is, to the very files."""
    before = {path: path.stat().st_ino for path in _files(data)}
    placed.mend()
    assert {path: path.stat().st_ino for path in _files(data)} == before


# What is mended --------------------------------------------------------------------------


def test_it_follows_the_program(placed: ApplicationEntry, tmp_path: Path, data: Path) -> None:
    """Once the program is gone from there, the next start names the new place."""
    (tmp_path / "bin" / "mem0tray").unlink()
    assert placed.state().name == STALE
    moved = script(tmp_path / "moved" / "mem0tray", "exit 0")
    ApplicationEntry([str(moved)], data).mend()
    assert _fields(data)["Exec"] == str(moved)
    assert f"Exec={moved} report" in _path(data).read_text(encoding="utf-8")


@pytest.mark.usefixtures("placed")
def test_a_program_that_is_there_keeps_its_entry(tmp_path: Path, data: Path) -> None:
    """Another mem0tray that starts does not take it over; `put` does."""
    second = ApplicationEntry([str(script(tmp_path / "second" / "mem0tray", "exit 0"))], data)
    before = _fields(data)["Exec"]
    second.mend()
    assert _fields(data)["Exec"] == before
    second.put()
    assert _fields(data)["Exec"] == str(tmp_path / "second" / "mem0tray")


def test_another_version_puts_its_own_there(placed: ApplicationEntry, data: Path) -> None:
    """An icon that an older version has put there is replaced; the user's own lines stay."""
    older = b"the picture of an older version"
    _icon(data, 48).write_bytes(older)
    _icon(data, 64).write_bytes(b"the user's own picture")
    changed = {
        "X-mem0tray-Version": "0.0.1",
        "X-mem0tray-Icons": hashlib.sha256(older).hexdigest()[:16],
        "NoDisplay": "true",
    }
    text = fields_of.with_fields(_path(data).read_text(encoding="utf-8"), changed)
    _path(data).write_text(text, encoding="utf-8")
    placed.mend()
    assert _icon(data, 48).read_bytes().startswith(b"\x89PNG")
    assert _icon(data, 64).read_bytes() == b"the user's own picture"
    assert _fields(data)["NoDisplay"] == "true"
    assert placed.state().name == PLACED


# What is not ours ------------------------------------------------------------------------


@pytest.mark.parametrize("link", [False, True])
def test_an_entry_of_others_is_never_written_over(
    program: Path, data: Path, tmp_path: Path, *, link: bool
) -> None:
    """Neither is a link, wherever it leads; nothing is put beside it, nothing taken away."""
    theirs = _path(data)
    theirs.parent.mkdir()
    if link:
        theirs.symlink_to(tmp_path / "elsewhere")
    else:
        theirs.write_text("[Desktop Entry]\nName=mem0tray\n", encoding="utf-8")
    made = ApplicationEntry([str(program)], data)
    made.put()
    made.mend()
    assert made.remove() == []
    assert _files(data) == {theirs}
    assert made.state().name == THEIRS
    assert not (tmp_path / "elsewhere").exists()


def test_an_icon_of_others_is_never_written_over(program: Path, data: Path) -> None:
    """It stays when ours are put there, and when they are taken away."""
    theirs = _icon(data, 48)
    theirs.parent.mkdir(parents=True)
    theirs.write_bytes(b"another picture")
    made = ApplicationEntry([str(program)], data)
    made.put()
    assert theirs.read_bytes() == b"another picture"
    assert theirs not in made.remove()
    assert _files(data) == {theirs}


def test_the_entry_of_a_package_is_enough(program: Path, data: Path, tmp_path: Path) -> None:
    """Where everybody has one, none is put into the user's folder."""
    shared = tmp_path / "shared"
    _path(shared).parent.mkdir(parents=True)
    _path(shared).touch()
    made = ApplicationEntry([str(program)], data, [shared])
    made.mend()
    assert _files(data) == set()
    assert made.state().where == _path(shared)


# What is taken away ----------------------------------------------------------------------


def test_all_of_it_goes_again(placed: ApplicationEntry, data: Path) -> None:
    """Entry, icons, and every folder that was made for them."""
    assert len(placed.remove()) == len(SIZES) + 1
    assert list(data.iterdir()) == []
    assert placed.state().name == MISSING


def test_folders_of_others_stay(program: Path, data: Path) -> None:
    """One that was there before stays though it is empty, as does one that holds something."""
    (data / "applications").mkdir()
    made = ApplicationEntry([str(program)], data)
    made.put()
    made.put()
    other = _icon(data, 64).with_name("other.png")
    other.touch()
    made.remove()
    assert {path.relative_to(data).as_posix() for path in data.rglob("*")} == {
        "applications",
        "icons",
        "icons/hicolor",
        "icons/hicolor/64x64",
        "icons/hicolor/64x64/apps",
        "icons/hicolor/64x64/apps/other.png",
    }


# What cannot be --------------------------------------------------------------------------


def test_a_folder_in_the_way_is_named(program: Path, data: Path) -> None:
    """Where a file has the name of the folder, that is said, and nothing is harmed."""
    (data / "applications").touch()
    made = ApplicationEntry([str(program)], data)
    assert made.obstacle() == str(data / "applications")
    with pytest.raises(FileUnavailableError):
        made.mend()
    assert _files(data) == {data / "applications"}


# Dialogs ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "cancel"), [("zenity", ""), ("kdialog", ""), ("kdialog", "no")])
def test_dialogs_name_the_icon_once_it_is_there(
    program: Path,
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    cancel: str,
) -> None:
    """Before that they are given a file; a question of zenity has another picture, of a file."""
    monkeypatch.setenv("XDG_DATA_HOME", str(data))
    programs = Programs(tmp_path / "programs", monkeypatch)
    programs.add(name)

    def icon() -> str:
        children = _children(Question("title", "text", "yes", cancel), os.environ)
        child = next(each for each in children if Path(each.command[0]).name == name)
        (option,) = [word for word in child.command if "icon=" in word]
        return option.partition("=")[2]

    assert Path(icon()).is_file()
    ApplicationEntry([str(program)], data).put()
    assert icon() == "mem0tray"
