"""A memory of ours that goes all the way: saved, delivered, read back. For `setup`."""

import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from mem0tray.actions import add, recall, verbs, worker_report
from mem0tray.actions.recall import KnownMemory, WasRead
from mem0tray.config.settings import Loaded, Settings
from mem0tray.core import item as items
from mem0tray.core.errors import Mem0TrayError
from mem0tray.core.item import Item
from mem0tray.files import document
from mem0tray.system.paths import Paths

_PROJECT, _TEXT = items.TRIAL
_PATIENCE: Final = 60.0  # seconds for an answer of the server
_START: Final = 30.0  # seconds for a worker that starts
_END: Final = 20.0
_LOOK: Final = 0.05
_SHOWN: Final = 1000


def save(loaded: Loaded, waiting: Sequence[KnownMemory]) -> Item:
    """Queue the memory as `add` does, unless it is `waiting` from an earlier `setup`.

    Raises Mem0TrayError where no file can be written.
    """
    ours = (each.id for each in waiting if each.text == _TEXT)
    name = next(ours, "") or add.queue_memory(loaded, _PROJECT, _TEXT).id
    item = items.parse(document.dump(add.entry(name, _PROJECT, _TEXT)))
    assert item is not None  # noqa: S101  (it has an id, a project and a text)
    return item


def is_shown(found: WasRead) -> bool:
    """Return whether the server shows the memory."""
    return any(_TEXT in each.text for each in found.there)


@contextmanager
def with_worker(paths: Paths, program: Sequence[str]) -> Iterator[None]:
    """Have a worker run: the present one, else one of our own, which is stopped at the end.

    `program` has the words that start mem0tray. Raises Mem0TrayError if no worker starts.
    """
    own = None
    if worker_report.running(paths) is None:
        nothing = subprocess.DEVNULL
        command = [*program, "run"]
        own = subprocess.Popen(command, stdin=nothing, stdout=nothing, stderr=nothing)  # noqa: S603  (ourselves)
    try:
        _wait_for_metrics(paths, own)
        yield
    finally:
        if own is not None:
            own.terminate()
            try:
                own.wait(_END)
            except subprocess.TimeoutExpired:
                own.kill()
                own.wait()


def _wait_for_metrics(paths: Paths, own: "subprocess.Popen[bytes] | None") -> None:
    """Wait until the worker has written its metrics, and so has its ledger open."""
    end = time.monotonic() + _START
    while time.monotonic() < end:
        running = worker_report.running(paths)
        if running is not None:
            metrics = (worker_report.metrics(each) for each in (paths.metrics, paths.spare_metrics))
            if any(each.are_of(running) for each in metrics):
                return
        elif own is not None and own.poll() is not None:
            raise Mem0TrayError("The worker does not start.", "`mem0tray run` says why.")
        time.sleep(_LOOK)
    raise Mem0TrayError("The worker does not answer.", "`mem0tray doctor` says more.")


def why_undelivered(paths: Paths, item: Item, since: float) -> str:
    """Wait until the worker has delivered it; return why it has not, or nothing.

    `since`: when the memory was saved, Unix seconds.
    """
    (outcome,) = verbs.follow(paths, [item], since, _PATIENCE)
    return "" if outcome.is_good else outcome.reason or outcome.name


def recalled(settings: Settings) -> WasRead:
    """Read what the server has of the memory's project, and what waits of it."""
    return recall.recall(settings, _PROJECT, _SHOWN)
