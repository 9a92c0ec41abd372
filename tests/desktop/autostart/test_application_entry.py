"""The desktop entry and icons in the user's folders: put there, mended, taken away."""

import subprocess
from pathlib import Path

import pytest

from mem0tray.core.errors import FileUnavailableError
from mem0tray.desktop.autostart import STALE
from mem0tray.desktop.autostart.linux import MISSING, PLACED, THEIRS, ApplicationEntry, fields
from tests.desktop.programs import script
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
    return fields(_path(data).read_bytes(), "Desktop Entry")


def _files(data: Path) -> set[Path]:
    return {path for path in data.rglob("*") if not path.is_dir()}


# What is put there -----------------------------------------------------------------------


@pytest.mark.parametrize("name", ["plain", "with space", "é (x) & ;"])
def test_the_entry_is_valid(tmp_path: Path, data: Path, name: str) -> None:
    program = script(tmp_path / name / "mem0tray", "exit 0")
    made = ApplicationEntry([str(program)], data)
    made.put()
    command = [tool("desktop-file-validate"), str(_path(data))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    assert made.state() == PLACED


@pytest.mark.usefixtures("placed")
def test_icons_stand_in_every_size(data: Path) -> None:
    assert _files(data) == {_path(data), *(_icon(data, size) for size in SIZES)}
    assert all(_icon(data, size).read_bytes().startswith(b"\x89PNG") for size in SIZES)


@pytest.mark.usefixtures("placed")
def test_a_desktop_finds_icon_and_notifications(data: Path) -> None:
    found = _fields(data)
    assert (found["Icon"], found["StartupWMClass"]) == ("mem0tray", "mem0tray")
    assert found["X-GNOME-UsesNotifications"] == "true"
    assert "NoDisplay" not in found


def test_a_later_start_writes_nothing(placed: ApplicationEntry, data: Path) -> None:
    before = {path: path.stat().st_ino for path in _files(data)}
    placed.mend()
    assert {path: path.stat().st_ino for path in _files(data)} == before


# What is mended --------------------------------------------------------------------------


def test_it_follows_the_program(placed: ApplicationEntry, tmp_path: Path, data: Path) -> None:
    (tmp_path / "bin" / "mem0tray").unlink()
    assert placed.state() == STALE
    moved = script(tmp_path / "moved" / "mem0tray", "exit 0")
    ApplicationEntry([str(moved)], data).mend()
    assert _fields(data)["Exec"] == str(moved)
    assert f"Exec={moved} report" in _path(data).read_text(encoding="utf-8")


@pytest.mark.usefixtures("placed")
def test_a_program_that_is_there_keeps_its_entry(tmp_path: Path, data: Path) -> None:
    second = ApplicationEntry([str(script(tmp_path / "second" / "mem0tray", "exit 0"))], data)
    before = _fields(data)["Exec"]
    second.mend()
    assert _fields(data)["Exec"] == before
    second.put()
    assert _fields(data)["Exec"] == str(tmp_path / "second" / "mem0tray")


def test_another_version_puts_its_own_there(placed: ApplicationEntry, data: Path) -> None:
    _icon(data, 48).write_bytes(b"the picture of an older version")
    text = _path(data).read_text(encoding="utf-8")
    older = text.replace("X-mem0tray-Version=", "NoDisplay=true\nX-mem0tray-Version=0.0.")
    _path(data).write_text(older, encoding="utf-8")
    assert placed.state() == STALE
    placed.mend()
    assert _icon(data, 48).read_bytes().startswith(b"\x89PNG")
    assert _fields(data)["NoDisplay"] == "true"
    assert placed.state() == PLACED


# What is not ours ------------------------------------------------------------------------


@pytest.mark.parametrize("link", [False, True])
def test_an_entry_of_others_is_never_written_over(
    program: Path, data: Path, tmp_path: Path, *, link: bool
) -> None:
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
    assert made.state() == THEIRS
    assert not (tmp_path / "elsewhere").exists()


# What is taken away ----------------------------------------------------------------------


def test_all_of_it_goes_again(placed: ApplicationEntry, data: Path) -> None:
    assert len(placed.remove()) == len(SIZES) + 1
    assert list(data.iterdir()) == []
    assert placed.state() == MISSING


def test_folders_with_files_of_others_stay(placed: ApplicationEntry, data: Path) -> None:
    other = _icon(data, 64).with_name("other.png")
    other.touch()
    placed.remove()
    assert _files(data) == {other}
    assert not (data / "applications").exists()


def test_a_file_in_the_folders_place_is_named(program: Path, data: Path) -> None:
    (data / "applications").touch()
    with pytest.raises(FileUnavailableError, match="applications"):
        ApplicationEntry([str(program)], data).mend()
    assert (data / "applications").is_file()
