"""What a worker tells everybody about itself: its lock, and the metrics file."""

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

_TRIES: Final = 5
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
        return reason_in(self.values)


NO_METRICS: Final = Metrics({}, 0.0)
SILENT: Final = 60.0  # seconds after which a worker hangs: it writes its metrics every thirty


def ask_to_look(paths: Paths) -> None:
    """Have a running worker probe its server, if that was silent: somebody looks at the state."""
    if running(paths) is not None:
        with suppress(FileUnavailableError):  # what is known so far is shown
            orders.leave(paths, Order(orders.LOOK, []))


def running(paths: Paths) -> Running | None:
    """The worker that runs for this folder."""
    held = lock.of_worker(paths)
    if held is None:
        return None
    with suppress(OSError):
        holder = lock.holder(held)
        return Running(holder.pid, held.stat().st_mtime, holder.run)
    return None


def metrics(path: Path) -> Metrics:
    """A metrics file, as far as it can be read."""
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
    """The metrics, or our worker's spare copy while it cannot write them."""
    spare = metrics(paths.spare_metrics)
    return spare if spare.are_of(worker) and spare.written > shared.written else shared


def told(seen: Metrics) -> WorkerStatus:
    """What our worker says about itself in its metrics."""
    values = seen.values
    name = str(values.get("state") or STARTING)
    reason = seen.reason
    return WorkerStatus(
        state=WorkerState(name, reason),
        queue=items.count(values.get("queue_size")),
        dlq=items.count(values.get("dlq_size")),
        last_delivery=local_time(values.get("last_delivery")),
        paused=name == PAUSED and reason != BREAK,
        held=items.count(values.get("held")),
    )


def told_lately(paths: Paths, now: float) -> WorkerStatus | None:
    """What our worker says about itself; None if none runs, or it has been silent too long."""
    worker = running(paths)
    if worker is None:
        return None
    found = newest(metrics(paths.metrics), paths, worker)
    if not found.are_of(worker) or abs(now - found.written) > SILENT:
        return None
    return told(found)


def reason_in(values: dict[str, Any]) -> Reason:
    """The reason in the values of a metrics file, see `Metrics.reason`."""
    found = reasons.read(values.get("reason_id"), values.get("reason_arguments"))
    return found or reasons.quoted(str(values.get("reason") or ""))


def local_time(value: Any) -> float | None:
    """Unix seconds of a local ISO time, as workers write it into files; None if it is none."""
    with suppress(TypeError, ValueError, OverflowError, OSError):
        return datetime.fromisoformat(value).timestamp()
    return None
