"""Showing a notice by the first way that works, and never waiting for one that hangs."""

import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, NoReturn, TypeVar

from mem0tray.core.text import one_line
from mem0tray.desktop.notify.backends import NoticeBackend, NotShownError, UnavailableError
from mem0tray.desktop.notify.notice import Notice

TIMEOUT: Final = 10.0
_REASON: Final = 160
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class NoticeResult:
    """`way` is the backend that showed it, empty when none could; `reason` says why not.

    `may_come`: a backend that did not answer in time may show it yet.
    """

    way: str
    reason: str = ""
    may_come: bool = False


class Sender:
    """Tries its backends in order.

    A send that takes longer than `timeout` seconds is given up, with its thread. While that thread
    hangs its backend is left alone, so there is never more than one for each. No other way is tried
    then: it may lead to the same daemon, and hang as well.
    """

    def __init__(self, backends: Sequence[NoticeBackend], timeout: float = TIMEOUT) -> None:
        self._backends = tuple(backends)
        self._timeout = timeout
        self._hanging: dict[str, threading.Thread] = {}

    def send(self, notice: Notice) -> NoticeResult:
        """Show a notice; never raises. Takes at most the time-out."""
        reasons: list[str] = []
        deadline = time.monotonic() + self._timeout
        for backend in self._backends:
            thread = self._hanging.get(backend.name)
            if thread is not None and thread.is_alive():
                return NoticeResult("", f"{backend.name} still hangs")
            try:
                within(partial(backend.show, notice), deadline - time.monotonic())
            except NotShownError as error:
                reasons.append(f"{backend.name}: {said(error)}")
                break
            except HangsError as error:
                self._hanging[backend.name] = error.thread
                reason = f"{backend.name} did not answer within {self._timeout:g} s"
                return NoticeResult("", reason, may_come=True)
            except Exception as error:  # noqa: BLE001  (a library's or a desktop's: try the next way)
                reasons.append(f"{backend.name}: {said(error)}")
            else:
                return NoticeResult(backend.name, "; ".join(reasons))
        return NoticeResult("", "; ".join(reasons) or "there is no way to show it")

    def withdraw(self, kind: str) -> None:
        """Remove the notice of that kind, if possible; at once."""
        for backend in self._backends:
            backend.withdraw(kind)


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
    ours = isinstance(error, UnavailableError | NotShownError | HangsError)
    return one_line(str(error) if ours else f"{type(error).__name__}: {error}", _REASON)
