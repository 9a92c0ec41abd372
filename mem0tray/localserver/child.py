"""The embedded server as the worker sees it: found, or started as a child, or restarted."""

import os
import subprocess
import threading
import time
from contextlib import suppress
from pathlib import Path

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


def restart_delay(deaths: int) -> float:
    """Return the seconds before a server is started again: none at first, then 1, 2, 4, … 60."""
    return 0.0 if deaths <= 1 else min(2.0 ** min(deaths - 2, 10), LONGEST_SECONDS)


class LocalServer:
    """The embedded server of `folder`, started as a child when none runs.

    Any thread may call `ensure` and `stop`, which ends an `ensure` that is still waiting. A server
    that does not answer for `patience` seconds counts as dead.
    """

    def __init__(self, folder: Path, port: int, *, patience: float = ANSWER_SECONDS) -> None:
        self._folder = folder
        self._port = port
        self._patience = patience
        self._child: subprocess.Popen[bytes] | None = None
        self._deaths = 0  # in a row
        self._started = self._not_before = 0.0  # monotonic
        self._problem: tuple[Reason, Reason] = (reasons.NONE, reasons.NONE)
        self._guard = threading.Lock()
        self._leaving = threading.Event()

    def ensure(self) -> Endpoint:
        """Find the server that runs, or start one, in some 15 s at most.

        Raises Mem0TrayError when none can be started, or not yet again.
        """
        with self._guard:
            found = find(self._folder, self._patience)
            if found is not None:
                return found
            self._end_child()
            if time.monotonic() < self._not_before:
                raise Mem0TrayError(*self._problem)
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
            self._note_death()
        log = self._folder / endpoint.LOG
        silent = Reason("The embedded server did not answer in time.")
        why = silent if hung else _last_words(log, child.returncode)
        self._problem = (why, Reason("Its log is {path}.", path=log))

    def _note_death(self) -> None:
        now = time.monotonic()
        # One that has lived for a minute was sound.
        self._deaths = 1 if now - self._started >= SOUND_SECONDS else self._deaths + 1
        self._not_before = now + restart_delay(self._deaths)

    def _start(self) -> None:
        # -P and the folder as working directory: a module in the folder where the user
        # started us must not stand in for one of Python's.
        command = [*programs.ourselves("mem0tray.localserver.serve"), str(self._folder.absolute())]
        command += [str(self._port), "--lifeline"]
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND
        try:
            make_private_folder(self._folder)
            with os.fdopen(regular_file.open_fd(self._folder / endpoint.LOG, flags), "ab") as log:
                self._child = subprocess.Popen(  # noqa: S603 - ourselves, with no text of others
                    command,
                    stdin=subprocess.PIPE,  # the lifeline, by which the child ends with us
                    stdout=log,
                    stderr=log,
                    cwd=self._folder,
                    env=programs.child_environment(),
                    **programs.detached(),  # Ctrl-C is for the worker, which stops the server last
                )
        except (OSError, Mem0TrayError) as error:
            self._note_death()
            why = error.reason if isinstance(error, Mem0TrayError) else str(error)
            self._problem = (
                Reason("The embedded server could not be started: {why}", why=why),
                Reason("Check the permissions of {path}.", path=self._folder),
            )
            raise Mem0TrayError(*self._problem) from error
        self._started = time.monotonic()

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
                raise Mem0TrayError(Reason("The embedded server is being stopped."))
        self._end_child()
        raise Mem0TrayError(*self._problem)


def _last_words(log: Path, code: int) -> Reason:
    with suppress(OSError):
        tail = regular_file.read_bytes(log)[-4096:].decode("utf-8", "replace").strip()
        if tail:
            why = one_line(tail.rpartition("\n")[2], 300)
            return Reason("The embedded server stopped: {why}", why=why)
    return Reason("The embedded server stopped (exit code {number}).", number=code)
