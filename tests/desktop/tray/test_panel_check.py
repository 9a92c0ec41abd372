"""Bringing the icon into an older panel, and reporting once that no panel shows it."""

import queue
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mem0tray.desktop.tray import panel_check
from mem0tray.desktop.tray.panel_check import STATUS_NOTIFIER, XEMBED, PanelWatch

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
        monkeypatch.setattr(panel_check, "shown_by", self._shown_by)

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
