"""Running a worker from the main thread, which signals reach."""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

from mem0tray.core.errors import LedgerError

if TYPE_CHECKING:
    from mem0tray.core.state import Waiting
    from mem0tray.system.wakeup import Bell
    from mem0tray.worker.loop import Worker

_LOOK: Final = 0.02  # seconds between two looks whether all is done
_SIGNALS: Final = ("SIGTERM", "SIGINT", "SIGHUP", "SIGBREAK")


def until_told(
    worker: "Worker", bell: "Bell", left: Callable[[], bool], look: Callable[[], float]
) -> None:
    """Run the worker until it is told to leave, or `left` says that nobody wants it any more.

    `look` is called now and then; it says in how many seconds again.
    """
    with _running(worker, bell, finite=False) as runs:
        while runs() and not left():
            bell.wait(look())


def until_idle(
    worker: "Worker", bell: "Bell", left: Callable[[], bool], horizon: float
) -> "Waiting | None":
    """Run the worker until nothing more can be delivered within `horizon` seconds.

    What is left then; None when it was told to leave before.
    """
    with _running(worker, bell, finite=True) as runs:
        while runs() and not left():
            try:
                if worker.is_idle(horizon):
                    return worker.waiting()
            except LedgerError:
                if not worker.is_leaving:  # else it was closed while we asked
                    raise
            bell.wait(_LOOK)
    return None


@contextlib.contextmanager
def _running(worker: "Worker", bell: "Bell", *, finite: bool) -> Iterator[Callable[[], bool]]:
    """The worker on its thread; yields the question whether it still runs.

    Raises what has ended the worker, should something have.
    """
    over = threading.Event()
    fatal: list[BaseException] = []

    def run() -> None:
        try:
            worker.run(watch=not finite, patient=not finite)
        except BaseException as error:  # noqa: BLE001  (the main thread raises it)
            fatal.append(error)
        finally:
            over.set()
            bell.ring()

    thread = threading.Thread(target=run, name="mem0tray-worker")
    with _signals(worker):
        thread.start()
        try:
            yield lambda: not over.is_set()
        finally:
            worker.stop()
            thread.join()
    if fatal:
        raise fatal[0]


@contextlib.contextmanager
def _signals(worker: "Worker") -> Iterator[None]:
    """TERM, INT and HUP end the worker in good order."""
    known = [getattr(signal, name) for name in _SIGNALS if hasattr(signal, name)]
    before = {number: signal.signal(number, lambda *_: worker.stop()) for number in known}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
