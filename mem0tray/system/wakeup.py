"""Waiting for what other threads, signals and files may tell."""

import contextlib
import select
import signal
import socket
import time
from types import TracebackType
from typing import Protocol, Self


class Source(Protocol):
    """What may have news beside: a watch of files."""

    def fileno(self) -> int | None:
        """What can be read when there may be some; None where that tells nothing."""

    def has_news(self) -> bool:
        """Read what has come; whether something of it matters."""


class WakeUp:
    """What one thread waits for, and any other may set; waiting for it costs nothing."""

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
        with contextlib.suppress(OSError):  # it was set often enough, or nobody listens any more
            self._rings.send(b"\0")

    def wait(self, timeout: float | None, source: Source | None = None) -> bool:
        """Wait until it is set or the source has news (True), `timeout` seconds at most."""
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
    """What the main thread waits for: that it is set, or a signal.

    A wait for a lock without a limit is not always ended by a signal: the
    system may hand that to any thread. What Python writes to a socket then,
    whichever thread it was, arrives.
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
