"""Leaving an older panel in the moments around the start of the process that shows the icon."""

import queue
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mem0tray.desktop import session
from mem0tray.desktop.session import STATUS_NOTIFIER, XEMBED
from mem0tray.desktop.tray import xembed
from mem0tray.desktop.tray.xembed import OlderPanel, PanelWatch


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


# Looking for a panel ---------------------------------------------------------------------------

NEVER = (3600.0,)


class Older:
    """As `OlderPanel`: it stays until it is told to leave, or not at all."""

    def __init__(self) -> None:
        self.stays = True
        self.came: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._left = threading.Event()

    def stay(self) -> None:
        """Note it, and stay."""
        self.came.put("came")
        if self.stays:
            self._left.wait(10)
            self._left.clear()

    def leave(self) -> None:
        """End the stay."""
        self._left.set()


class Watched:
    """A watch, and whether it reported; `by` is what shows icons."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.mark = folder / "no-panel-told"
        self.reports = self.looks = 0
        self.by = ""
        self.older = Older()
        monkeypatch.setattr(session, "shown_by", self._shown_by)

    def _shown_by(self, _: object) -> str:
        self.looks += 1
        return self.by

    def _report(self) -> None:
        self.reports += 1

    def watch(self, looks: tuple[float, ...] = (0.0, 0.0)) -> PanelWatch:
        """Start one."""
        older: Any = self.older
        bus: Any = SimpleNamespace(subscribe=lambda *_: None)
        made = PanelWatch(self.mark, self._report, bus, older)
        made.start(looks)
        return made

    def ended(self, watch: PanelWatch) -> bool:
        """Wait for its end."""
        watch._thread.join(10)
        return not watch._thread.is_alive()


@pytest.fixture
def watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Watched:
    """Make one."""
    return Watched(tmp_path, monkeypatch)


def test_it_is_told_once_for_ever(watched: Watched) -> None:
    assert watched.ended(watched.watch())
    assert watched.reports == 1
    assert watched.mark.exists()
    assert watched.ended(watched.watch())
    assert (watched.reports, watched.looks) == (1, 4)


def test_a_panel_makes_it_silent(watched: Watched) -> None:
    watched.by = STATUS_NOTIFIER
    assert watched.ended(watched.watch())
    assert (watched.reports, watched.looks, watched.mark.exists()) == (0, 1, False)
    assert watched.older.came.empty()


def test_it_waits_for_the_login(watched: Watched) -> None:
    watch = watched.watch(NEVER)
    assert watch._thread.is_alive()
    watch.stop()
    assert watched.ended(watch)
    assert (watched.reports, watched.looks) == (0, 0)


def test_a_full_disk_means_to_be_told_again(watched: Watched, tmp_path: Path) -> None:
    watched.mark = tmp_path / "file" / "mark"
    watched.mark.parent.touch()
    assert watched.ended(watched.watch())
    assert watched.reports == 1


def test_an_older_panel_gets_the_icon(watched: Watched) -> None:
    watched.by = XEMBED
    watch = watched.watch()
    assert watched.older.came.get(timeout=10)
    watch.stop()
    assert watched.ended(watch)
    assert watched.reports == 0
    assert watched.older.came.empty()


def test_a_newer_panel_ends_it(watched: Watched) -> None:
    watched.by = XEMBED
    watch = watched.watch()
    assert watched.older.came.get(timeout=10)
    watched.by = STATUS_NOTIFIER
    watched.older.leave()
    assert watched.ended(watch)
    assert watched.reports == 0


def test_an_older_panel_that_throws_it_out_is_none(watched: Watched) -> None:
    watched.by = XEMBED
    watched.older.stays = False
    assert watched.ended(watched.watch())
    assert watched.older.came.qsize() == 10
    assert watched.reports == 1
