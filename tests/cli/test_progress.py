"""How far something long is."""

import sys

import pytest

from mem0tray.cli import interaction
from mem0tray.cli.interaction import EstimatedProgress


class Clock:
    """A clock that goes on when it is told to."""

    now = 100.0

    def __call__(self) -> float:
        """What it shows."""
        return self.now


def test_lines_come_every_ten_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    """Where no terminal is; what is quick says nothing."""
    clock = Clock()
    with EstimatedProgress("memories", clock) as tell:
        tell(1, 1000)
        clock.now += 10
        tell(100, 1000)
        clock.now += 1
        tell(200, 1000)
        clock.now += 9
        tell(1000, 1000)
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines() == [
        "mem0tray: 100 of 1,000 memories, about 2 min left.",
        "mem0tray: 1,000 of 1,000 memories.",
    ]


def test_a_terminal_has_one_line_which_goes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is written anew, with how long it will take, and taken away at the end."""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setattr(interaction, "_EVERY", 0.0)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "40")
    clock = Clock()
    with EstimatedProgress("memories", clock) as tell:
        for done in (20, 100):
            clock.now += 1
            tell(done, 100)
    assert capsys.readouterr().err.split("\r\x1b[K") == [
        "",
        "20 of 100 memories, about 4 s left",
        "100 of 100 memories",
        "",
    ]
