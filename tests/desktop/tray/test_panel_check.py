"""Telling once that no panel shows the icon."""

import queue
from pathlib import Path

import pytest

from mem0tray.desktop.tray.panel_check import HostWatch

NEVER = 3600.0


class Watched:
    """A watch, and what it told."""

    def __init__(self, folder: Path) -> None:
        self.mark = folder / "no-panel-told"
        self.told: list[str] = []
        self.looks: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.there = False

    def is_there(self) -> bool:
        """Whether a panel is there."""
        self.looks.put("look")
        return self.there

    def watch(self, patience: float = 0.0) -> HostWatch:
        """Start one."""
        made = HostWatch(self.mark, lambda: self.told.append("told"), is_there=self.is_there)
        made.start(patience)
        return made

    def ended(self, watch: HostWatch) -> bool:
        """Wait for its end."""
        watch._thread.join(10)
        return not watch._thread.is_alive()


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    """Make one."""
    return Watched(tmp_path)


def test_it_is_told_once_for_ever(watched: Watched) -> None:
    """At the first start without a panel; later starts do not even look."""
    assert watched.ended(watched.watch())
    assert watched.told == ["told"]
    assert watched.mark.exists()
    assert watched.ended(watched.watch())
    assert watched.told == ["told"]
    watched.looks.get(timeout=10)
    assert watched.looks.empty()


def test_a_panel_makes_it_silent(watched: Watched) -> None:
    """Nothing is told, and a start without a panel later would still be."""
    watched.there = True
    assert watched.ended(watched.watch())
    assert watched.told == []
    assert not watched.mark.exists()


def test_it_waits_for_the_login(watched: Watched) -> None:
    """A panel may come later than we: until then nothing is looked at; stopping ends the wait."""
    watch = watched.watch(NEVER)
    assert watch._thread.is_alive()
    watch.stop()
    assert watched.ended(watch)
    assert (watched.told, watched.looks.empty()) == ([], True)


def test_a_full_disk_means_to_be_told_again(watched: Watched, tmp_path: Path) -> None:
    """What cannot be remembered harms nothing."""
    watched.mark = tmp_path / "file" / "mark"
    watched.mark.parent.touch()
    assert watched.ended(watched.watch())
    assert watched.told == ["told"]
