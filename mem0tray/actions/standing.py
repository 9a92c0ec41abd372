"""How things stand at one moment: `read` looks once, `overview` puts it into figures and words."""

import errno
import os
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Final

from msgspec import Struct, field
from msgspec.structs import replace

from mem0tray.actions import migration_plan, worker_report
from mem0tray.actions.one_writer import DLQ, EMERGENCY, QUEUE, InStep, keep_in_step
from mem0tray.actions.worker_report import NO_METRICS, SILENT, Metrics, Running
from mem0tray.config.server_choice import ServerNames, chosen_server
from mem0tray.config.settings import PathSettings, Settings, variable
from mem0tray.core import reasons
from mem0tray.core.errors import FileUnavailableError
from mem0tray.core.reasons import Reason
from mem0tray.core.state import ACTION_NEEDED, DOWN, PAUSED, STARTING, WorkerSeen, WorkerStatus
from mem0tray.files import atomic, orders, private_folders
from mem0tray.ledger.counters import Counts
from mem0tray.ledger.reader import Reader
from mem0tray.system.paths import Paths, config_file

NOT_RUNNING: Final = "not running"
_BLOCK: Final = 4096  # bytes
TOTALS: Final = ("queued", "synced", "failed")  # memories, since the queue file was begun


class SeenLedger(Struct, frozen=True):
    """What the ledger knows: nothing if it is not `usable`; `broken`: why it cannot be read.

    `only_elsewhere`: how many memories only former servers have, by server, and `to_bring_over`
    how many of these `migrate` may bring to the chosen one.
    """

    usable: bool = False
    broken: Reason = reasons.NONE
    counts: Counts | None = None
    last_delivery: float | None = None
    totals: Mapping[str, int] = {}
    only_elsewhere: Mapping[str, int] = {}
    to_bring_over: Mapping[str, int] = {}
    other_worker: WorkerSeen | None = None
    our_runs: Sequence[str] = ()


class Snapshot(Struct, frozen=True):
    """One look, at a time in Unix seconds.

    `told` is what our worker says of itself. `metrics` are the newest, `shared_metrics` those in
    the shared folder, whoever wrote them; `another` is the sentence on another worker that did.
    `disk` says why nothing can be written, `folder` what is wrong with `claude_dir` itself.
    """

    at: float
    paths: Paths
    worker: Running | None = None
    told: WorkerStatus | None = None
    server: ServerNames = ServerNames()
    metrics: Metrics = NO_METRICS
    shared_metrics: Metrics = NO_METRICS
    another: Reason = reasons.NONE
    pause: float | None = None
    pause_error: Reason = reasons.NONE
    disk: Reason = reasons.NONE
    folder: Reason = reasons.NONE
    step: InStep = InStep()
    ledger: SeenLedger = SeenLedger()
    quarantine: int | None = 0
    quarantine_error: Reason = reasons.NONE

    @property
    def obstacle(self) -> Reason:
        """What stands in the way on this computer, which a worker may be unable to tell."""
        return self.pause_error or self.metrics.trouble or self.disk


# Looking --------------------------------------------------------------------------------------


def read(settings: Settings, now: float) -> Snapshot:
    """Look once, with or without a worker; `now` in Unix seconds."""
    step = keep_in_step(settings.locations(), settings)
    seen = glance(settings, now)
    kept, error = None, reasons.NONE
    try:
        kept = len(private_folders.quarantined(seen.paths.quarantine))
    except FileUnavailableError as found:
        error = found.reason
    return replace(
        seen,
        folder=_why_missing(settings),
        step=step,
        ledger=_ledger(seen.paths, seen.server.name),
        quarantine=kept,
        quarantine_error=error,
    )


def glance(settings: Settings, now: float) -> Snapshot:
    """Look only at what `hindrance` needs: neither files nor ledger are read, and nobody waits."""
    paths = settings.locations()
    worker = worker_report.running(paths)
    shared = worker_report.metrics(paths.metrics)
    metrics = worker_report.newest(shared, paths, worker)
    told, server = None, chosen_server(settings, paths)
    if metrics.are_of(worker):
        told = worker_report.told(metrics)
        shown, changed = metrics.values.get("destination"), 0.0
        with suppress(OSError):
            changed = config_file().stat().st_mtime
        # The worker's environment may have other settings, but not former ones for long.
        if isinstance(shown, str) and shown and metrics.written >= changed:
            server = replace(server, shown=shown)
    pause, pause_error = None, reasons.NONE
    try:
        pause = orders.read_pause(paths, now)
    except FileUnavailableError as error:
        pause_error = error.reason
    return Snapshot(
        at=now,
        paths=paths,
        worker=worker,
        told=told,
        server=server,
        metrics=metrics,
        shared_metrics=shared,
        another=_another(worker, metrics) if told is None else reasons.NONE,
        pause=pause,
        pause_error=pause_error,
        disk=_why_unwritable(paths),
    )


def _another(worker: Running | None, metrics: Metrics) -> Reason:
    """Name another worker that wrote the metrics since ours runs; else NONE."""
    if worker is None or metrics.written <= worker.since:
        return reasons.NONE
    values = metrics.values
    if "state" in values and "pid" not in values:  # ours, cut off by somebody
        return reasons.NONE
    from mem0tray.system import other_process  # slow to import, and rarely wanted

    return other_process.sentence(WorkerSeen.of(values, metrics.written))


def _ledger(paths: Paths, server: str) -> SeenLedger:
    is_there = os.path.exists(paths.ledger)  # noqa: PTH110  (Path.exists() raises where it may not)
    unreadable = Reason("The ledger {path} cannot be read.", path=paths.ledger)
    with Reader(paths.ledger) as reader:
        only_elsewhere = reader.only_elsewhere(server)
        is_broken = is_there and not (reader.usable or reader.is_blank)
        return SeenLedger(
            usable=reader.usable,
            broken=reader.refusal or (unreadable if is_broken else reasons.NONE),
            counts=reader.counts(),
            last_delivery=reader.last_delivery() or worker_report.local_time(reader.last_sync()),
            totals={name: reader.counter(f"total_{name}") for name in TOTALS},
            only_elsewhere=only_elsewhere,
            to_bring_over=migration_plan.to_bring_over(paths, server, only_elsewhere),
            other_worker=reader.other_worker(),
            our_runs=reader.our_runs(),
        )


# The folder -----------------------------------------------------------------------------------
# A typo in `claude_dir` must not look like an empty queue.


def folder_trouble(settings: Settings) -> FileUnavailableError | None:
    """Find why there is nothing to be read, else None; the default folder may be missing."""
    folder = settings.locations().claude_dir
    if os.path.isdir(folder):  # noqa: PTH112  (Path.is_dir() raises without permission)
        return None
    if os.path.lexists(folder):
        return _missing(Reason("{path} is no folder.", path=folder))
    if settings.paths == PathSettings():
        return None
    return _missing(Reason("The folder {path} is not there.", path=folder))


def _missing(message: Reason) -> FileUnavailableError:
    name = variable("paths.claude_dir")
    remedy = f"Make it, or correct the variable {name}."
    if name not in os.environ:  # which wins over the file
        remedy = "Make it, or correct paths.claude_dir: `mem0tray config edit`."
    return FileUnavailableError(message, remedy)


def _why_missing(settings: Settings) -> Reason:
    """Say what is wrong with `claude_dir` itself, so that nothing can be read; else NONE."""
    error, paths = folder_trouble(settings), settings.locations()
    if error is None and not paths.claude_dir.exists() and paths.ledger.exists():
        gone = Reason("The folder {path} is gone: it was there before.", path=paths.claude_dir)
        error = _missing(gone)
    return reasons.NONE if error is None else error.reason


def _why_unwritable(paths: Paths) -> Reason:
    """Say why nothing can be written, which metrics cannot tell; else NONE."""
    return (
        _no_room(paths)
        or private_folders.why_unwritable(paths.claude_dir)
        or atomic.why_unreadable(paths.queue_lock)
        or private_folders.why_unwritable(paths.data_dir)
    )


def _no_room(paths: Paths) -> Reason:
    """Return the error of a disk on which the largest file cannot be replaced; else NONE."""
    largest = 0
    for path in (paths.queue, paths.dlq):
        with suppress(OSError):
            largest = max(largest, path.stat().st_size)
    for where, needed in ((paths.claude_dir, largest), (paths.data_dir, 0)):
        with suppress(OSError):
            if shutil.disk_usage(where).free < needed + _BLOCK:
                full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                return atomic.unavailable(where, full).reason
    return reasons.NONE


# In figures and words -------------------------------------------------------------------------


class Overview(Struct):
    """What `status` shows. Times are Unix seconds; `pause` is infinite until resumed.

    A count that could not be read is None, never 0; `unknown` says why, by the count's name.
    """

    claude_dir: str = ""
    worker: Running | None = None
    state: str = NOT_RUNNING
    reason: Reason = reasons.NONE
    server: str = ""
    destination: str = ""
    queue: int | None = 0
    held: int = 0
    dlq: int | None = 0
    quarantine: int | None = 0
    oldest_waiting: float | None = None
    last_delivery: float | None = None
    pause: float | None = None
    totals: dict[str, int | None] = field(default_factory=dict)
    only_elsewhere: dict[str, int] = field(default_factory=dict)
    to_bring_over: dict[str, int] = field(default_factory=dict)
    unknown: dict[str, Reason] = field(default_factory=dict)


def overview(seen: Snapshot) -> Overview:
    """Put what was read into figures and words."""
    ledger, unknown = seen.ledger, _unknown(seen)
    counts = ledger.counts or seen.told or Counts(0, 0, None)
    state, reason = _state(seen)
    unread = unknown.get("quarantine") or next(iter(unknown.values()), reasons.NONE)
    # The first thing in the way that the state does not tell.
    trouble = seen.folder or seen.pause_error or unread or seen.obstacle
    return Overview(
        claude_dir=str(seen.paths.claude_dir),
        worker=seen.worker,
        state=ACTION_NEEDED if trouble else state,
        reason=trouble or reason or seen.step.behind,
        server=seen.server.name,
        destination=seen.server.shown,
        queue=None if "queue" in unknown else counts.queue + len(seen.step.new),
        held=counts.held,
        dlq=None if "dlq" in unknown else counts.dlq,
        quarantine=seen.quarantine,
        oldest_waiting=None if ledger.counts is None else ledger.counts.oldest,
        last_delivery=ledger.last_delivery,
        pause=seen.pause,
        totals=dict.fromkeys(TOTALS) if "totals" in unknown else dict(ledger.totals),
        only_elsewhere=dict(ledger.only_elsewhere),
        to_bring_over=dict(ledger.to_bring_over),
        unknown=unknown,
    )


def _unknown(seen: Snapshot) -> dict[str, Reason]:
    unread = seen.step.unread
    nobody_counts = seen.ledger.counts is None and seen.told is None
    broken = seen.ledger.broken
    refused = broken if reasons.parted(broken)[1] else reasons.NONE
    nothing = (seen.folder or refused or seen.step.behind) if nobody_counts else reasons.NONE
    found = {
        "queue": nothing or unread.get(QUEUE) or unread.get(EMERGENCY),
        "dlq": nothing or unread.get(DLQ),
        "totals": nothing or unread.get(QUEUE),
        "last_delivery": broken,
        "quarantine": seen.quarantine_error,
    }
    return {name: why for name, why in found.items() if why}


def _state(seen: Snapshot) -> tuple[str, Reason]:
    """Find state and reason as the worker tells them; its environment may have other settings."""
    if seen.told is not None and seen.worker is not None:
        if silence := _silence(seen):
            return ACTION_NEEDED, silence
        return seen.told.state.name, seen.told.state.reason
    if seen.another:
        return ACTION_NEEDED, seen.another
    if seen.server.trouble:
        return ACTION_NEEDED, seen.server.trouble
    return NOT_RUNNING if seen.worker is None else STARTING, reasons.NONE


def _silence(seen: Snapshot) -> Reason:
    """Say that our worker hangs, if it has written nothing for too long; else NONE."""
    if seen.worker is None or abs(seen.at - seen.metrics.written) <= SILENT:
        return reasons.NONE
    return worker_report.silence(seen.worker.pid)


def hindrance(seen: Snapshot) -> str:
    """Say in a few words what keeps every memory from being sent; no server is asked."""
    if seen.obstacle:
        return str(seen.obstacle)
    if seen.worker is None:  # to start one is no help before a server is chosen
        return str(reasons.parted(seen.server.trouble)[0]) or f"worker {NOT_RUNNING}"
    if seen.another:
        return str(seen.another)
    if seen.told is not None and (silence := _silence(seen)):
        return str(silence)
    name, reason = seen.metrics.values.get("state"), str(seen.metrics.reason)
    if name == DOWN:
        return f"server down: {reason}"
    return reason if name in (PAUSED, STARTING, ACTION_NEEDED) else ""
