"""Four foreign producers that never rest."""

import json
import random
from typing import Final

from tests.support.home import Home
from tests.support.processes import Process

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
        """Let the last ones do their share."""
        for process in self._running:
            process.wait(_LAST)
            self._collect(process)
        self._running = []
