"""Plays hours of events to the real tray: `python -m tests.proofs.day.player HOURS SEED FOLDER`.

Runs within a desktop. A line of JSON for each hour says what the process needs;
the last one lists the notifications with their times, and what was expected.
"""

import gc
import json
import random
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dbus_fast import Message

from mem0tray.alerts import AlertWatch
from mem0tray.config.settings import Settings
from mem0tray.core.events import Events
from mem0tray.core.language import Language
from mem0tray.desktop import session
from mem0tray.desktop.bus import DBUS, DBUS_PATH
from mem0tray.desktop.notify import Notice
from mem0tray.desktop.notify.dbus import Daemon
from mem0tray.desktop.notify.notifier import Notifier
from mem0tray.desktop.tray import Tray
from mem0tray.desktop.tray.icon import notice_icon
from mem0tray.desktop.tray.presenter import Presenter
from mem0tray.system.threads import Clock, Signal
from tests.proofs.day.story import Day, World

NOON: Final = 1_764_500_400.0
_STORMY: Final = 4  # every so manieth hour
_ENGLISH: Final = Language("en")


class Player:
    """Everything between the events and the screen, with a clock in hand."""

    def __init__(self, folder: Path, seed: int) -> None:
        self._clock = SteppedClock(NOON, waiters=2)
        self._bus = Events()
        self._world = World(random.Random(seed), self._clock.wall)  # noqa: S311  (the same day again)
        self._day = Day(self._world)
        self.shown: list[tuple[float, str, bool]] = []  # when, title, in a stormy time
        self._stormy = False
        bus, missing = session.connected()
        assert bus is not None, missing
        self._session_bus = bus
        self.tray = Tray(lambda _: None, self._session_bus)
        self._backend = _Noted(Daemon(self._session_bus, notice_icon), self._note)
        settings = Settings()
        told = folder / "told.json"
        watch = AlertWatch(self._bus, lambda: settings, self._world.counts, told, self._clock)
        self._notifier = Notifier(
            self._bus, self._backend, watch, lambda: settings, lambda: _ENGLISH, self._clock
        )
        self._presenter = Presenter(
            self.tray,
            self._world.view,
            lambda: settings,
            lambda: _ENGLISH,
            clock=self._clock,
        )
        self._bus.subscribe(self._presenter)

    def _note(self, notice: Notice) -> None:
        self.shown.append((self._clock.now(), notice.name, self._stormy))

    def play(self, hours: int) -> None:
        """Play them, and leave."""
        try:
            self._notifier.start()
            self._presenter.start()
            self._clock.rest()
            for hour in range(hours):
                self._play_hour(stormy=hour % _STORMY == _STORMY - 1)
                _tell({"hour": hour + 1, **needs()})
            self._clock.advance(3600.0)  # whatever had to wait
            _tell({"shown": self.shown, "expected": self._day.expected})
        finally:
            self._presenter.stop()
            self._notifier.stop()
            self.tray.stop()

    def _play_hour(self, *, stormy: bool) -> None:
        if stormy:
            self._stormy = True
        for seconds, found in self._day.hour(stormy=stormy):
            self._clock.advance(seconds)
            for event in found:
                marks = self._clock.marks()
                self._bus.emit(event)
                self._clock.rest(after=marks)
            self._drawn()
        if stormy:  # what was held back is summed up within the hour after it
            self._clock.advance(2 * 3600.0)
            self._stormy = False

    def _drawn(self) -> None:
        """Wait until the panel has been told all that it is to show."""
        self._session_bus.call(Message(DBUS, DBUS_PATH, DBUS, "GetId"))


class _Noted:
    """Notes what it shows."""

    def __init__(self, daemon: Daemon, note: Callable[[Notice], None]) -> None:
        self._daemon = daemon
        self._note = note
        self.name = daemon.name
        self.withdraw = daemon.withdraw

    def show(self, notice: Notice) -> None:
        """Show it; what cannot be shown is missing from the notes."""
        self._daemon.show(notice)
        self._note(notice)


def needs() -> dict[str, int]:
    """Memory in bytes (resident, and what no file stands behind), descriptors and threads.

    Neither the proportional nor the private size: both grow whenever another program ends
    that shared a library with this process.
    """
    gc.collect()
    me = Path("/proc/self")
    sizes = dict(
        line.split(":", 1) for line in (me / "smaps_rollup").read_text().splitlines() if ":" in line
    )
    return {
        "rss": int(sizes["Rss"].split()[0]) * 1024,
        "anonymous": int(sizes["Anonymous"].split()[0]) * 1024,
        "descriptors": len(list((me / "fd").iterdir())) - 1,
        "threads": len(list((me / "task").iterdir())),
    }


def _tell(values: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(values) + "\n")
    sys.stdout.flush()


def main() -> None:
    """The icon on the main thread, the day on another."""
    hours, seed, folder = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    player = Player(folder, seed)
    thread = threading.Thread(target=player.play, args=(hours,), name="day")
    player.tray.run(thread.start, lambda: None)
    thread.join(LIMIT)


LIMIT = 20.0  # real seconds in which a thread must have done its work


@dataclass(frozen=True, slots=True)
class _Wait:
    """A thread waits for a signal, until then at most."""

    signal: Signal
    until: float


class SteppedClock(Clock):
    """Time passes in `advance` alone. `waiters` threads wait by it, each for its own signal."""

    def __init__(self, wall: float, waiters: int) -> None:
        self._now = 1_000.0
        self._wall = wall - self._now
        self._waiters = waiters
        self._changed = threading.Condition()
        self._waits: dict[int, _Wait] = {}
        self._begun: dict[int, int] = {}  # how often a signal was waited for

    def now(self) -> float:
        """As it was set last."""
        return self._now

    def wall(self) -> float:
        """The same, in Unix seconds."""
        return self._now + self._wall

    def wait(self, signal: Signal, seconds: float) -> None:
        """Until the signal is given, or time has been moved so far."""
        key = id(signal)
        with self._changed:
            self._waits[key] = _Wait(signal, self._now + seconds)
            self._begun[key] = self._begun.get(key, 0) + 1
            self._changed.notify_all()
        signal.wait()
        with self._changed:
            del self._waits[key]

    # For the thread that moves it ---------------------------------------------------------

    def rest(self, *, after: dict[int, int] | None = None) -> None:
        """Wait until everybody waits again: those of `after` (see `marks`) anew."""
        with self._changed:
            rests = self._changed.wait_for(lambda: self._rests(after or {}), LIMIT)
        assert rests, f"not at rest: {self._waits}"

    def _rests(self, after: dict[int, int]) -> bool:
        return len(self._waits) == self._waiters and all(
            self._begun[key] > after.get(key, 0) and not _is_given(wait.signal)
            for key, wait in self._waits.items()
        )

    def marks(self) -> dict[int, int]:
        """How often each condition was waited for: one more wait, and its thread has looked."""
        with self._changed:
            return {
                key: self._begun[key]
                for key, wait in self._waits.items()
                if isinstance(wait.signal, threading.Condition)
            }

    def advance(self, seconds: float) -> None:
        """Let time pass, and everybody do what is due at its own moment."""
        end = self._now + seconds
        while (due := min(self._waits.values(), key=lambda wait: wait.until)).until <= end:
            self._now = max(self._now, due.until)
            marks = {key: number for key, number in self.marks().items() if key == id(due.signal)}
            _give(due.signal)
            self.rest(after=marks)
        self._now = end


def _is_given(signal: Signal) -> bool:
    return isinstance(signal, threading.Event) and signal.is_set()


def _give(signal: Signal) -> None:
    if isinstance(signal, threading.Event):
        signal.set()
    elif isinstance(signal, threading.Condition):
        with signal:
            signal.notify_all()
    else:
        raise TypeError(signal)


if __name__ == "__main__":
    main()
