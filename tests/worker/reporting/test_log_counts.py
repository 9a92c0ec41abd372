"""What the log counts up and tells together: deliveries, and waits beyond ten in a minute."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

from mem0tray.config.settings import LogSettings
from mem0tray.core import events
from mem0tray.core.events import Event
from mem0tray.system.paths import Paths
from mem0tray.worker.reporting.log import BACKOFFS_PER_MINUTE, EventLog

DELIVERED: Final = events.Delivered("p", "a")
WAITS: Final = events.InBackoff("p", "a", 30.0)
MANY: Final = BACKOFFS_PER_MINUTE + 2


class Timer:
    """A stand-in for a timer, which runs when the test says so."""

    begun: list["Timer"]

    def __init__(self, interval: float, function: Callable[[], None]) -> None:
        self.interval = interval
        self.function = function
        self.daemon = False
        self.cancelled = False

    def start(self) -> None:
        assert self.daemon  # or the program would wait for it at its end
        self.begun.append(self)

    def cancel(self) -> None:
        self.cancelled = True


class LogScene:
    """A log, its timers, and the time in Unix seconds."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 6_000.0  # a minute begins
        self.timers: list[Timer] = []
        Timer.begun = self.timers
        self._paths = Paths(folder, folder)
        self.log = EventLog(self._paths, LogSettings())
        monkeypatch.setattr(threading, "Timer", Timer)
        monkeypatch.setattr(time, "time", lambda: self.now)

    def tell(self, event: Event, count: int = 1) -> list[str]:
        for _ in range(count):
            self.log(event)
        return self.lines()

    def lines(self) -> list[str]:
        if not self._paths.log.exists():
            return []
        text = self._paths.log.read_text(encoding="utf-8")
        return [line.partition(" ")[2] for line in text.splitlines()]

    def ring(self, after: float = 0.0) -> list[str]:
        """Let the time come for which the last timer was set; all lines so far."""
        (timer,) = (each for each in self.timers if not each.cancelled)
        self.now += after
        timer.function()
        return self.lines()

    def intervals(self) -> list[float]:
        return [each.interval for each in self.timers if not each.cancelled]


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LogScene]:
    made = LogScene(tmp_path, monkeypatch)
    yield made
    made.log.close()


def test_deliveries_are_told_a_second_after_the_first(scene: LogScene) -> None:
    assert scene.tell(DELIVERED, 3) == []
    assert scene.intervals() == [1.0]
    assert scene.ring() == ["✅ Delivered 3 memories"]
    assert scene.intervals() == []
    scene.tell(DELIVERED)
    assert scene.ring()[1:] == ["✅ Delivered 1 memory"]


def test_a_timer_that_the_system_refuses_is_set_again_at_the_next_delivery(
    scene: LogScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_timer: Timer) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(Timer, "start", refuse)
        scene.tell(DELIVERED)
    scene.tell(DELIVERED)
    assert scene.ring() == ["✅ Delivered 2 memories"]


def test_ten_waits_in_a_minute_are_told_by_name(scene: LogScene) -> None:
    line = "⏸️ Waiting backoff: p (ID: a...) (retry in 30s)"
    assert scene.tell(WAITS, BACKOFFS_PER_MINUTE) == [line] * BACKOFFS_PER_MINUTE
    assert scene.intervals() == []
    assert len(scene.tell(WAITS, 2)) == BACKOFFS_PER_MINUTE
    assert scene.intervals() == [60.0]
    assert scene.ring(60.0)[BACKOFFS_PER_MINUTE:] == ["⏸️ Waiting backoff: 2 items more"]
    assert scene.intervals() == []
    scene.tell(WAITS, BACKOFFS_PER_MINUTE)
    assert len(scene.lines()) == 2 * BACKOFFS_PER_MINUTE + 1


def test_a_new_minute_begins_with_what_was_left_of_the_last(scene: LogScene) -> None:
    scene.tell(WAITS, BACKOFFS_PER_MINUTE + 1)
    scene.now += 59.9
    assert len(scene.tell(WAITS)) == BACKOFFS_PER_MINUTE
    scene.now += 0.1
    more, wait = scene.tell(WAITS)[BACKOFFS_PER_MINUTE:]
    assert more == "⏸️ Waiting backoff: 2 items more"
    assert "(ID: a...)" in wait
    assert len(scene.tell(WAITS, MANY)) == 2 * BACKOFFS_PER_MINUTE + 1


def test_a_minute_is_any_sixty_seconds(scene: LogScene) -> None:
    for seconds in (0.0, 50.0, 5.0):
        scene.now += seconds
        scene.tell(WAITS, BACKOFFS_PER_MINUTE - 1)
    assert len(scene.lines()) == BACKOFFS_PER_MINUTE
    scene.now += 5.0
    assert len(scene.tell(WAITS, MANY)) == 2 * BACKOFFS_PER_MINUTE  # a sum, and nine by name


def test_as_many_as_are_told_by_name_leave_nothing_to_tell(scene: LogScene) -> None:
    scene.tell(WAITS, BACKOFFS_PER_MINUTE)
    scene.now += 60.0
    assert "(ID: a...)" in scene.tell(WAITS)[-1]
    assert len(scene.lines()) == BACKOFFS_PER_MINUTE + 1


def test_waits_that_come_as_a_number_are_added(scene: LogScene) -> None:
    scene.tell(WAITS, BACKOFFS_PER_MINUTE + 1)
    scene.tell(events.MoreInBackoff(3))
    scene.tell(events.MoreInBackoff(4))
    assert scene.intervals() == [60.0]
    assert scene.ring(60.0)[-1] == "⏸️ Waiting backoff: 8 items more"


def test_within_the_minute_the_timer_is_set_again(scene: LogScene) -> None:
    """A timer of deliveries does not tell of the waits too early, and does not forget them."""
    scene.tell(WAITS, BACKOFFS_PER_MINUTE + 1)
    scene.tell(DELIVERED)
    assert scene.intervals() == [1.0]
    assert scene.ring(1.0)[BACKOFFS_PER_MINUTE:] == ["✅ Delivered 1 memory"]
    assert scene.intervals() == [60.0]
    assert scene.ring(60.0)[-1] == "⏸️ Waiting backoff: 1 item more"
    assert scene.intervals() == []


def test_a_timer_that_rings_sooner_is_kept(scene: LogScene) -> None:
    scene.tell(DELIVERED)
    scene.tell(events.MoreInBackoff(30))
    assert scene.intervals() == [1.0]
    assert len(scene.timers) == 1


def test_the_end_of_the_worker_is_told_last(scene: LogScene) -> None:
    scene.tell(DELIVERED, 2)
    scene.tell(events.WorkerStopped())
    scene.log.close()
    assert scene.lines() == ["✅ Delivered 2 memories", "⏹️ Worker stopped"]
    assert scene.intervals() == []


def test_closing_tells_what_is_counted(scene: LogScene) -> None:
    scene.tell(DELIVERED)
    scene.log.close()
    assert scene.lines() == ["✅ Delivered 1 memory"]


def test_what_the_log_does_not_tell_makes_no_line(scene: LogScene) -> None:
    assert scene.tell(events.StatusWanted()) == []
