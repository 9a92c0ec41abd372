"""The user's editor: which one is started, and what is said of one that fails."""

import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from mem0tray.core.errors import Mem0TrayError
from mem0tray.system import editor
from tests.support import needs


def test_windows_keeps_the_backslashes_of_an_editors_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There they are no escapes."""
    started: list[list[str]] = []

    def start(command: list[str]) -> SimpleNamespace:
        started.append(command)
        return SimpleNamespace(wait=lambda: 0)

    monkeypatch.setattr(subprocess, "Popen", start)
    monkeypatch.setenv("VISUAL", "C:\\tools\\edit.exe -w")
    file = tmp_path / "config.toml"
    for system in ("win32", "linux"):
        monkeypatch.setattr(sys, "platform", system)
        editor.edit(file, if_failed="")
    assert started == [
        ["C:\\tools\\edit.exe", "-w", str(file)],
        ["C:toolsedit.exe", "-w", str(file)],
    ]


@needs.SHELL
def test_the_first_editor_that_is_there_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """`$VISUAL`, then `$EDITOR`, and at a terminal nano, then vi."""
    monkeypatch.setenv("VISUAL", "one")
    monkeypatch.setenv("EDITOR", "two")
    assert editor._command() == ["one"]
    monkeypatch.setenv("VISUAL", "  ")
    assert editor._command() == ["two"]
    monkeypatch.delenv("EDITOR")
    there = {"nano", "vi"}
    monkeypatch.setattr(shutil, "which", lambda name: name if name in there else None)
    terminal = SimpleNamespace(isatty=lambda: True)
    for stream in ("stdin", "stdout"):
        with pytest.raises(Mem0TrayError, match="There is no terminal for an editor"):
            editor._command()
        monkeypatch.setattr(sys, stream, terminal)
    assert editor._command() == ["nano"]
    there.remove("nano")
    assert editor._command() == ["vi"]
    there.clear()
    with pytest.raises(Mem0TrayError) as caught:
        editor._command()
    assert caught.value.message == "No editor was found."
    assert caught.value.remedy == "Set $VISUAL or $EDITOR to one that you have."


def test_an_editor_that_is_not_there_is_told_with_a_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who has named one that cannot be started names another."""
    file = tmp_path / "config.toml"
    monkeypatch.setenv("VISUAL", "/no/such/editor")
    with pytest.raises(Mem0TrayError) as caught:
        editor.edit(file, if_failed="Look.")
    assert caught.value.message.startswith("The editor '/no/such/editor' cannot be started: ")
    assert caught.value.remedy == "Set $VISUAL or $EDITOR to one that you have."


@needs.SHELL
def test_an_editor_that_fails_is_told_with_its_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What helps then is the caller's to say."""
    monkeypatch.setenv("VISUAL", "false")
    with pytest.raises(Mem0TrayError) as caught:
        editor.edit(tmp_path / "config.toml", if_failed="Look.")
    assert caught.value.message == "The editor 'false' ended with code 1."
    assert caught.value.remedy == "Look."
