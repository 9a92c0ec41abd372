"""The desktop entry and icons in the user's folders: put there, mended, taken away."""

import subprocess
from pathlib import Path

import pytest

from mem0tray.desktop.autostart import DISABLED, ENABLED, STALE, Origin, linux
from mem0tray.desktop.autostart.linux import ApplicationEntry, application_entry, fields
from tests.desktop.programs import script
from tests.support import needs
from tests.support.machine import tool

pytestmark = needs.posix("it has no such entries")

SIZES = (16, 22, 24, 32, 48, 64, 128, 256)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


@pytest.fixture
def placed(tmp_path: Path, data: Path) -> ApplicationEntry:
    made = _entry(tmp_path / "bin", data)
    made.put()
    return made


def _entry(folder: Path, data: Path) -> ApplicationEntry:
    return ApplicationEntry([str(script(folder / "mem0tray", "exit 0"))], data)


def _icon(data: Path, size: int) -> Path:
    return data / "icons" / "hicolor" / f"{size}x{size}" / "apps" / "mem0tray.png"


def _path(data: Path) -> Path:
    return data / "applications" / "mem0tray.desktop"


def _fields(made: ApplicationEntry) -> dict[str, str]:
    return fields(Path(made.where).read_bytes(), "Desktop Entry")


def _files(data: Path) -> dict[Path, int]:
    return {path: path.lstat().st_ino for path in data.rglob("*") if not path.is_dir()}


@pytest.mark.parametrize("name", ["plain", "with space", "é (x) & ;"])
def test_the_entry_is_valid_and_names_icon_and_notifications(
    tmp_path: Path, data: Path, name: str
) -> None:
    made = _entry(tmp_path / name, data)
    made.put()
    command = [tool("desktop-file-validate"), str(_path(data))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    found = _fields(made)
    assert (found["Icon"], found["StartupWMClass"]) == ("mem0tray", "mem0tray")
    assert found["X-GNOME-UsesNotifications"] == "true"
    assert made.state().name == ENABLED
    assert _files(data).keys() == {_path(data), *(_icon(data, size) for size in SIZES)}
    assert all(_icon(data, size).read_bytes().startswith(b"\x89PNG") for size in SIZES)


def test_a_later_start_writes_nothing_even_of_another_mem0tray_until_the_first_is_gone(
    placed: ApplicationEntry, data: Path, tmp_path: Path
) -> None:
    before = _files(data)
    placed.mend()
    second = tmp_path / "second" / "mem0tray"
    _entry(second.parent, data).mend()
    assert _files(data) == before
    (tmp_path / "bin" / "mem0tray").unlink()
    assert placed.state().name == STALE
    _entry(second.parent, data).mend()
    assert _fields(placed)["Exec"] == str(second)
    assert f"Exec={second} open" in Path(placed.where).read_text(encoding="utf-8")


def test_another_version_puts_its_own_there_and_keeps_the_user_s_lines(
    placed: ApplicationEntry, data: Path
) -> None:
    _icon(data, 48).write_bytes(b"the picture of an older version")
    text = Path(placed.where).read_text(encoding="utf-8")
    older = text.replace("X-mem0tray-Version=", "NoDisplay=true\nX-mem0tray-Version=0.0.")
    Path(placed.where).write_text(older, encoding="utf-8")
    assert placed.state().name == STALE
    placed.mend()
    assert _icon(data, 48).read_bytes().startswith(b"\x89PNG")
    assert _fields(placed)["NoDisplay"] == "true"
    assert placed.state().name == ENABLED


@pytest.mark.parametrize("link", [False, True])
def test_an_entry_of_others_or_a_link_is_never_written_over(
    data: Path, tmp_path: Path, *, link: bool
) -> None:
    made = _entry(tmp_path / "bin", data)
    _path(data).parent.mkdir()
    if link:
        _path(data).symlink_to(tmp_path / "elsewhere")
    else:
        _path(data).write_text("[Desktop Entry]\nName=mem0tray\n", encoding="utf-8")
    made.put()
    made.mend()
    assert made.remove() == []
    assert _files(data).keys() == {_path(data)}
    assert made.is_foreign
    assert not (tmp_path / "elsewhere").exists()


def test_all_of_it_goes_again_but_for_files_of_others(placed: ApplicationEntry, data: Path) -> None:
    other = _icon(data, 64).with_name("other.png")
    other.touch()
    assert len(placed.remove()) == len(SIZES) + 1
    assert _files(data).keys() == {other}
    assert placed.state().name == DISABLED
    other.unlink()
    placed.put()
    placed.remove()
    assert not (data / "applications").exists()


@pytest.mark.parametrize(
    ("packaged", "own", "wanted"),
    [
        ("this program", "", 0),
        ("this program", "older", 1),  # which is mended: it hides that of the package
        ("another", "", 1),
        ("", "", 1),
    ],
)
def test_a_package_brings_the_entry_of_its_own_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, packaged: str, own: str, wanted: int
) -> None:
    this = script(tmp_path / "bin" / "mem0tray", "exit 0")
    monkeypatch.setattr(linux, "OF_SYSTEM", tmp_path / "system")
    monkeypatch.setattr(Origin, "of_this_process", lambda: Origin(str(this), "/no/python"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    if packaged:
        words = [str(this if packaged == "this program" else script(tmp_path / "b", "exit 0"))]
        ApplicationEntry(words, tmp_path / "system").put()
    if own:
        _entry(tmp_path / own, tmp_path / "data").put()
    assert (application_entry() is not None) == bool(wanted)
