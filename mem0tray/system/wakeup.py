"""Waiting for news from other threads, signals and files."""

import contextlib
import select
import signal
import socket
import time
from types import TracebackType
from typing import Protocol, Self


class Source(Protocol):
    """A further source of news: a watch of files."""

    def fileno(self) -> int | None:
        """The descriptor that becomes readable with news; None where there is no such sign."""

    def has_news(self) -> bool:
        """Read the events that have come; return whether any of them matters."""


class WakeUp:
    """One thread waits for it, any other may set it; waiting costs nothing."""

    def __enter__(self) -> Self:
        self._hears, self._rings = socket.socketpair()
        for end in (self._hears, self._rings):
            end.setblocking(False)  # noqa: FBT003  (its only argument)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._hears.close()
        self._rings.close()

    def set(self) -> None:
        """End the wait, or the next one if there is none now; from any thread."""
        with contextlib.suppress(OSError):  # already set many times, or nobody listens any more
            self._rings.send(b"\0")

    def wait(self, timeout: float | None, source: Source | None = None) -> bool:
        """Wait until it is set or the source has news (True), at most `timeout` seconds."""
        end = None if timeout is None else time.monotonic() + timeout
        while True:
            ours = self._hears.fileno()
            fd = source.fileno() if source is not None else None
            left = None if end is None else max(0.0, end - time.monotonic())
            found, _, _ = select.select([ours, *([] if fd is None else [fd])], [], [], left)
            has_news = source is not None and fd in found and source.has_news()
            if ours in found:
                self._hears.recv(4096)
            if ours in found or has_news:
                return True
            if not found or left == 0:
                return False


class Bell(WakeUp):
    """A wake-up for the main thread: it is set, or a signal comes.

    A signal does not always end a wait for a lock without a limit: the system may give it to any
    thread. A byte that Python then writes to a socket arrives, whichever thread it was.
    """

    def __enter__(self) -> Self:
        super().__enter__()
        self._before = signal.set_wakeup_fd(self._rings.fileno(), warn_on_full_buffer=False)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        signal.set_wakeup_fd(self._before)
        super().__exit__(kind, error, trace)
