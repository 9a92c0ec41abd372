"""The manual page is what the help says, and can be read."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

from mem0tray.cli import app
from mem0tray.config import settings
from tests.support import needs

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "packaging" / "mem0tray.1"


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, encoding="utf-8", check=False)


def test_the_page_is_what_the_help_says() -> None:
    done = _run(sys.executable, str(ROOT / "packaging" / "update_man.py"), "--check")
    assert done.returncode == 0, done.stderr


@needs.program("mandoc")
def test_the_page_is_sound() -> None:
    done = _run("mandoc", "-T", "lint", "-W", "warning", str(PAGE))
    assert (done.returncode, done.stdout) == (0, "")
    shown = _run("mandoc", "-T", "utf8", "-O", "width=200", str(PAGE)).stdout
    text = re.sub(".\b", "", shown)  # bold is a letter, a backspace, the letter again
    for name in app.COMMANDS:
        assert f"\n   mem0tray {name}\n" in text
    for key in settings.keys():  # noqa: SIM118  (a function)
        assert re.search(rf"(?m)^ +{re.escape(key)}$", text), key


def test_the_wheel_takes_the_page_along() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    shared = project["tool"]["hatch"]["build"]["targets"]["wheel"]["shared-data"]
    assert shared == {"packaging/mem0tray.1": "share/man/man1/mem0tray.1"}
    assert PAGE.is_file()
