"""What a worker says of itself, by its lock and the metrics file; and that in one short line."""

import time
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from mem0tray.config import settings
from mem0tray.core import item as items
from mem0tray.core import reasons
from mem0tray.core.errors import FileUnavailableError, Mem0TrayError, SettingsError
from mem0tray.core.reasons import Reason
from mem0tray.core.state import (
    ACTION_NEEDED,
    BREAK,
    DOWN,
    HEALTHY,
    PAUSED,
    REFUSES,
    STARTING,
    WorkerState,
    WorkerStatus,
)
from mem0tray.core.text import one_line, plural
from mem0tray.files import atomic, lock, orders
from mem0tray.files.atomic import TornError
from mem0tray.files.orders import Order
from mem0tray.system.paths import Paths

SILENT: Final = 60.0  # seconds after which a worker hangs: it writes its metrics every thirty
_TRIES: Final = 5
_TORN_WAIT: Final = 0.05
WELL: Final = "✓"
_WRONG: Final = "!"
_LONGEST: Final = 40  # characters of a reason in one line


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


def ask_to_look(paths: Paths) -> None:
    """Ask a running worker to probe its server if that was silent: somebody looks at the state."""
    if running(paths) is not None:
        with suppress(FileUnavailableError):  # what is known so far is shown
            orders.leave(paths, Order(orders.LOOK, []))


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


def local_time(value: Any) -> float | None:
    """Convert a local ISO time, as workers write it into files, to Unix seconds, else to None."""
    with suppress(TypeError, ValueError, OverflowError, OSError):
        return datetime.fromisoformat(value).timestamp()
    return None


# In one short line, for a prompt and for Claude Code's own status line --------------------------


def status_line(now: float) -> str:
    """Make the line at `now` (Unix seconds), which says what is wrong if that is all there is."""
    try:
        found = settings.load().settings
        paths = found.locations()
        worker = running(paths)
        seen = newest(metrics(paths.metrics), paths, worker)
        if seen.are_of(worker) and abs(now - seen.written) <= SILENT:
            ours = told(seen)
            return line(ours.state.name, ours.state.reason, ours.queue, ours.dlq)
        # Slow to import, and not needed for a prompt while a worker runs.
        from mem0tray.actions import standing

        look = standing.read(found, now)
        if look.folder and look.worker is None:
            return f"mem0 {_WRONG} no folder at paths.claude_dir"  # so nothing is counted
        made = standing.overview(look)
        return line(made.state, made.reason, made.queue, made.dlq)
    except SettingsError:
        return f"mem0 {_WRONG} settings"
    except Mem0TrayError as error:
        return f"mem0 {_WRONG} {one_line(error.message, _LONGEST)}"


def line(state: str, reason: Reason, queue: int | None, dead: int | None) -> str:
    """Make the line for a state, and the fresh entries and dead letters (None: unknown)."""
    short = {HEALTHY: "", STARTING: STARTING, PAUSED: PAUSED, DOWN: f"{_WRONG} server down"}
    shown = short.get(state, f"{_WRONG} {state}")
    if state == ACTION_NEEDED:
        refusal = reason.find(REFUSES)
        status = None if refusal is None else refusal.get("status")
        what = str(reasons.bare(reasons.parted(reason)[0]))
        shown = f"{_WRONG} {status or one_line(what, _LONGEST)}"
    counts = [
        "? waiting" if queue is None else f"{queue:,} waiting" if queue else "",
        "? dead letters" if dead is None else plural(dead, "dead letter") if dead else "",
    ]
    return f"mem0 {', '.join(filter(None, (shown, *counts))) or WELL}"
