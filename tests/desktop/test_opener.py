"""Openers: real programs that stand in for the system's own."""

import os
import shutil
import sys
from pathlib import Path

import pytest

from mem0tray.core.errors import FileUnavailableError, Mem0TrayError
from mem0tray.desktop import session
from tests.desktop.programs import Programs
from tests.support.processes import wait_until


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "a b & $(c).log"
    path.touch()
    return path


def _calls(programs: Programs, name: str) -> list[str]:
    wait_until(lambda: programs.calls(name), what=f"{name} was started")
    return programs.calls(name)


def test_a_name_that_looks_like_an_option(
    programs: Programs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs.add("xdg-open")
    (tmp_path / "--help").touch()
    monkeypatch.chdir(tmp_path)
    session.show(Path("--help"))
    assert _calls(programs, "xdg-open") == [f"{tmp_path}/--help"]


def test_a_missing_opener_is_named(programs: Programs, log: Path) -> None:
    programs.only()
    with pytest.raises(Mem0TrayError, match=r"xdg-open is missing.*xdg-utils"):
        session.show(log)


def test_what_is_not_there(programs: Programs, tmp_path: Path) -> None:
    programs.add("xdg-open")
    with pytest.raises(FileUnavailableError, match=r"config\.toml does not exist"):
        session.show(tmp_path / "config.toml")
    assert programs.calls("xdg-open") == []


def test_macos(programs: Programs, log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    programs.add("open")
    session.show(log)
    assert _calls(programs, "open") == [str(log)]
    session.show(log, edits=True)
    wait_until(lambda: programs.calls("open") == [str(log), f"-t {log}"])


def test_windows(programs: Programs, log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    programs.add("notepad.exe")
    notepad = str(programs.folder / "notepad.exe")
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(shutil, "which", lambda _: notepad)  # the real one asks Windows itself
    opened: list[str] = []
    monkeypatch.setattr(os, "startfile", opened.append, raising=False)
    session.show(log)
    session.show(log, edits=True)
    assert opened == [str(log), str(log)]
    assert programs.calls("notepad.exe") == []

    def unknown(_: str) -> None:
        raise OSError(1155, "No application is associated")

    monkeypatch.setattr(os, "startfile", unknown, raising=False)
    with pytest.raises(Mem0TrayError, match="No application is associated"):
        session.show(log)
    session.show(log, edits=True)
    assert _calls(programs, "notepad.exe") == [str(log)]
