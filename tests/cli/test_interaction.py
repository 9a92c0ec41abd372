"""How far something long is."""

import sys

import pytest

from mem0tray.cli import output


@pytest.mark.parametrize("terminal", [True, False])
def test_a_terminal_has_one_line_of_progress_with_the_time_left_which_goes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *, terminal: bool
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    monkeypatch.setattr(output, "_EVERY", 0.0)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "40")
    now = [100.0]
    with output.Progress("memories", lambda: now[0]) as tell:
        for done in (20, 100):
            now[0] += 1
            tell(done, 100)
    shown = ["", "20 of 100 memories, about 4 s left", "100 of 100 memories", ""]
    assert capsys.readouterr().err.split("\r\x1b[K") == (shown if terminal else [""])
