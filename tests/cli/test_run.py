"""`mem0tray run`: its last words."""

import pytest

from mem0tray.cli import run
from mem0tray.cli.run_screen import RunScreen


def test_a_run_that_is_stopped_before_the_end_says_so(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What was told to leave has one line on stderr that says where to look; the stop is last."""
    problem = run._problem(None)
    run._close(RunScreen(lambda: None, lambda: None), "", problem)
    out, err = capsys.readouterr()
    (line,) = err.splitlines()
    assert "stopped before the end" in line
    assert "`mem0tray list --queue`" in line
    assert [words.split(maxsplit=2)[2] for words in out.splitlines()] == [
        "Nothing was delivered.",
        "Worker stopped.",
    ]
