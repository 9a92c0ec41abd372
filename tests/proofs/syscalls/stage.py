"""One run of an act: its home, its server, and what is done to the program on the way."""

import signal
from collections.abc import Callable, Sequence
from pathlib import Path
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
            self._dead(process)
        return code

    def command(self, *arguments: str) -> Process:
        """Run a command to its end. DiedError when it was killed, or failed because of a fault."""
        process = self.start(*arguments)
        if self.end(process) and process in self._spoilt:
            self.ended_early.append(process.err)
            raise DiedError
        return process

    def until(self, worker: Process, holds: Callable[[], object], what: str) -> None:
        """Wait until something holds while a worker runs; DiedError when it ends before."""

        def held_or_dead() -> bool:
            return bool(holds()) or not worker.alive

        wait_until(held_or_dead, PATIENCE, what, every=0.005, explain=self._explain)
        if not worker.alive and not holds():
            self._dead(worker)

    def _dead(self, process: Process) -> None:
        code = process.wait()
        if code == KILLED:
            self.killed += 1
        else:
            assert process in self._spoilt, f"ended with {code}: {process.err}"
            assert code in LEFT, f"ended with {code}: {process.err}"
            assert "Traceback" not in process.err, process.err
            self.ended_early.append(process.err)
        raise DiedError

    def said(self) -> str:
        return f"{self.home.log_text()}\n{self.home.printed()}"

    def _explain(self) -> str:
        state = f"stored {sorted(text for _, text in self.server.stored)}"
        files = f"queue {self.home.queue_items()}, DLQ {self.home.dlq_texts()}"
        return f"{state}; {files}; {self.home.state()}\n{self.said()[-2000:]}"


def trace_file(root: Path, number: int) -> Path:
    return root / f"trace-{number}"
