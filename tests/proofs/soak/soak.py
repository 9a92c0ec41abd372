"""The run: everybody does what they do, until time is up; then all must be where it belongs."""

import contextlib
import json
import random
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Final

import pytest

from tests.proofs.soak.editor import Editor
from tests.proofs.soak.samples import Sample, Trend, look, trends
from tests.proofs.soak.trouble import Life, Trouble
from tests.support import machine
from tests.support.home import Home
from tests.support.oracle import faults
from tests.support.processes import Process, wait_until
from tests.support.standin import Standin

PRODUCERS: Final = 4
_LAST: Final = 180.0  # seconds that the last ones may take


class Producers:
    """Each process queues `share` memories, in its own way; then another takes its place."""

    def __init__(self, home: Home, rng: random.Random, share: int) -> None:
        self.accepted: list[str] = []
        self.faults: list[str] = []
        self._home, self._rng, self._share = home, rng, share
        self._started = 0
        self._running: list[Process] = []

    def step(self) -> float:
        """Replace those that are done; seconds until the next look."""
        for process in [process for process in self._running if not process.alive]:
            self._running.remove(process)
            self._collect(process)
        while len(self._running) < PRODUCERS:
            self._running.append(self._start())
        return 0.2

    def _start(self) -> Process:
        self._started += 1
        pause = self._rng.choice(["0.02", "0.05", "0.1"])
        options = ["--count", str(self._share), "--pause", pause, "--give-up", "1"]
        if self._rng.random() < 0.5:
            options.append("--replace")
        return self._home.producer("--label", f"producer {self._started}", *options)

    def _collect(self, process: Process) -> None:
        if process.popen.returncode:
            self.faults.append(f"a producer failed: {process.err[-500:]}")
        else:
            self.accepted += json.loads(process.out)["contents"]

    def finish(self) -> None:
        for process in self._running:
            process.wait(_LAST)
            self._collect(process)
        self._running = []


DEADLY: Final = 1 / 3  # of the time the worker is killed again and again; then it must live
SAMPLES: Final = 900  # over the whole time
PATIENCE: Final = 180.0  # seconds to deliver what is left
# Shorter than what hangs, and longer than a busy machine keeps the stand-in from its work: no
# client can help it when a server says that it has nothing, and then stores a late request.
ENV: Final = {"MEM0TRAY_SYNC_TIMEOUT": "2"}


@dataclass(frozen=True, slots=True)
class Result:
    """What the run came to; `faults` holds a sentence for each thing that is wrong."""

    seed: int
    seconds: float
    queued: int
    stored: int
    ends: dict[str, int]  # of workers, by kind
    troubles: dict[str, int]
    edits: dict[str, int]
    samples: list[Sample]
    trends: list[Trend]
    faults: list[str]


class Soak:
    """One run in a scratch home; `tell` is given a line about how far it is."""

    def __init__(
        self,
        home: Home,
        server: Standin,
        seconds: float,
        seed: int,
        tell: Callable[[str], None],
        *,
        disk: bool,
    ) -> None:
        def rng(name: str) -> random.Random:
            return random.Random(f"{seed} {name}")  # noqa: S311 - to be repeated, not to be secret

        self._home, self._server, self._tell = home, server, tell
        self._seconds, self._seed = seconds, seed
        share = max(20, min(150, int(4 * seconds)))  # the last one's is waited for
        self._producers = Producers(home, rng("producers"), share)
        self._editor = Editor(home, rng("editor"))
        self._trouble = Trouble(home, server, rng("trouble"), disk=disk)
        self._life = Life(home, rng("life"), ENV)
        self._samples: list[Sample] = []
        self._started = time.monotonic()

    def run(self) -> Result:
        actors = [self._producers.step, self._editor.step, self._trouble.step, self._life.step]
        self._let_act([*actors, self._watch])
        self._trouble.finish()
        self._producers.finish()
        self._come_to_rest()
        return self._judge()

    def _let_act(self, actors: Iterable[Callable[[], float]]) -> None:
        """Call each again and again; it says after how many seconds."""
        due = [(0.0, number, actor) for number, actor in enumerate(actors)]
        while due[0][0] < self._seconds:
            at, number, actor = heappop(due)
            time.sleep(max(0.0, at - self._elapsed()))
            pause = actor()
            heappush(due, (self._elapsed() + pause, number, actor))

    def _elapsed(self) -> float:
        return time.monotonic() - self._started

    def _watch(self) -> float:
        """Take a sample, say how far we are, and let the worker live when it is time."""
        self._life.deadly = self._elapsed() < self._seconds * DEADLY
        self._server.forget()
        stored = self._server.total_stored()
        if sample := look(self._home, self._life.worker, self._elapsed(), stored):
            self._samples.append(sample)
            self._tell(
                f"{sample.at:6.0f} of {self._seconds:.0f} s  {stored:7,} stored"
                f"  {sample.dead:4} dead  {sample.memory >> 20:4} MB"
                f"  {sample.descriptors:3} descriptors  {sample.threads:2} threads"
                f"  {sum(self._life.ends.values()):3} ends  {self._trouble.now}"
            )
        return max(0.2, self._seconds / SAMPLES)

    def _come_to_rest(self) -> None:
        self._life.deadly = False

        def resting() -> bool:
            self._life.tend()
            self._home.run("retry", "--all")
            return not self._home.queue_items() and not self._home.dlq_items()

        with contextlib.suppress(AssertionError):  # the oracle says what is wrong
            wait_until(resting, PATIENCE, "all delivered", every=0.5)
        self._life.worker.stop()

    def _judge(self) -> Result:
        accepted = [*self._producers.accepted, *self._editor.accepted]
        offered = self._editor.offered
        told = faults(
            self._home,
            self._server,
            [text for text in accepted if text not in offered],
            discarded=self._editor.discarded,
            offered=offered,
        )
        told += [*self._producers.faults, *self._life.faults]
        told += [line for line in self._home.printed().splitlines() if "Traceback" in line]
        stored = self._server.total_stored()
        return Result(
            seed=self._seed,
            seconds=self._elapsed(),
            queued=len(accepted),
            stored=stored,
            ends=dict(self._life.ends),
            troubles=dict(self._trouble.seen),
            edits=dict(self._editor.done),
            samples=self._samples,
            trends=trends(self._samples),
            faults=told,
        )


@contextmanager
def own_disk(home: Home, size: str) -> Iterator[bool]:
    """Put the data folder on a small disk; whether that is allowed here."""
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(machine.small_disk(home.data, size))
        except pytest.skip.Exception:
            yield False
        else:
            yield True


def soak(
    home: Home, server: Standin, seconds: float, seed: int, tell: Callable[[str], None]
) -> Result:
    with own_disk(home, "96m") as disk:
        return Soak(home, server, seconds, seed, tell, disk=disk).run()
