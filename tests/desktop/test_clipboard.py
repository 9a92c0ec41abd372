"""Copying a text, with stand-ins for the system's own programs."""

import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from mem0tray.core.errors import Mem0TrayError
from mem0tray.desktop import clipboard
from tests.desktop.programs import Programs
from tests.support import needs
from tests.support.desktop import Desktop
from tests.support.processes import PATIENCE, wait_until


@pytest.mark.parametrize("text", ["7f3c-1", "clé & 鍵\n--", "", "\ud800"])
def test_the_program_of_macos_gets_the_text(
    programs: Programs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    programs.add("pbcopy", f'cat > "{tmp_path}/copied"; echo "$LC_CTYPE" > "{tmp_path}/locale"')
    clipboard.copy(text)
    assert (tmp_path / "copied").read_text("utf-8") == text.replace("\ud800", "?")
    assert (tmp_path / "locale").read_text() == "UTF-8\n"


def test_a_program_that_fails_is_an_error(
    programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    programs.add("pbcopy", "cat > /dev/null; exit 1")
    with pytest.raises(subprocess.CalledProcessError):
        clipboard.copy("a")
    programs.only()
    (programs.folder / "pbcopy").unlink()
    with pytest.raises(OSError, match="pbcopy"):
        clipboard.copy("a")


def test_wayland_has_a_program_of_its_own(
    programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-0")
    programs.only()
    with pytest.raises(Mem0TrayError, match=r"No program that can copy.*wl-clipboard"):
        clipboard.copy("7f3c-1")
    programs.add("wl-copy", f'/bin/cat > "{programs.folder}/copied"')
    clipboard.copy("--clé\n")
    assert (programs.folder / "copied").read_bytes() == "--clé\n".encode()
    assert programs.calls("wl-copy") == [""]


def test_a_module_of_our_name_where_we_were_started_is_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mem0tray.py").write_text("")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DISPLAY", raising=False)
    done = subprocess.run(clipboard._OWNER, input=b"", capture_output=True, check=False)
    assert b"DisplayNameError" in done.stderr, "ours has run"


@needs.program("xclip")  # to paste with
@pytest.mark.parametrize(
    ("kind", "code"),
    [("UTF8_STRING", "utf-8"), ("STRING", "latin-1"), ("text/plain;charset=utf-8", "utf-8")],
)
def test_a_process_of_ours_holds_it(
    desktop: Desktop, monkeypatch: pytest.MonkeyPatch, kind: str, code: str
) -> None:
    monkeypatch.setenv("DISPLAY", desktop.env["DISPLAY"])
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    clipboard.copy("clé 7f3c-1")
    paste = ["xclip", "-selection", "clipboard", "-o", "-t"]
    done = subprocess.run([*paste, kind], capture_output=True, check=True, timeout=PATIENCE)
    assert done.stdout.decode(code) == "clé 7f3c-1"
    offered = subprocess.run([*paste, "TARGETS"], capture_output=True, check=True, timeout=PATIENCE)
    assert kind in offered.stdout.decode().split()
    assert _holders(desktop)
    copy = desktop.start(["xclip", "-selection", "clipboard", "-quiet", "/dev/null"])
    wait_until(lambda: not _holders(desktop), what="the end of what held it")
    copy.kill()


def _holders(desktop: Desktop) -> list[str]:
    mark = f"DISPLAY={desktop.env['DISPLAY']}\0".encode()
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # ended meanwhile
            words = (entry / "cmdline").read_bytes()
            if b"mem0tray.desktop.clipboard" in words and mark in (entry / "environ").read_bytes():
                found.append(entry.name)
    return found
