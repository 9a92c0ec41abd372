"""One run of an act: its home, its server, and what is done to the program on the way."""

import signal
from collections.abc import Callable, Sequence
from typing import Final

from tests.proofs.syscalls.strace import Tracing
from tests.support.forked import ForkedHome
from tests.support.processes import Process, wait_until
from tests.support.standin import Standin

# Short waits, so that a run takes well under a second; no more senders than each lane
# needs, so that each makes about the same calls in every run.
QUICK: Final = {
    "MEM0TRAY_SYNC_PROBE_INTERVAL": "0.1",
    "MEM0TRAY_SYNC_RETRY_INTERVAL": "0.02",
    "MEM0TRAY_SYNC_CONCURRENCY": "2",
}
PATIENCE: Final = 60.0  # seconds, for a worker that waits five before it tries again
KILLED: Final = -signal.SIGKILL
LEFT: Final = (1, 2)  # failed, or the settings are wrong: they cannot be read either


class DiedError(Exception):
    """The program was killed, or left because of a fault: the user starts it again."""


class Stage:
    """Where an act is played.

    What `spoil` was given is done to the next starts of the program, one each;
    those after them are left alone.
    """

    def __init__(self, home: ForkedHome, server: Standin) -> None:
        self.home = home
        self.server = server
        self.remembered: dict[str, str] = {}  # what an act has done already
        self.promised: list[str] = []  # texts that a command has acknowledged
        self.killed = 0
        self.ended_early: list[str] = []  # standard errors of programs that left by themselves
        self._tracings: list[Tracing] = []
        self._spoilt: list[Process] = []
        home.env |= QUICK

    def spoil(self, tracings: Sequence[Tracing]) -> None:
        self._tracings = list(tracings)

    def start(self, *arguments: str) -> Process:
        if not self._tracings:
            return self.home.start(*arguments)
        process = self.home.start(*arguments, before=self._tracings.pop(0).before)
        self._spoilt.append(process)
        return process

    def end(self, process: Process) -> int:
        """Wait for the end of a program; DiedError when it was killed."""
        code = process.wait(PATIENCE)
        assert "Traceback" not in process.err, process.err
        if code == KILLED:
            self.killed += 1
            raise DiedError
        return code

    def command(self, *arguments: str) -> None:
        """Run a command to its end. DiedError when it was killed, or failed because of a fault."""
        process = self.start(*arguments)
        if self.end(process) and process in self._spoilt:
            self.ended_early.append(process.err)
            raise DiedError

    def until(self, worker: Process, holds: Callable[[], object], what: str) -> None:
        """Wait until something holds while a worker runs; DiedError when it ends before."""

        def held_or_dead() -> bool:
            return bool(holds()) or not worker.alive

        wait_until(held_or_dead, PATIENCE, what, every=0.005, explain=self.said)
        if not worker.alive and not holds():
            code = self.end(worker)
            assert worker in self._spoilt, f"ended with {code}: {worker.err}"
            assert code in LEFT, f"ended with {code}: {worker.err}"
            self.ended_early.append(worker.err)
            raise DiedError

    def said(self) -> str:
        return f"{self.home.log_text()}\n{self.home.printed()}"
