"""The command line that starts the tray from here."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from mem0tray.desktop.autostart import command
from mem0tray.desktop.autostart.command import Origin

VENV = "/home/u/.local/share/pipx/venvs/mem0tray"
LINK = "/home/u/.local/bin/mem0tray"
PACKAGE = "/lib/mem0tray"
NOTHING: Mapping[str, str] = {}


@pytest.mark.parametrize(
    ("argv0", "there", "expected"),
    [
        (LINK, {LINK, f"{VENV}/bin/mem0tray"}, (LINK,)),
        ("bin/mem0tray", {"/here/bin/mem0tray"}, ("/here/bin/mem0tray",)),
        ("/lib/mem0tray/__main__.py", {f"{VENV}/bin/mem0tray"}, (f"{VENV}/bin/mem0tray",)),
        ("/gone/mem0tray", {f"{VENV}/bin/mem0tray"}, (f"{VENV}/bin/mem0tray",)),
        ("/bin/pytest", {"/bin/pytest"}, (f"{VENV}/bin/python", "-m", "mem0tray")),
    ],
    ids=["pipx's link", "a relative name", "python -m", "a name that is gone", "no script"],
)
def test_the_script_or_else_the_interpreter(
    argv0: str, there: set[str], expected: tuple[str, ...]
) -> None:
    """The console script by the absolute name it was called by, else the one beside Python."""
    origin = Origin(argv0, f"{VENV}/bin/python", PACKAGE, "/here", NOTHING)
    assert command.tray(origin, there.__contains__) == expected


@pytest.mark.parametrize("inside", ["executable", "package"])
def test_an_appimage_is_started_as_itself(inside: str) -> None:
    """What is mounted for this run only is not what starts at the next login."""
    environ = {"APPIMAGE": "/home/u/My Apps/mem0tray.AppImage", "APPDIR": "/mnt/.mount_1"}
    paths = {"executable": "/usr/bin/python3", "package": PACKAGE}
    paths[inside] = f"/mnt/.mount_1{paths[inside]}"
    script = "/mnt/.mount_1/usr/bin/mem0tray"
    origin = Origin(script, paths["executable"], paths["package"], "/", environ)
    assert command.tray(origin, {script}.__contains__) == (environ["APPIMAGE"],)


def test_the_appimage_of_a_terminal_is_not_ours() -> None:
    """A terminal that is an AppImage hands its variables to what is started in it."""
    environ = {"APPIMAGE": "/home/u/Terminal.AppImage", "APPDIR": "/mnt/.mount_2"}
    origin = Origin(LINK, f"{VENV}/bin/python", PACKAGE, "/", environ)
    assert command.tray(origin, {LINK}.__contains__) == (LINK,)


@pytest.mark.parametrize(
    ("there", "expected"),
    [
        (
            {r"C:\venv\Scripts\mem0trayw.exe", r"C:\venv\Scripts\pythonw.exe"},
            (r"C:\venv\Scripts\mem0trayw.exe",),
        ),
        ({r"C:\venv\Scripts\pythonw.exe"}, (r"C:\venv\Scripts\pythonw.exe", "-m", "mem0tray")),
        (set[str](), (r"C:\venv\Scripts\python.exe", "-m", "mem0tray")),
    ],
    ids=["mem0trayw", "pythonw", "neither"],
)
def test_windows_opens_no_console(there: set[str], expected: tuple[str, ...]) -> None:
    """A program without a console window is preferred, as one at login would stay open."""
    python = r"C:\venv\Scripts\python.exe"
    origin = Origin(r"C:\venv\Scripts\mem0tray", python, PACKAGE, "C:\\", NOTHING, windows=True)
    assert command.tray(origin, there.__contains__) == expected


def test_a_python_without_an_environment_has_its_scripts_beside_it() -> None:
    """Python for Windows keeps scripts in a folder of their own."""
    script = r"C:\Python311\Scripts\mem0trayw.exe"
    origin = Origin(
        r"C:\x\__main__.py", r"C:\Python311\python.exe", PACKAGE, "C:\\", NOTHING, windows=True
    )
    assert command.tray(origin, {script}.__contains__) == (script,)


def test_what_it_names_runs(tmp_path: Path) -> None:
    """From this very interpreter, the words start mem0tray, in whatever folder."""
    words = command.tray(Origin.of_this_process(), command.is_program)
    assert Path(words[0]).is_absolute()
    assert Path(words[0]).parent == Path(sys.executable).parent
    done = subprocess.run(
        [*words, "--version"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("mem0tray ")
