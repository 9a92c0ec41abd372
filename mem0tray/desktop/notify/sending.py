"""Showing a notice without waiting for a desktop that hangs."""

import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final, NoReturn, TypeVar

from mem0tray.core.text import one_line
from mem0tray.desktop.notify.backends import NoticeBackend, NotShownError
from mem0tray.desktop.notify.notice import Notice

TIMEOUT: Final = 10.0
_REASON: Final = 160
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class NoticeResult:
    """What became of a notice: `reason` says why it was not shown, empty if it was.

    `may_come`: what shows it did not answer in time, and may show it yet.
    """

    reason: str = ""
    may_come: bool = False


class Sender:
    """Shows notices by a backend.

    A send that takes longer than `timeout` seconds is given up, with its thread. While that thread
    hangs nothing is sent, so there is never more than one.
    """

    def __init__(self, backend: NoticeBackend, timeout: float = TIMEOUT) -> None:
        self._backend = backend
        self._timeout = timeout
        self._hanging: threading.Thread | None = None

    def send(self, notice: Notice) -> NoticeResult:
        """Show a notice; never raises. Takes at most the time-out."""
        name = self._backend.name
        if self._hanging is not None and self._hanging.is_alive():
            return NoticeResult(f"{name} still hangs")
        try:
            within(partial(self._backend.show, notice), self._timeout)
        except HangsError as error:
            self._hanging = error.thread
            return NoticeResult(f"{name} did not answer within {self._timeout:g} s", may_come=True)
        except Exception as error:  # noqa: BLE001  (a library's or a desktop's)
            return NoticeResult(f"{name}: {said(error)}")
        return NoticeResult()

    def withdraw(self, kind: str) -> None:
        """Remove the notice of that kind, if possible; at once."""
        self._backend.withdraw(kind)


class HangsError(Exception):
    """Work has not ended in time; its `thread` is left behind."""

    def __init__(self, thread: threading.Thread) -> None:
        super().__init__("it did not answer in time")
        self.thread = thread


def within(work: Callable[[], T], timeout: float) -> T:
    """What `work` returns or raises; HangsError when that takes more than `timeout` seconds."""
    done: queue.SimpleQueue[Callable[[], T]] = queue.SimpleQueue()

    def attempt() -> None:
        try:
            result = work()
        except Exception as error:  # noqa: BLE001  (raised where it is awaited)
            done.put(partial(_raise, error))
        else:
            done.put(lambda: result)

    thread = threading.Thread(target=attempt, name="mem0tray-desktop", daemon=True)
    thread.start()
    try:
        outcome = done.get(timeout=max(0.0, timeout))
    except queue.Empty:
        raise HangsError(thread) from None
    return outcome()


def _raise(error: Exception) -> NoReturn:
    raise error


def said(error: Exception) -> str:
    """An error of a library in one line."""
    ours = isinstance(error, NotShownError | HangsError)
    return one_line(str(error) if ours else f"{type(error).__name__}: {error}", _REASON)
