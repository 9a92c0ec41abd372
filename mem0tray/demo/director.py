"""Plays the story on the stage, and checks that it ends as told."""

import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from mem0tray.core.errors import Mem0TrayError
from mem0tray.demo import story
from mem0tray.demo.progress import ActBegan, Commanded, Kept, Logged, Looked, Queued, Said, Teller
from mem0tray.demo.stage import Stage
from mem0tray.demo.story import Act, StoryMemory, StorySnapshot

_LOOK: Final = 0.05
_SHORT: Final = 0.5  # the share of the reading time for what takes a glance
_KEEP: Final = "`mem0tray demo --keep` keeps the scratch home, with the worker's log."


class BrokenPromiseError(Mem0TrayError):
    """The story went otherwise than told."""


class InterruptedDemoError(Exception):
    """The person watching has stopped the demo."""


@dataclass(frozen=True, slots=True)
class StoryPace:
    """How fast the story is told; all in seconds.

    `reading` is the time for a sentence, `interval` the time between probes and
    between retries; a promise is awaited for `patience`.
    """

    reading: float = 1.0
    interval: float = 1.0
    patience: float = 60.0  # a busy machine starts a program in 15


CALM: Final = StoryPace()
FAST: Final = StoryPace(reading=0.0, interval=0.1)


@dataclass(slots=True)
class Told:
    """An act as it went: the promises kept, and how long it took (seconds)."""

    title: str
    kept: list[str] = field(default_factory=list)
    seconds: float = 0.0


@dataclass(slots=True)
class StoryRecord:
    """What happened. `queued` are the memories of the story; `seen` is the last look."""

    acts: list[Told] = field(default_factory=list)
    queued: list[StoryMemory] = field(default_factory=list)
    seen: StorySnapshot = field(default_factory=StorySnapshot)
    seconds: float = 0.0

    @property
    def lost(self) -> list[StoryMemory]:
        """The memories that were queued and that the server does not have."""
        return list((Counter(self.queued) - Counter(self.seen.stored)).elements())

    @property
    def surplus(self) -> list[StoryMemory]:
        """What the server has beyond what was queued, such as a memory delivered twice."""
        return list((Counter(self.seen.stored) - Counter(self.queued)).elements())


class Director:
    """Plays a story once, and calls `tell` with everything that happens, on its own thread.

    Any thread may set `stop`, which ends the story at once.
    """

    def __init__(self, stage: Stage, tell: Teller, pace: StoryPace, stop: threading.Event) -> None:
        self.record = StoryRecord()
        self._stage = stage
        self._tell = tell
        self._pace = pace
        self._stop = stop
        self._act = Act("", ())
        self._lines = 0  # lines of the log looked through so far

    def play(self, acts: Sequence[Act]) -> None:
        """Play all acts, and fill the record.

        Raises BrokenPromiseError as soon as something goes otherwise than told,
        StageError when the demo cannot go on, InterruptedDemoError on `stop`.
        """
        began = time.monotonic()
        try:
            for number, act in enumerate(acts, 1):
                self._play_act(number, act)
        finally:
            self.record.seconds = time.monotonic() - began
        if self.record.lost or self.record.surplus:
            raise _broken("The server has not exactly what was queued", "at the end")

    def _play_act(self, number: int, act: Act) -> None:
        began = time.monotonic()
        told = Told(act.title)
        self.record.acts.append(told)
        self._act = act
        self._tell(ActBegan(number, act))
        self._read(_SHORT)
        try:
            for step in act.steps:
                self._take(step, told)
            self._read()
        finally:
            told.seconds = time.monotonic() - began

    def _take(self, step: story.Step, told: Told) -> None:
        match step:
            case story.Say(text):
                self._tell(Said(text))
                self._read()
            case story.Queue(memories):
                for memory in memories:
                    self._queue(memory)
            case story.Inject(faults):
                self._stage.inject(faults)
            case story.TypedCommand(arguments):
                self._tell(Commanded(arguments, self._stage.command(*arguments)))
                self._read()
            case story.Hold(intervals):
                self._wait(intervals * self._pace.interval)
            case story.Await(promise, holds):
                self._await(promise, holds)
                self._keep(promise, told)
            case story.Promise(promise, holds):
                if not holds(self._look()):
                    raise _broken(promise, "is not so")
                self._keep(promise, told)

    def _queue(self, memory: StoryMemory) -> None:
        self._stage.queue(memory)
        self.record.queued.append(memory)
        self._tell(Queued(memory))
        self._wait(0.0)

    def _keep(self, promise: str, told: Told) -> None:
        told.kept.append(promise)
        self._tell(Kept(promise))
        self._read(_SHORT)

    def _await(self, promise: str, holds: story.Holds) -> None:
        deadline = time.monotonic() + self._pace.patience
        while not holds(self._look()):
            if time.monotonic() > deadline:
                raise _broken(promise, f"has not come true within {self._pace.patience:g} s")
            self._pause(_LOOK)

    def _read(self, share: float = 1.0) -> None:
        """Wait for people to read, while also looking at everything."""
        self._wait(share * self._pace.reading)

    def _wait(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        self._look()
        while (left := deadline - time.monotonic()) > 0:
            self._pause(min(left, _LOOK))
            self._look()

    def _pause(self, seconds: float) -> None:
        if self._stop.wait(seconds):
            raise InterruptedDemoError

    def _look(self) -> StorySnapshot:
        """See how everything is now, and tell new lines of the log."""
        if self._stop.is_set():
            raise InterruptedDemoError
        seen = self.record.seen = self._stage.look()
        for line in seen.log[self._lines :]:
            if any(words in line for words in self._act.shows):
                self._tell(Logged(line))
        self._lines = len(seen.log)
        self._tell(Looked(seen))
        return seen


def _broken(promise: str, how: str) -> BrokenPromiseError:
    words = promise.rstrip(".")
    return BrokenPromiseError(f"The demo did not go as told: “{words}” {how}.", _KEEP)
