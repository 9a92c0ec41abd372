"""The command line that starts the tray from here."""

import subprocess
import sys
from pathlib import Path

import pytest

from mem0tray.desktop.autostart import Origin

VENV = "/home/u/.local/share/pipx/venvs/mem0tray"
PYTHON = f"{VENV}/bin/python"
LINK = "/home/u/.local/bin/mem0tray"
BESIDE = f"{VENV}/bin/mem0tray"
EXE = r"C:\venv\Scripts\mem0trayw.exe"
PYTHONW = r"C:\venv\Scripts\pythonw.exe"


@pytest.mark.parametrize(
    ("argv0", "there", "expected"),
    [
        (LINK, {LINK, BESIDE}, (LINK,)),
        ("/lib/__main__.py", {BESIDE}, (BESIDE,)),
        ("/gone/mem0tray", {BESIDE}, (BESIDE,)),
        ("/bin/pytest", {"/bin/pytest"}, (PYTHON, "-m", "mem0tray")),
    ],
    ids=["pipx's link", "python -m", "a name that is gone", "no script"],
)
def test_the_script_by_the_name_it_was_called_or_else_the_interpreter_starts_it(
    argv0: str, there: set[str], expected: tuple[str, ...]
) -> None:
    assert Origin(argv0, PYTHON, is_there=there.__contains__).tray() == expected


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
    origin = Origin(r"C:\x\__main__.py", python, windows=True, is_there=there.__contains__)
    assert origin.tray() == expected


def test_what_it_names_runs(tmp_path: Path) -> None:
    words = Origin.of_this_process().tray()
    assert Path(words[0]).is_absolute()
    assert Path(words[0]).parent == Path(sys.executable).parent
    done = subprocess.run(
        [*words, "--version"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("mem0tray ")
