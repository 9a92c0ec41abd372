"""`mem0tray edit` that is ended while the editor is open: no text is left, or lost."""

import json
import os
import signal
import sys
from pathlib import Path
from typing import Final

import pytest

from mem0tray.files.lock import FileLock
from tests.support import needs
from tests.support.home import Home
from tests.support.processes import Process
from tests.support.shapes import dead, entry

pytestmark = needs.SHELL
# However these tests were started: with `nohup` the hang-up signal would stay switched off.
HEEDING: Final = (
    sys.executable,
    "-c",
    """import os, signal, sys
for each in (signal.SIGINT, signal.SIGHUP):
    signal.signal(each, signal.SIG_DFL)
os.execv(sys.argv[1], sys.argv[1:])""",
)
ENDS: Final = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


def _open(
    home: Home, tmp_path: Path, work: str = ":", command: tuple[str, ...] = ("edit", "a")
) -> Process:
    """An edit whose editor has done `work` with the file "$1" and is still open."""
    program = tmp_path / "editor"
    mark = tmp_path / "open"
    mark.unlink(missing_ok=True)
    program.write_text(f'#!/bin/sh\n{work}\ntouch "{mark}"\nexec sleep 60\n')
    program.chmod(0o700)
    process = home.start(
        *command, wrapper=HEEDING, env={"VISUAL": str(program), "TMPDIR": str(tmp_path)}
    )
    home.wait(mark.exists, 10, "the editor is open")
    return process


@pytest.mark.parametrize("number", ENDS)
def test_a_signal_leaves_no_text(home: Home, tmp_path: Path, number: int) -> None:
    home.write_dlq([dead("a private text", id="a")])
    process = _open(home, tmp_path)
    (text,) = home.data_files("open-*/*.txt")
    assert text.stat().st_mode & 0o777 == 0o600
    process.signal(number)
    assert process.wait() == 128 + number
    assert list(home.data.rglob("open-*")) == []
    assert [path for path in tmp_path.glob("*") if path.name.startswith("editor-")] == []


@pytest.mark.parametrize("number", ENDS)
def test_what_was_saved_before_a_signal_is_kept_and_named(
    home: Home, tmp_path: Path, number: int
) -> None:
    home.write_dlq([dead("old", id="a")])
    process = _open(home, tmp_path, 'printf new > "$1"')
    process.signal(number)
    process.wait()
    (text,) = home.data_files("open-*/*.txt")
    assert text.read_text() == "new"
    said = f"mem0tray: Nothing was changed. What the editor saved is in {text}."
    assert process.err.strip() == said


@pytest.mark.parametrize("number", [*ENDS, signal.SIGKILL])
def test_a_text_that_an_editor_saved_is_in_its_place_or_kept(
    home: Home, tmp_path: Path, number: int
) -> None:
    home.write_queue([entry("old", id="a")])
    program, mark = tmp_path / "editor", tmp_path / "left"
    program.write_text(f'#!/bin/sh\nprintf new > "$1"\ntouch "{mark}"\n')
    program.chmod(0o700)
    with FileLock(home.lock).held(1):
        process = home.start("edit", "a", wrapper=HEEDING, env={"VISUAL": str(program)})
        home.wait(mark.exists, 10, "the editor has ended")
        home.wait(lambda: home.data_files("edited-*.json"), 10, "the command wants the queue file")
        process.signal(number)
        process.wait()
    waiting = [each["content"] for each in json.loads(home.ok("list", "--queue", "--json"))]
    kept = [text.read_text() for text in home.data_files("open-*/*.txt")]
    assert waiting == ["new"] or (waiting, kept) == (["old"], ["new"])


def test_a_signal_ends_the_editor_of_the_settings_too(home: Home, tmp_path: Path) -> None:
    process = _open(home, tmp_path, f'echo $$ > "{tmp_path}/pid"', ("config", "edit"))
    number = int((tmp_path / "pid").read_text())
    process.signal(signal.SIGTERM)
    assert process.wait() == 128 + signal.SIGTERM
    with pytest.raises(ProcessLookupError):
        os.kill(number, 0)
