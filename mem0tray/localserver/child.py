"""The embedded server as the worker sees it: found, or started as a child, or restarted."""

import os
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from mem0tray.core import reasons
from mem0tray.core.errors import Mem0TrayError
from mem0tray.core.reasons import Reason
from mem0tray.core.text import one_line
from mem0tray.files.private_folders import make_private_folder
from mem0tray.localserver import endpoint
from mem0tray.localserver.endpoint import ANSWER_SECONDS, Endpoint, find
from mem0tray.system import programs, regular_file

READY_SECONDS = 10.0
_POLL_SECONDS = 0.01
SOUND_SECONDS = 60.0
LONGEST_SECONDS = 60.0


@dataclass(slots=True)
class RestartWait:
    """The wait before a server is started again: none after its first death, then 1, 2, 4, … 60 s.

    `now` is a monotonic time in seconds. A server that has lived for a minute
    counts as sound, and its death as the first.
    """

    deaths: int = 0
    _started: float = 0.0
    _not_before: float = float("-inf")

    def started(self, now: float) -> None:
        """Note that a server was started."""
        self._started = now

    def died(self, now: float) -> None:
        """Note that the server died, or never became ready."""
        if now - self._started >= SOUND_SECONDS:
            self.deaths = 0
        self.deaths += 1
        exponent = min(self.deaths - 2, 10)
        delay = min(2.0**exponent, LONGEST_SECONDS) if exponent >= 0 else 0.0
        self._not_before = now + delay

    def remaining(self, now: float) -> float:
        """Return the seconds until the next start is allowed; 0 once it is."""
        return max(0.0, self._not_before - now)


class LocalServerError(Mem0TrayError):
    """The embedded server does not run, and could not be started.

    `retry_in` is the number of seconds after which another `ensure` may start it.
    """

    def __init__(
        self, message: Reason, remedy: Reason = reasons.NONE, retry_in: float = 0.0
    ) -> None:
        super().__init__(message, remedy)
        self.retry_in = retry_in


class LocalServer:
    """The embedded server of `folder`, started as a child when none runs.

    `ensure` and `stop` may be called from different threads; `stop` ends an
    `ensure` that is still waiting. A server that does not answer for
    `patience` seconds counts as dead.
    """

    def __init__(self, folder: Path, port: int, *, patience: float = ANSWER_SECONDS) -> None:
        self._folder = folder
        self._port = port
        self._patience = patience
        self._child: subprocess.Popen[bytes] | None = None
        self._restart_wait = RestartWait()
        self._problem: tuple[Reason, Reason] = (reasons.NONE, reasons.NONE)
        self._guard = threading.Lock()
        self._leaving = threading.Event()

    @property
    def child_pid(self) -> int | None:
        """The process that we started and that has not been seen dead."""
        child = self._child
        return child.pid if child is not None else None

    def ensure(self) -> Endpoint:
        """Find the server that runs; start one if need be.

        Takes about a millisecond when one runs, and at most some 15 s.
        Raises LocalServerError when none can be started, or not yet again.
        """
        with self._guard:
            found = find(self._folder, self._patience)
            if found is not None:
                return found
            self._end_child()
            if self._restart_wait.remaining(time.monotonic()) > 0:
                raise self._error()
            self._start()
            return self._wait_until_ready()

    def stop(self) -> None:
        """End the server if we started it; one that we found goes on."""
        self._leaving.set()
        with self._guard:
            self._leaving.clear()
            if self._child is not None:
                programs.end_child(self._child)
                self._child = None

    def _end_child(self) -> None:
        """Account for a child that died; kill one that hangs (nothing stored is lost)."""
        child = self._child
        if child is None:
            return
        hung = child.poll() is None
        if hung:
            child.kill()
        programs.end_child(child)
        self._child = None
        # A child that found another server at work did nothing wrong.
        if child.returncode != endpoint.EXIT_ALREADY_RUNNING:
            self._restart_wait.died(time.monotonic())
        self._problem = (
            Reason("The embedded server did not answer in time.")
            if hung
            else _last_words(self._folder, child.returncode),
            Reason("Its log is {path}.", path=self._folder / endpoint.LOG),
        )

    def _start(self) -> None:
        log = self._folder / endpoint.LOG
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND
        try:
            make_private_folder(self._folder)
            with os.fdopen(regular_file.open_fd(log, flags), "ab") as output:
                self._child = _spawn(self._folder, self._port, output)
        except (OSError, Mem0TrayError) as error:
            self._restart_wait.died(time.monotonic())
            self._problem = (
                Reason("The embedded server could not be started: {why}", why=_why(error)),
                Reason("Check the permissions of {path}.", path=self._folder),
            )
            raise self._error() from error
        self._restart_wait.started(time.monotonic())

    def _wait_until_ready(self) -> Endpoint:
        """Watch for any server to answer: another worker may have been quicker than our child."""
        deadline = time.monotonic() + READY_SECONDS
        child_is_gone = False
        while not child_is_gone and time.monotonic() < deadline:
            # In this order: a child that finds another server at work leaves once that one answers.
            child_is_gone = self._child is None or self._child.poll() is not None
            found = find(self._folder, self._patience)
            if found is not None:
                return found
            if self._leaving.wait(_POLL_SECONDS):
                raise LocalServerError(Reason("The embedded server is being stopped."))
        self._end_child()
        raise self._error()

    def _error(self) -> LocalServerError:
        return LocalServerError(*self._problem, self._restart_wait.remaining(time.monotonic()))


def _spawn(folder: Path, port: int, output: IO[bytes]) -> subprocess.Popen[bytes]:
    # -P and the folder as working directory: a module in the folder where the user
    # started us must not stand in for one of Python's.
    command = [sys.executable, "-P", "-m", "mem0tray.localserver.serve"]
    command += ["--folder", str(folder.absolute()), "--port", str(port), "--lifeline"]
    child: subprocess.Popen[bytes] = subprocess.Popen(  # noqa: S603 - ourselves, with no text of others
        command,
        stdin=subprocess.PIPE,  # the lifeline, by which the child ends with us
        stdout=output,
        stderr=output,
        cwd=folder,
        env=programs.child_environment(),
        **programs.detached(),  # Ctrl-C is for the worker, which stops the server last
    )
    return child


def _why(error: OSError | Mem0TrayError) -> Reason:
    return error.reason if isinstance(error, Mem0TrayError) else reasons.quoted(str(error))


def _last_words(folder: Path, code: int) -> Reason:
    with suppress(OSError):
        tail = regular_file.read_bytes(folder / endpoint.LOG)[-4096:].decode("utf-8", "replace")
        for line in reversed(tail.split("\n")):
            if line.strip():
                return Reason("The embedded server stopped: {why}", why=one_line(line, 300))
    return Reason("The embedded server stopped (exit code {number}).", number=code)
