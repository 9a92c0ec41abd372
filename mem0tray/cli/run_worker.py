"""Running a worker from the main thread, which signals reach."""

import contextlib
import math
import signal
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

from mem0tray.core.errors import LedgerError

if TYPE_CHECKING:
    from mem0tray.core.state import Waiting
    from mem0tray.system.threads import Bell
    from mem0tray.worker.thread import WorkerThread

_LOOK: Final = 0.02  # seconds between two looks whether all is done
_PUBLISHING: Final = 60.0  # seconds for writing files at the end
_SIGNALS: Final = ("SIGTERM", "SIGINT", "SIGHUP", "SIGBREAK")


def until_told(
    worker: "WorkerThread", bell: "Bell", left: Callable[[], bool], look: Callable[[], float]
) -> None:
    """Run the worker until it is told to leave, or `left` says that nobody wants it any more.

    `look` is called now and then; it returns the seconds until the next call.
    """
    with _running(worker, bell, finite=False) as runs:
        while runs() and not left():
            bell.wait(look())


def until_idle(
    worker: "WorkerThread", bell: "Bell", left: Callable[[], bool], horizon: float
) -> "Waiting | None":
    """Run the worker until nothing more can be delivered within `horizon` seconds.

    And until the files show that: a large one may take a while. Returns what is left then; None
    if it was told to leave before.
    """
    with _running(worker, bell, finite=True) as runs:
        idle_since = math.inf
        while runs() and not left():
            try:
                is_idle, now = worker.is_idle(horizon), time.monotonic()
                idle_since = min(idle_since, now) if is_idle else math.inf
                if is_idle and (worker.has_published or now - idle_since > _PUBLISHING):
                    return worker.waiting()
            except LedgerError:
                if not worker.is_leaving:  # else the ledger was closed while we asked
                    raise
            bell.wait(_LOOK)
    return None


@contextlib.contextmanager
def _running(worker: "WorkerThread", bell: "Bell", *, finite: bool) -> Iterator[Callable[[], bool]]:
    """Run the worker on its thread; yields a function that tells whether it still runs.

    Raises what has ended the worker, if anything has.
    """
    with _signals(worker):
        worker.start(watch=not finite, patient=not finite, over=bell.set)
        try:
            yield lambda: worker.is_alive
        finally:
            worker.stop()
            worker.join()
    if worker.fatal is not None:
        raise worker.fatal


@contextlib.contextmanager
def _signals(worker: "WorkerThread") -> Iterator[None]:
    """TERM, INT and HUP end the worker in good order."""
    known = [getattr(signal, name) for name in _SIGNALS if hasattr(signal, name)]
    before = {number: signal.signal(number, lambda *_: worker.stop()) for number in known}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
