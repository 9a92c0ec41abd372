"""Bringing the icon into an older panel, and telling once that no panel shows it."""

import queue
import threading
from pathlib import Path
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
    """A watch, and what it told."""

    def __init__(self, folder: Path) -> None:
        self.mark = folder / "no-panel-told"
        self.told: list[str] = []
        self.looks = 0
        self.by = ""
        self.answers = threading.Event()
        self.answers.set()
        self.older = Older()

    def shown_by(self) -> str:
        """What shows icons; as a display, it may not answer."""
        self.looks += 1
        self.answers.wait(30)
        return self.by

    def watch(self, looks: tuple[float, ...] = (0.0, 0.0)) -> PanelWatch:
        """Start one."""
        older: Any = self.older
        made = PanelWatch(self.mark, lambda: self.told.append("told"), self.shown_by, older)
        made.start(looks)
        return made

    def ended(self, watch: PanelWatch) -> bool:
        """Wait for its end."""
        watch._thread.join(10)
        return not watch._thread.is_alive()


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    """Make one."""
    return Watched(tmp_path)


def test_it_is_told_once_for_ever(watched: Watched) -> None:
    """At the first start without a panel; later ones look, and say nothing."""
    assert watched.ended(watched.watch())
    assert watched.told == ["told"]
    assert watched.mark.exists()
    assert watched.ended(watched.watch())
    assert (watched.told, watched.looks) == (["told"], 4)


def test_a_panel_makes_it_silent(watched: Watched) -> None:
    """Nothing is told, and a start without a panel later would still be."""
    watched.by = STATUS_NOTIFIER
    assert watched.ended(watched.watch())
    assert (watched.told, watched.looks, watched.mark.exists()) == ([], 1, False)
    assert watched.older.came.empty()


def test_it_waits_for_the_login(watched: Watched) -> None:
    """A panel may come later than we: until then nothing is looked at; stopping ends the wait."""
    watch = watched.watch(NEVER)
    assert watch._thread.is_alive()
    watch.stop()
    assert watched.ended(watch)
    assert (watched.told, watched.looks) == ([], 0)


def test_a_display_that_hangs_is_looked_at_again_and_nothing_is_told(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody knows then whether a panel is there."""
    monkeypatch.setattr(panel_check, "TIMEOUT", 0.01)
    watched.answers.clear()
    assert watched.ended(watched.watch())
    watched.answers.set()
    assert (watched.told, watched.looks, watched.mark.exists()) == ([], 2, False)


def test_a_full_disk_means_to_be_told_again(watched: Watched, tmp_path: Path) -> None:
    """What cannot be remembered harms nothing."""
    watched.mark = tmp_path / "file" / "mark"
    watched.mark.parent.touch()
    assert watched.ended(watched.watch())
    assert watched.told == ["told"]


def test_an_older_panel_gets_the_icon(watched: Watched) -> None:
    """As long as it is there; nothing is told, and stopping takes the icon away."""
    watched.by = XEMBED
    watch = watched.watch()
    assert watched.older.came.get(timeout=10)
    watch.stop()
    assert watched.ended(watch)
    assert watched.told == []
    assert watched.older.came.empty()


def test_a_newer_panel_ends_it(watched: Watched) -> None:
    """When another panel comes, the icon leaves the older one."""
    watched.by = XEMBED
    watch = watched.watch()
    assert watched.older.came.get(timeout=10)
    watched.by = STATUS_NOTIFIER
    watched.older.leave()
    assert watched.ended(watch)
    assert watched.told == []


def test_an_older_panel_that_throws_it_out_is_none(watched: Watched) -> None:
    """After ten times it is given up, and told that no panel shows the icon."""
    watched.by = XEMBED
    watched.older.stays = False
    assert watched.ended(watched.watch())
    assert watched.older.came.qsize() == 10
    assert watched.told == ["told"]
