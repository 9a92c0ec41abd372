"""XDG autostart: the entry, what desktops make of it, and how it is mended."""

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mem0tray.core.errors import FileUnavailableError
from mem0tray.desktop.autostart import BLOCKED, DISABLED, ENABLED, STALE, AutostartState, entry
from mem0tray.desktop.autostart.linux import XdgAutostart
from tests.desktop.programs import script
from tests.support.machine import tool
from tests.support.processes import wait_until

AWKWARD = [
    "plain",
    "with space",
    "\"double\" and 'single'",
    "$HOME `id` \\ back\\slash\\\\",
    "%f 100% %%",
    "a=b",
    "semi;colon & <pipe> | (all) * ? # ~ !",
    "tab\tand newline\nand é€🙂",
]


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A program to start."""
    return script(tmp_path / "bin" / "mem0tray", "exit 0")


@pytest.fixture
def login(tmp_path: Path, program: Path) -> XdgAutostart:
    """The user's folder, and one for everybody."""
    return XdgAutostart([str(program)], [tmp_path / "own", tmp_path / "shared"], ["XFCE"])


def _write(login: XdgAutostart, text: str) -> Path:
    path = Path(login.where)
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def _change(login: XdgAutostart, old: str, new: str) -> None:
    """Enable, then edit the entry."""
    login.enable()
    path = Path(login.where)
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


# What is written -------------------------------------------------------------------------


@pytest.mark.parametrize("name", AWKWARD)
def test_the_entry_is_valid(tmp_path: Path, name: str) -> None:
    """`desktop-file-validate` finds nothing to say, whatever the program's path is."""
    program = script(tmp_path / name / "mem0tray", "exit 0")
    login = XdgAutostart([str(program), "-m", name], [tmp_path / "own"])
    login.enable()
    validate = tool("desktop-file-validate")
    done = subprocess.run([validate, login.where], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert login.state() == AutostartState(ENABLED, login.command)


@pytest.mark.parametrize("name", AWKWARD)
def test_a_desktop_starts_just_that(tmp_path: Path, name: str) -> None:
    """GLib, which GNOME and Xfce start entries with, runs the program with its very words."""
    said = tmp_path / "said"
    program = script(tmp_path / name / "mem0tray", f'printf "%s" "$*" > "{said}.new"')
    with program.open("a") as file:
        file.write(f'mv "{said}.new" "{said}"\n')
    login = XdgAutostart([str(program), "-m", name], [tmp_path / "own"])
    login.enable()
    subprocess.run([tool("gio"), "launch", login.where], check=True)
    wait_until(said.exists, what="the program was started")
    assert said.read_text(encoding="utf-8") == f"-m {name}"


@given(st.lists(st.text(), min_size=1))
def test_every_command_line_is_read_as_it_was_written(words: list[str]) -> None:
    """Quoting is undone by reading, for any words."""
    text = f"[Desktop Entry]\nExec={entry.exec_line(words)}\n"
    assert entry.words(entry.fields(text)["Exec"]) == tuple(words)


@given(st.text().filter(lambda text: text == text.strip()))
def test_every_path_is_read_as_it_was_written(text: str) -> None:
    """So it is for a value that is no command line."""
    found = entry.fields(f"[Desktop Entry]\nTryExec={entry.written(text)}\n")["TryExec"]
    assert entry.read(found) == text


def test_a_path_that_is_no_unicode(tmp_path: Path) -> None:
    """A folder may have any bytes for a name."""
    folder = Path(os.fsdecode(bytes(tmp_path) + b"/\xff\xfe"))
    program = script(folder / "mem0tray", "exit 0")
    login = XdgAutostart([str(program)], [tmp_path / "own"])
    login.enable()
    assert "�" not in Path(login.where).read_text(encoding="utf-8")
    assert login.state() == AutostartState(ENABLED, login.command)


# What desktops make of it ----------------------------------------------------------------


def test_enable_and_disable(login: XdgAutostart) -> None:
    """It is enabled only in between, and disabling twice is no error."""
    assert login.state() == AutostartState(DISABLED)
    login.enable()
    assert login.state() == AutostartState(ENABLED, login.command)
    login.disable()
    assert login.state() == AutostartState(DISABLED)
    assert not Path(login.where).parent.exists()
    login.disable()


def test_a_folder_with_entries_of_others_stays(login: XdgAutostart) -> None:
    """Only one in which nothing is left goes with ours."""
    login.enable()
    other = Path(login.where).with_name("other.desktop")
    other.touch()
    login.disable()
    assert [*other.parent.iterdir()] == [other]


@pytest.mark.parametrize(
    "line",
    [
        "Hidden=true",
        "X-GNOME-Autostart-enabled=false",
        "X-MATE-Autostart-enabled=false",
        "OnlyShowIn=GNOME;KDE;",
        "NotShowIn=KDE;XFCE;",
    ],
)
def test_what_the_desktop_leaves_out_is_no_start(login: XdgAutostart, line: str) -> None:
    """A line by which the entry is turned off is named; `enable` takes it back."""
    _change(login, "Terminal=false", line)
    assert login.state() == AutostartState(BLOCKED, login.command, f"{login.where} says {line}.")
    assert not login.mend()
    login.enable()
    assert login.state().name == ENABLED


@pytest.mark.parametrize("line", ["Hidden=false", "OnlyShowIn=GNOME;XFCE;", "NotShowIn=KDE;"])
def test_lines_that_turn_nothing_off(login: XdgAutostart, line: str) -> None:
    """What leaves out other desktops, or nobody, does not turn it off."""
    _change(login, "Terminal=false", line)
    assert login.state().name == ENABLED


def test_without_a_desktop_nobody_knows_where_it_is_shown(tmp_path: Path, program: Path) -> None:
    """Over ssh the entry is judged without the desktop's name."""
    login = XdgAutostart([str(program)], [tmp_path / "own"])
    _change(login, "Terminal=false", "OnlyShowIn=GNOME;")
    assert login.state().name == ENABLED


def test_a_program_that_is_gone(login: XdgAutostart, program: Path) -> None:
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


def test_a_missing_tryexec(login: XdgAutostart, program: Path) -> None:
    """Desktops pass over an entry whose TryExec is gone, so it is stale."""
    _change(login, f"TryExec={program}", "TryExec=/gone/x")
    assert login.state() == AutostartState(STALE, login.command, "/gone/x is not there any more.")


@pytest.mark.parametrize(
    "text",
    ["", "nonsense", "[Desktop Entry]\nType=Application\n", "[Desktop Entry]\nExec=true\n"],
    ids=["empty", "no entry", "no program", "no type"],
)
def test_an_entry_that_starts_nothing(login: XdgAutostart, text: str) -> None:
    """It is stale, and mended by a whole new one."""
    _write(login, text)
    assert login.state().name == STALE
    assert login.mend()
    assert login.state() == AutostartState(ENABLED, login.command)


def test_an_entry_that_cannot_be_read(login: XdgAutostart) -> None:
    """A folder in its place is named, and mending says what stands in the way."""
    Path(login.where).mkdir(parents=True)
    state = login.state()
    assert state.name == STALE
    assert login.where in state.reason
    with pytest.raises(FileUnavailableError, match=r"mem0tray\.desktop"):
        login.mend()
    with pytest.raises(FileUnavailableError, match=r"mem0tray\.desktop"):
        login.disable()


def test_the_entry_of_another_mem0tray(login: XdgAutostart, tmp_path: Path) -> None:
    """One that works is enabled, says what it starts, and is left alone."""
    other = script(tmp_path / "other" / "mem0tray", "exit 0")
    XdgAutostart([str(other)], [tmp_path / "own"]).enable()
    assert login.state() == AutostartState(ENABLED, str(other))
    assert not login.mend()
    assert login.state().starts == str(other)


# What is mended --------------------------------------------------------------------------


def test_mending_changes_the_program_and_nothing_else(login: XdgAutostart) -> None:
    """The user's own keys and groups stay."""
    path = _write(
        login,
        "# mine\n[Desktop Entry]\nType=Application\nName=Mine\nExec=/gone/mem0tray\n"
        "X-GNOME-Autostart-Delay=10\n\n[Other]\nExec=/other\n",
    )
    assert login.state().name == STALE
    assert login.mend()
    assert login.state() == AutostartState(ENABLED, login.command)
    assert path.read_text() == (
        f"# mine\n[Desktop Entry]\nExec={login.command}\nTryExec={login.command}\n"
        "Type=Application\nName=Mine\nX-GNOME-Autostart-Delay=10\n\n[Other]\nExec=/other\n"
    )


def test_mending_what_is_not_stale(login: XdgAutostart) -> None:
    """Neither a start that works nor none at all is touched."""
    assert not login.mend()
    assert login.state() == AutostartState(DISABLED)
    login.enable()
    before = Path(login.where).stat()
    assert not login.mend()
    after = Path(login.where).stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_linked_entry_stays_a_link(login: XdgAutostart, tmp_path: Path) -> None:
    """Whoever keeps settings in one place and links to them finds the change there."""
    kept = tmp_path / "kept.desktop"
    kept.write_text("[Desktop Entry]\nType=Application\nExec=/gone/mem0tray\n")
    Path(login.where).parent.mkdir()
    Path(login.where).symlink_to(kept)
    assert login.mend()
    assert Path(login.where).is_symlink()
    assert login.command in kept.read_text()


# The entry for everybody -----------------------------------------------------------------


def test_an_entry_for_everybody(login: XdgAutostart, tmp_path: Path, program: Path) -> None:
    """It starts us without an entry of the user's; disabling hides it, enabling takes its place."""
    shared = tmp_path / "shared" / "mem0tray.desktop"
    XdgAutostart([str(program)], [shared.parent]).enable()
    before = shared.read_bytes()
    assert login.state() == AutostartState(ENABLED, login.command)
    login.disable()
    assert login.state().name == BLOCKED
    validate = tool("desktop-file-validate")
    subprocess.run([validate, login.where], check=True)
    login.enable()
    assert login.state().name == ENABLED
    assert shared.read_bytes() == before


@pytest.mark.parametrize(
    ("environ", "folder"),
    [
        ({"XDG_CONFIG_HOME": "/conf"}, "/conf"),
        ({"XDG_CONFIG_HOME": "relative"}, "{home}/.config"),
        ({}, "{home}/.config"),
    ],
)
def test_where_the_entry_belongs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], folder: str
) -> None:
    """In $XDG_CONFIG_HOME where that is absolute, else in ~/.config."""
    monkeypatch.setenv("HOME", str(tmp_path))
    login = XdgAutostart.in_environment(["/x"], environ)
    assert login.where == f"{folder.format(home=tmp_path)}/autostart/mem0tray.desktop"
