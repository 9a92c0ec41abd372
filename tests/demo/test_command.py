"""`mem0tray demo`, as it is started in a terminal, in a pipe and by a script."""

import fcntl
import json
import os
import re
import signal
import struct
import subprocess
import sys
import termios
from typing import Any

import pytest

from mem0tray.cli import main
from mem0tray.demo.stage import DemoServer, Story
from tests.demo.viewer import Viewer
from tests.support import terminal
from tests.support.processes import LONGEST
from tests.support.variants import variants

TITLES = (
    "1  Memories are delivered",
    "2  The server goes down",
    "3  It comes back",
    "4  One memory is refused, five times",
    "5  You look, and try again",
    "6  The end",
)


def test_the_story_ends_as_told_and_leaves_nothing(viewer: Viewer) -> None:
    process = viewer.start("--fast", "--json")
    assert process.wait(60) == 0, process.err
    told = json.loads(process.out)
    assert (told["ended_as_told"], told["problem"]) == (True, None)
    assert (told["queued"], told["stored"], told["lost"], told["surplus"]) == (8, 8, [], [])
    assert process.err == ""
    viewer.nothing_is_left()


def in_a_terminal(viewer: Viewer, columns: int) -> str:
    ours, theirs = terminal.opened()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environ = {**viewer.home.env, **viewer.env, "TERM": "xterm-256color"}
    del environ["COLUMNS"]
    command = [sys.executable, "-m", "mem0tray", "demo", "--fast"]
    shown = bytearray()
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environ) as demo:
        os.close(theirs)
        try:
            while chunk := os.read(ours, 65536):
                shown += chunk
        except OSError:
            pass  # Linux says so that nobody has the other end any more
        assert demo.wait(LONGEST) == 0, shown
    os.close(ours)
    return shown.decode()


def test_in_a_terminal_no_line_is_too_wide_and_kept_promises_are_green(viewer: Viewer) -> None:
    shown = in_a_terminal(viewer, 60)
    assert "\x1b[32m     ✓ \x1b[0mThe server has all three." in shown
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown)
    for expected in TITLES:
        assert expected in plain
    for marker in ("State: down", "Moved to DLQ: travel", "DLQ recovered: travel"):
        assert plain.count(marker) == 1, plain
    assert plain.count("| ⚠️ Attempt ") == 4
    assert max(len(line) for line in re.split(r"[\r\n]+", plain)) <= 60


@pytest.mark.usefixtures("viewer")
def test_a_server_that_refuses_for_ever_fails_the_demo(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(DemoServer, "refused", property(lambda _: "travel", lambda *_: None))
    expect = Story.expect

    def impatient(story: Story, promise: str, holds: Any, *, now: bool = False) -> None:
        if promise.startswith("The memory is delivered"):
            story._patience = 2.0
        expect(story, promise, holds, now=now)

    monkeypatch.setattr(Story, "expect", impatient)
    assert main(["demo", "--fast", "--json"]) == 1
    out, err = capsys.readouterr()
    (line,) = err.splitlines()
    assert line.startswith("mem0tray: The demo did not go as told. Missing: The memory is deliv")
    told = json.loads(out)
    assert (told["ended_as_told"], told["problem"]) == (False, line.removeprefix("mem0tray: "))
    assert told["lost"] == ["The train company writes dates as DD.MM.YYYY."]
    assert (told["queued"], told["stored"]) == (8, 7)


@pytest.mark.parametrize(
    ("number", "code"), variants([(signal.SIGINT, 130), (signal.SIGTERM, 143)])
)
@pytest.mark.parametrize("moment", variants(["The server goes down", "The real worker"]))
def test_told_to_stop_it_puts_everything_away(
    viewer: Viewer, number: int, code: int, moment: str
) -> None:
    process = viewer.start("--fast")
    viewer.home.wait(lambda: moment in process.out, 30, moment)
    for _ in range(2):  # whoever is impatient presses it twice
        os.killpg(process.pid, number)  # a terminal tells all that were started in it
    assert process.wait() == code
    assert process.err.strip() == ""  # click breaks the line of a Ctrl-C
    viewer.nothing_is_left()


def test_killed_it_takes_its_worker_along(viewer: Viewer) -> None:
    process = viewer.start()
    viewer.home.wait(lambda: "saves three memories" in process.out, 30, "the first act")
    assert len(viewer.processes()) > 1
    process.signal(signal.SIGKILL)
    viewer.home.wait(lambda: not viewer.processes(), what="the worker's end")
