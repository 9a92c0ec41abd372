"""Trying the desktop in a process of its own, with stand-ins for that process."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mem0tray.desktop import trial
from mem0tray.desktop.tray import xembed
from tests.desktop.programs import script

PATIENCE = 30.0
Child = Callable[[str], None]


@pytest.fixture
def child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Child:
    """Have this be what the child does."""

    def does(body: str) -> None:
        monkeypatch.setattr(sys, "executable", str(script(tmp_path / "python", body)))

    return does


def test_what_it_found_is_known(child: Child) -> None:
    child('echo \'{"name": "a way"}\'')
    assert trial.run("notification", timeout=PATIENCE) == {"name": "a way"}


@pytest.mark.parametrize(
    ("what", "named"), [("tray", "the display :7"), ("notification", "the desktop")]
)
def test_what_does_not_answer_is_named(
    child: Child, monkeypatch: pytest.MonkeyPatch, what: str, named: str
) -> None:
    monkeypatch.setenv("DISPLAY", ":7")
    child("exec sleep 1000")
    assert trial.run(what, timeout=1.0) == {"hung_at": named}


@pytest.mark.parametrize("end", ["kill -9 $$", "exit 3"])
def test_the_end_of_the_child_is_named(child: Child, end: str) -> None:
    child(end)
    found = trial.run("tray", timeout=PATIENCE)
    assert found["failed"] == "a library of the desktop crashed"


def test_a_module_of_our_name_where_we_were_started_is_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mem0tray.py").write_text("")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert "no DISPLAY" in trial.run("tray", timeout=PATIENCE)["missing"]
    shows = subprocess.run(xembed._COMMAND, stdin=subprocess.DEVNULL, check=False)
    assert shows.returncode == 0, "it ends with its input"
