"""Copying a text, with stand-ins for the system's own programs."""

import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from mem0tray.desktop import clipboard
from tests.desktop.programs import Programs

if TYPE_CHECKING:
    from collections.abc import Callable

PLATFORMS = [("darwin", "pbcopy", "utf-8"), ("win32", "clip.exe", "utf-16")]


@pytest.mark.parametrize(("platform", "program", "encoding"), PLATFORMS)
@pytest.mark.parametrize("text", ["7f3c-1", "clé & 鍵\n--", "", "\ud800"])
def test_the_system_program_gets_the_text(
    programs: Programs,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    platform: str,
    program: str,
    encoding: str,
    text: str,
) -> None:
    """All of it and nothing more: plain bytes for ASCII, else the encoding that it knows."""
    monkeypatch.setattr(sys, "platform", platform)
    programs.add(program, f'cat > "{tmp_path}/copied"; echo "$LC_CTYPE" > "{tmp_path}/locale"')
    clipboard.copy(text)
    copied = (tmp_path / "copied").read_bytes()
    if text.isascii():
        assert copied == text.encode()
    else:
        assert copied.decode(encoding) == text.replace("\ud800", "?")
    assert (tmp_path / "locale").read_text() == "UTF-8\n"


@pytest.mark.parametrize(("platform", "program", "_encoding"), PLATFORMS)
def test_a_program_that_fails_is_an_error(
    programs: Programs, monkeypatch: pytest.MonkeyPatch, platform: str, program: str, _encoding: str
) -> None:
    """The user hears of it; a missing one too."""
    monkeypatch.setattr(sys, "platform", platform)
    programs.add(program, "cat > /dev/null; exit 1")
    with pytest.raises(subprocess.CalledProcessError):
        clipboard.copy("a")
    programs.only()
    (programs.folder / program).unlink()
    with pytest.raises(OSError, match=program):
        clipboard.copy("a")


@pytest.mark.parametrize(
    ("text", "copied"), [("clé", "clé"), ("a\ud800b\0c", "a?b?c"), ("x" * 10**6, "x" * 10**6)]
)
def test_linux_copies_on_the_main_loop(
    monkeypatch: pytest.MonkeyPatch, text: str, copied: str
) -> None:
    """GTK is touched there alone, once, and gets nothing that it cannot take."""
    waiting: list[Callable[[], bool]] = []
    held: list[Any] = []
    board = SimpleNamespace(
        set_text=lambda text, length: held.append((text, length)),
        store=lambda: held.append("stored"),
    )
    repository: Any = ModuleType("gi.repository")
    repository.Gdk = SimpleNamespace(SELECTION_CLIPBOARD="clipboard")
    repository.GLib = SimpleNamespace(idle_add=waiting.append, SOURCE_REMOVE=False)
    repository.Gtk = SimpleNamespace(Clipboard=SimpleNamespace(get={"clipboard": board}.get))
    gi: Any = ModuleType("gi")
    gi.repository = repository
    monkeypatch.setitem(sys.modules, "gi", gi)
    monkeypatch.setitem(sys.modules, "gi.repository", repository)
    clipboard.copy(text)
    assert held == []
    (put,) = waiting
    assert put() is False
    assert held == [(copied, -1), "stored"]
