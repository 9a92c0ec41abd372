"""`mem0tray run`: its last words."""

from types import SimpleNamespace
from typing import Any

import pytest

from mem0tray.cli import run


def test_a_run_that_is_stopped_before_the_end_says_so(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What was told to leave exits with 1 and one line that says where to look."""
    worker: Any = SimpleNamespace(metrics=SimpleNamespace(destination=""))
    assert run._closing(run.Terminal(), None, worker) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "stopped before the end" in line
    assert "`mem0tray list --queue`" in line
