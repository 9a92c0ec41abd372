"""Leaving an older panel in the moments around the start of the process that shows the icon."""

import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mem0tray.desktop.tray import xembed
from mem0tray.desktop.tray.xembed import OlderPanel


class Stay:
    """A stay on a thread; its process only reads its input, and leaves a file when it starts."""

    def __init__(self, started: Path) -> None:
        self.panel = OlderPanel(lambda: None)
        self._started = started
        self._thread = threading.Thread(target=self.panel.stay, daemon=True)

    def is_over(self) -> bool:
        """Wait until it is over."""
        self._thread.start()
        self._thread.join(10)
        return not self._thread.is_alive()

    @property
    def had_process(self) -> bool:
        """Whether a process was started."""
        return self._started.exists()


@pytest.fixture
def stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stay]:
    """Make one."""
    started = tmp_path / "started"
    shows = f"echo > '{started}'; cat > /dev/null; :"
    monkeypatch.setattr(xembed, "_COMMAND", ("/bin/sh", "-c", shows))
    made = Stay(started)
    yield made
    made.panel.leave()


def test_leaving_just_before_the_stay_shows_no_icon(stay: Stay) -> None:
    stay.panel.leave()
    assert stay.is_over()
    assert not stay.had_process


def test_leaving_while_the_process_starts_ends_it(
    stay: Stay, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = subprocess.Popen

    def leave_first(*words: Any, **options: Any) -> "subprocess.Popen[bytes]":
        stay.panel.leave()
        return start(*words, **options)

    monkeypatch.setattr(subprocess, "Popen", leave_first)
    assert stay.is_over()
    assert stay.had_process
