"""What a worker says of itself, by its lock and the metrics file."""

import time
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from mem0tray.core import item as items
from mem0tray.core import reasons
from mem0tray.core.errors import FileUnavailableError
from mem0tray.core.reasons import Reason
from mem0tray.core.state import BREAK, PAUSED, STARTING, WorkerState, WorkerStatus
from mem0tray.files import atomic, lock, orders
from mem0tray.files.atomic import TornError
from mem0tray.files.orders import Order
from mem0tray.system.paths import Paths

SILENT: Final = 60.0  # seconds after which a worker hangs: it writes its metrics every thirty
_TRIES: Final = 5
_TAKING_IN: Final = 1.0  # seconds that a worker gets to take in what has changed
_TORN_WAIT: Final = 0.05


class Running(Struct, frozen=True):
    """The worker that holds the instance lock, since a time in Unix seconds."""

    pid: int | None
    since: float
    run: str = ""  # its random id, which stands in its metrics


class Metrics(Struct, frozen=True):
    """The metrics file: its values, when it was written (0: there is none), what is wrong."""

    values: dict[str, Any]
    written: float
    trouble: Reason = reasons.NONE

    def are_of(self, worker: Running | None) -> bool:
        """Return whether this worker wrote them; one of an older version has no `run`."""
        if worker is None or worker.run or worker.pid is None:
            return worker is not None and self.values.get("run") == worker.run
        return "run" not in self.values and self.values.get("pid") == worker.pid

    @property
    def reason(self) -> Reason:
        """The reason that a worker gives for its state; the words of a worker of another make."""
        found = reasons.read(self.values.get("reason_id"), self.values.get("reason_arguments"))
        return found or reasons.quoted(str(self.values.get("reason") or ""))


NO_METRICS: Final = Metrics({}, 0.0)


def silence(pid: int | None) -> Reason:
    """Say that a worker hangs, which has been silent for `SILENT` seconds."""
    return Reason(
        "the worker (process {number}) has not written its metrics"
        " for a while: `mem0tray doctor` says more",
        number=pid or "?",
    )


def ask_to_look(paths: Paths, verb: str = orders.LOOK) -> None:
    """Ask a running worker to probe its server if that was silent: somebody looks at the state.

    With the verb PROBE in any case: the server has just not answered.
    """
    if running(paths) is not None:
        with suppress(FileUnavailableError):  # what is known so far is shown
            orders.leave(paths, Order(verb, []))


def running(paths: Paths) -> Running | None:
    """Find the worker that runs for this folder."""
    held = lock.of_worker(paths)
    if held is None:
        return None
    with suppress(OSError):
        holder = lock.holder(held)
        return Running(holder.pid, held.stat().st_mtime, holder.run)
    return None


def metrics(path: Path) -> Metrics:
    """Read a metrics file as far as that is possible; for a moment again if it is torn."""
    for _ in range(_TRIES):
        with suppress(TornError):
            try:
                found = atomic.read(path)
            except FileUnavailableError as error:
                return Metrics({}, 0.0, error.reason)
            if found is None:
                break
            value = items.load_object(found[0])
            if value is not None:
                return Metrics(value, found[1].mtime / 1e9)
        time.sleep(_TORN_WAIT)  # somebody writes it in place
    return NO_METRICS


def newest(shared: Metrics, paths: Paths, worker: Running | None) -> Metrics:
    """Choose between the metrics and our worker's spare copy, made while it cannot write them."""
    spare = metrics(paths.spare_metrics)
    return spare if spare.are_of(worker) and spare.written > shared.written else shared


def told(seen: Metrics) -> WorkerStatus:
    """Read in its metrics what our worker says about itself."""
    values, reason = seen.values, seen.reason
    name = str(values.get("state") or STARTING)
    return WorkerStatus(
        state=WorkerState(name, reason),
        queue=items.count(values.get("queue_size")),
        dlq=items.count(values.get("dlq_size")),
        last_delivery=local_time(values.get("last_delivery")),
        paused=name == PAUSED and reason != BREAK,
        held=items.count(values.get("held")),
    )


def told_lately(paths: Paths, now: float) -> WorkerStatus | None:
    """Read what our worker says about itself.

    None if none runs, it is silent for too long, or has not heard of the queue file for a moment.
    """
    worker = running(paths)
    found = newest(metrics(paths.metrics), paths, worker)
    is_fresh = found.are_of(worker) and abs(now - found.written) <= SILENT
    return told(found) if is_fresh and not _is_behind(paths, found.written, now) else None


def _is_behind(paths: Paths, written: float, now: float) -> bool:
    queue = None
    with suppress(FileUnavailableError):
        queue = atomic.signature(paths.queue)
    if queue is None or not written < queue.mtime / 1e9 < now - _TAKING_IN:
        return False
    from mem0tray.ledger.names import QUEUE_READ  # slow to import, and rarely needed
    from mem0tray.ledger.reader import Reader

    with Reader(paths.ledger) as reader:
        return not reader.is_noted(QUEUE_READ, queue)


def local_time(value: Any) -> float | None:
    """Convert a local ISO time, as workers write it into files, to Unix seconds, else to None."""
    with suppress(TypeError, ValueError, OverflowError, OSError):
        return datetime.fromisoformat(value).timestamp()
    return None
