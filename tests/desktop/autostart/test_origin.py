"""The command line that starts the tray from here."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from mem0tray.desktop.autostart import Origin

VENV = "/home/u/.local/share/pipx/venvs/mem0tray"
PYTHON = f"{VENV}/bin/python"
LINK = "/home/u/.local/bin/mem0tray"
IMAGE = {"APPIMAGE": "/home/u/My Apps/mem0tray.AppImage", "APPDIR": "/mnt/.mount_1"}
NOTHING: Mapping[str, str] = {}
EXE = r"C:\venv\Scripts\mem0trayw.exe"
PYTHONW = r"C:\venv\Scripts\pythonw.exe"


@pytest.mark.parametrize(
    ("origin", "there", "expected"),
    [
        (Origin(LINK, PYTHON, "/lib", NOTHING), {LINK, f"{VENV}/bin/mem0tray"}, (LINK,)),
        (
            Origin("/lib/__main__.py", PYTHON, "/lib", NOTHING),
            {f"{VENV}/bin/mem0tray"},
            (f"{VENV}/bin/mem0tray",),
        ),
        (
            Origin("/gone/mem0tray", PYTHON, "/lib", NOTHING),
            {f"{VENV}/bin/mem0tray"},
            (f"{VENV}/bin/mem0tray",),
        ),
        (
            Origin("/bin/pytest", PYTHON, "/lib", NOTHING),
            {"/bin/pytest"},
            (PYTHON, "-m", "mem0tray"),
        ),
        (
            Origin("/mnt/.mount_1/bin/mem0tray", "/usr/bin/python3", "/mnt/.mount_1/lib", IMAGE),
            {"/mnt/.mount_1/bin/mem0tray"},
            (IMAGE["APPIMAGE"],),
        ),
        (
            Origin("/mnt/.mount_1/bin/mem0tray", "/mnt/.mount_1/bin/python3", "/lib", IMAGE),
            set(),
            (IMAGE["APPIMAGE"],),
        ),
        (Origin(LINK, PYTHON, "/lib", IMAGE), {LINK}, (LINK,)),
    ],
    ids=[
        "pipx's link",
        "python -m",
        "a name that is gone",
        "no script",
        "an AppImage",
        "an AppImage with Python",
        "the AppImage of a terminal",
    ],
)
def test_the_script_or_else_the_interpreter(
    origin: Origin, there: set[str], expected: tuple[str, ...]
) -> None:
    assert origin._replace(is_there=there.__contains__).tray() == expected


@pytest.mark.parametrize(
    ("there", "python", "expected"),
    [
        ({EXE, PYTHONW}, r"C:\venv\Scripts\python.exe", (EXE,)),
        ({PYTHONW}, r"C:\venv\Scripts\python.exe", (PYTHONW, "-m", "mem0tray")),
        (set(), r"C:\venv\python.exe", (r"C:\venv\python.exe", "-m", "mem0tray")),
        ({EXE}, r"C:\venv\python.exe", (EXE,)),
    ],
    ids=["mem0trayw", "pythonw", "neither", "Scripts beside Python"],
)
def test_windows_opens_no_console(there: set[str], python: str, expected: tuple[str, ...]) -> None:
    origin = Origin(
        r"C:\x\__main__.py", python, "C:\\lib", NOTHING, windows=True, is_there=there.__contains__
    )
    assert origin.tray() == expected


def test_what_it_names_runs(tmp_path: Path) -> None:
    words = Origin.of_this_process().tray()
    assert Path(words[0]).is_absolute()
    assert Path(words[0]).parent == Path(sys.executable).parent
    done = subprocess.run(
        [*words, "--version"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("mem0tray ")
