"""Threads: starting one, waking one, and a clock by which a whole day can be played in seconds."""

import contextlib
import select
import signal
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Self, TypeVar

from mem0tray.core.errors import NoThreadError
from mem0tray.core.reasons import Reason

if TYPE_CHECKING:
    from _typeshed import HasFileno

T = TypeVar("T")


def start(thread: threading.Thread) -> None:
    """Start a thread that was never started; NoThreadError where none can be now."""
    try:
        thread.start()
    except (RuntimeError, MemoryError) as error:
        raise NoThreadError(
            Reason("No thread can be started: {why}.", why=str(error) or "too little memory"),
            Reason("Allow more processes, or end other programs."),
        ) from error


class Clock:
    """The system's clocks."""

    def now(self) -> float:
        return time.monotonic()

    def wall(self) -> float:
        return time.time()

    def wait(self, signal: threading.Event | threading.Condition, seconds: float) -> None:
        """Wait for a signal, at most so many seconds; it may also return before either."""
        signal.wait(seconds)


SYSTEM: Final = Clock()


class WakeUp:
    """One thread waits for it, any other may set it; waiting costs nothing."""

    def __enter__(self) -> Self:
        import socket  # slow to import, and only the worker waits

        self._reader, self._writer = socket.socketpair()
        for end in (self._reader, self._writer):
            end.setblocking(False)  # noqa: FBT003  (its only argument)
        return self

    def __exit__(self, *_: object) -> None:
        self._reader.close()
        self._writer.close()

    def set(self) -> None:
        """End the wait, or the next one if there is none now; from any thread."""
        with contextlib.suppress(OSError):  # already set many times, or nobody waits any more
            self._writer.send(b"\0")

    def wait(self, timeout: float | None, also: "HasFileno | None" = None) -> bool:
        """Wait until it is set or `also` is readable (True), at most `timeout` seconds."""
        ends = [self._reader, *([] if also is None else [also])]
        found, _, _ = select.select(ends, [], [], timeout)
        if self._reader in found:
            self._reader.recv(4096)
        return bool(found)


class Bell(WakeUp):
    """A wake-up for the main thread: it is set, or a signal comes.

    The system may give a signal to any thread; Python's byte on a socket arrives all the same.
    """

    def __enter__(self) -> Self:
        super().__enter__()
        self._before = signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        return self

    def __exit__(self, *error: object) -> None:
        signal.set_wakeup_fd(self._before)
        super().__exit__(*error)


class HangsError(Exception):
    """Work has not ended in time; its thread is left behind."""


def within(work: Callable[[], T], timeout: float) -> T:
    """Return what `work` returns, or raise what it raises; HangsError after `timeout` seconds."""
    from concurrent.futures import Future, wait  # slow to import, and rarely wanted

    outcome = Future[T]()

    def attempt() -> None:
        try:
            outcome.set_result(work())
        except Exception as error:  # noqa: BLE001  (raised where it is awaited)
            outcome.set_exception(error)

    threading.Thread(target=attempt, name="mem0tray-limited", daemon=True).start()
    if not wait([outcome], max(0.0, timeout)).done:
        raise HangsError
    return outcome.result()
