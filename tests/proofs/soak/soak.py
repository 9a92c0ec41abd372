"""The run: everybody does what they do, until time is up; then all must be where it belongs."""

import contextlib
import json
import random
import time
from collections.abc import Callable, Iterable
from heapq import heappop, heappush
from typing import Final

import pytest

from tests.proofs.soak.editor import Editor
from tests.proofs.soak.samples import Sample, look
from tests.proofs.soak.trouble import Life, Trouble
from tests.support import machine
from tests.support.home import Home
from tests.support.oracle import faults
from tests.support.processes import Process, wait_until
from tests.support.standin import Standin

PRODUCERS: Final = 4
PATIENCE: Final = 180.0  # seconds that the last ones may take, and to deliver what is left


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
            process.wait(PATIENCE)
            self._collect(process)
        self._running = []


DEADLY: Final = 1 / 3  # of the time the worker is killed again and again; then it must live
SAMPLES: Final = 900  # over the whole time
# Shorter than what hangs, and longer than a busy machine keeps the stand-in from its work: no
# client can help it when a server says that it has nothing, and then stores a late request.
ENV: Final = {"MEM0TRAY_SYNC_TIMEOUT": "2"}


class Soak:
    """One run in a scratch home; `tell` is given a line about how far it is.

    `faults` holds a sentence for each thing that is wrong in the end.
    """

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

        self.faults: list[str] = []
        self.samples: list[Sample] = []
        self.editor = Editor(home, rng("editor"))
        self.trouble = Trouble(home, server, rng("trouble"), disk=disk)
        self.life = Life(home, rng("life"), ENV)
        self._home, self._server, self._tell, self._seconds = home, server, tell, seconds
        share = max(20, min(150, int(4 * seconds)))  # the last one's is waited for
        self._producers = Producers(home, rng("producers"), share)
        self._started = time.monotonic()

    def run(self) -> None:
        actors = [self._producers.step, self.editor.step, self.trouble.step, self.life.step]
        self._let_act([*actors, self._watch])
        self.trouble.finish()
        self._producers.finish()
        self._come_to_rest()
        self._judge()

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
        self.life.deadly = self._elapsed() < self._seconds * DEADLY
        self._server.forget()
        stored = self._server.total_stored()
        if sample := look(self._home, self.life.worker, self._elapsed(), stored):
            self.samples.append(sample)
            self._tell(f"{sample.at:6.0f} of {self._seconds:.0f} s  {sample}  {self.trouble.now}")
        return max(0.2, self._seconds / SAMPLES)

    def _come_to_rest(self) -> None:
        self.life.deadly = False

        def resting() -> bool:
            self.life.tend()
            self._home.run("retry", "--all")
            return not self._home.queue_items() and not self._home.dlq_items()

        with contextlib.suppress(AssertionError):  # the oracle says what is wrong
            wait_until(resting, PATIENCE, "all delivered", every=0.5)
        self.life.worker.stop()

    def _judge(self) -> None:
        accepted = [*self._producers.accepted, *self.editor.accepted]
        offered = self.editor.offered
        self.faults += faults(
            self._home,
            self._server,
            [text for text in accepted if text not in offered],
            discarded=self.editor.discarded,
            offered=offered,
        )
        self.faults += [*self._producers.faults, *self.life.faults]
        self.faults += [line for line in self._home.printed().splitlines() if "Traceback" in line]


def soak(
    home: Home, server: Standin, seconds: float, seed: int, tell: Callable[[str], None]
) -> Soak:
    """Run it, with the data folder on a small disk of its own where that is allowed."""
    with contextlib.ExitStack() as disk:
        may_be_filled = True
        try:
            disk.enter_context(machine.small_disk(home.data, "96m"))
        except pytest.skip.Exception:
            may_be_filled = False
        made = Soak(home, server, seconds, seed, tell, disk=may_be_filled)
        made.run()
        return made
