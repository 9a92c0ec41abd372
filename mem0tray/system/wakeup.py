"""Waiting on the main thread, which signals are to wake."""

import contextlib
import select
import signal
import socket
from types import TracebackType
from typing import Self


class Bell:
    """What the main thread waits for: a ring from another thread, or a signal.

    A wait for a lock without a limit is not always ended by a signal: the
    system may hand that to any thread. What Python writes to a socket then,
    whichever thread it was, arrives; and waiting for it costs nothing.
    """

    def __enter__(self) -> Self:
        self._hears, self._rings = socket.socketpair()
        for end in (self._hears, self._rings):
            end.setblocking(False)  # noqa: FBT003  (its only argument)
        self._before = signal.set_wakeup_fd(self._rings.fileno(), warn_on_full_buffer=False)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        signal.set_wakeup_fd(self._before)
        self._hears.close()
        self._rings.close()

    def ring(self) -> None:
        """End a wait; from any thread."""
        with contextlib.suppress(OSError):  # it has rung often enough, or nobody listens any more
            self._rings.send(b"\0")

    def wait(self, timeout: float | None) -> None:
        """Wait until it rings, `timeout` seconds at most."""
        if select.select([self._hears], [], [], timeout)[0]:
            self._hears.recv(4096)
