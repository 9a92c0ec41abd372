"""The one reader of how things stand: files, ledger, metrics and processes. Writes nothing.

It tells what cannot be read, and never takes that for nothing.
"""

import errno
import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from mem0tray.actions import (
    dead_letters,
    folder,
    fresh_entries,
    migration_notes,
    read_files,
    worker_report,
)
from mem0tray.actions.server_names import ServerNames, chosen_server
from mem0tray.actions.snapshot import (
    SLOT,
    TOTALS,
    Contents,
    Listed,
    Part,
    Past,
    SeenLedger,
    SeenPause,
    SeenQuarantine,
    Snapshot,
)
from mem0tray.actions.worker_report import Metrics, Running
from mem0tray.config.settings import Settings
from mem0tray.core import reasons
from mem0tray.core.another_worker import WorkerSeen
from mem0tray.core.errors import FileUnavailableError
from mem0tray.core.reasons import Reason
from mem0tray.files import atomic, pauses, quarantine, writable
from mem0tray.ledger.reader import Reader
from mem0tray.system.paths import Paths, config_file

if TYPE_CHECKING:
    from mem0tray.worker.thread import WorkerThread

_BLOCK: Final = 4096  # bytes
_MONTH: Final = 31 * 86_400.0  # seconds; a page shows thirty days
_INSIDE: Final = Part.COUNTS | Part.FILES | Part.PAST


def read(settings: Settings, now: float, parts: Part = Part.NOTHING_MORE) -> Snapshot:
    """Look once, with or without a worker; `now` in Unix seconds.

    It always looks at process, metrics, pause and the choice of the server: a few small files.
    """
    paths = settings.locations()
    worker = worker_report.running(paths)
    shared = worker_report.metrics(paths.metrics)
    metrics = worker_report.newest(shared, paths, worker)
    told, server = None, chosen_server(settings, paths)
    if metrics.are_of(worker):
        told = worker_report.told(metrics)
        there = metrics.values.get("destination")
        # The worker's environment may have other settings, but not former ones for long.
        if isinstance(there, str) and there and metrics.written >= _settings_changed():
            server = replace(server, shown=there)
    contents = past = refusal = None
    if parts & ~Part.DISK:
        size = _size(paths.ledger)  # measured first, as a worker may be making it
        with Reader(paths.ledger) as reader:
            if parts & Part.REFUSAL:
                refusal = reader.last_refusal()
            if parts & _INSIDE:
                contents = _contents(
                    settings,
                    paths,
                    server,
                    reader,
                    0 if reader.is_blank else size,
                    parts,
                    counted=told is not None,
                )
            if parts & Part.PAST:
                past = _past(reader, now)
    return Snapshot(
        at=now,
        paths=paths,
        worker=worker,
        told=told,
        server=server,
        metrics=metrics,
        shared_metrics=shared,
        another=_another(worker, metrics) if told is None else reasons.NONE,
        pause=_pause(paths, now),
        refusal=refusal,
        settings_changed=_settings_changed() if parts & Part.REFUSAL else 0.0,
        disk=_disk(paths) if parts else reasons.NONE,
        contents=contents,
        past=past,
    )


def of_thread(worker: "WorkerThread", now: float, letters: int) -> Snapshot:
    """The worker in this process, and what a menu needs besides. Raises LedgerError.

    It costs a look into the ledger, and reads no file of others: a tray asks for it often.
    """
    if not worker.is_ready:
        return Snapshot(now, worker.paths)
    from mem0tray.actions.oldest import oldest  # slow to import, and commands do without

    told = worker.look()
    with Reader(worker.paths.ledger) as reader:
        return Snapshot(
            at=now,
            paths=worker.paths,
            told=told,
            server=ServerNames(shown=worker.destination),
            letters=oldest(reader, letters) if told.dlq else (),
            restorable=reader.has_discarded(),
        )


# The worker, the server, the pause ----------------------------------------------------------


def _another(worker: Running | None, metrics: Metrics) -> Reason:
    """The sentence about another worker that wrote the metrics since ours runs; or NONE."""
    if worker is None or metrics.written <= worker.since:
        return reasons.NONE
    values = metrics.values
    if "state" in values and "pid" not in values:  # ours, cut off by somebody
        return reasons.NONE
    from mem0tray.system import other_process  # slow to import, and rarely wanted

    return other_process.sentence(WorkerSeen.of(values, metrics.written))


def _pause(paths: Paths, now: float) -> SeenPause:
    try:
        return SeenPause(pauses.read(paths, now))
    except FileUnavailableError as error:
        return SeenPause(error=error)


def _settings_changed() -> float:
    with suppress(FileUnavailableError):
        found = atomic.signature(config_file())
        return found.mtime / 1e9 if found is not None else 0.0
    return 0.0


# Files and ledger ---------------------------------------------------------------------------


def _contents(
    settings: Settings,
    paths: Paths,
    server: ServerNames,
    reader: Reader,
    size: int | None,
    parts: Part,
    *,
    counted: bool,
) -> Contents:
    """The contents of files and ledger; what our worker has `counted` only if it is wanted."""
    queue = read_files.look(paths.queue, read_files.QUEUE_SECTIONS)
    file = fresh = listed = None
    if not counted or parts & (Part.FILES | Part.PAST):
        file = read_files.look(paths.dlq, read_files.DLQ_SECTIONS)
    emergency = atomic.why_unreadable(paths.emergency)
    if not counted or parts & Part.PAST:
        lines, emergency = fresh_entries.emergency_lines(paths, reader)
        given = (paths, reader, queue.document, lines, server.name)
        fresh = fresh_entries.count(*given)
        if file is not None and parts & Part.PAST:
            dead = dead_letters.of(file, paths, reader, server.name)
            listed = Listed(fresh_entries.of(*given).listing, dead)
    brought = fresh.brought if fresh is not None else ()
    only_elsewhere = reader.former.only_elsewhere(server.name, brought)
    return Contents(
        folder=_folder(settings, paths),
        queue=queue,
        dlq=file,
        dlq_error=atomic.why_unreadable(paths.dlq),
        dead=dead_letters.count(file, paths, reader, server.name) if file is not None else 0,
        fresh=None if counted else fresh,
        emergency=emergency,
        quarantine=_quarantine(paths),
        ledger=SeenLedger(
            path=paths.ledger,
            size=size,
            usable=reader.usable,
            oldest_waiting=reader.oldest_waiting() if counted else None,
            oldest_dead=reader.oldest_dead(),
            last_delivery=reader.last_delivery(),
            totals={name: reader.counter(f"total_{name}") for name in TOTALS},
            only_elsewhere=only_elsewhere,
            to_bring_over=migration_notes.to_bring_over(paths, server.name, only_elsewhere),
            other_worker=reader.other_worker(),
            last_run=reader.last_run(),
        ),
        listed=listed,
    )


def _quarantine(paths: Paths) -> SeenQuarantine:
    try:
        return SeenQuarantine(len(quarantine.kept(paths.quarantine)))
    except FileUnavailableError as error:
        return SeenQuarantine(None, error)


def _past(reader: Reader, now: float) -> Past:
    since = now - _MONTH
    return Past(
        attempts=reader.last_attempts(),
        waits=reader.many.other_waits(),
        began=reader.began(),
        deliveries=reader.deliveries(since, SLOT),
        stays=reader.stays(since),
        outages=reader.outages(since),
    )


# The disk -----------------------------------------------------------------------------------


def _folder(settings: Settings, paths: Paths) -> Reason:
    """What is wrong with `claude_dir` itself, so that nothing can be read; else NONE."""
    error = folder.trouble(settings)
    if error is None and not paths.claude_dir.exists() and paths.ledger.exists():
        error = folder.gone(settings)
    return reasons.NONE if error is None else error.reason


def _disk(paths: Paths) -> Reason:
    """Why nothing can be written, which metrics cannot tell; else NONE."""
    return (
        _no_room(paths)
        or writable.why_unwritable(paths.claude_dir)
        or atomic.why_unreadable(paths.queue_lock)
        or writable.why_unwritable(paths.data_dir)
    )


def _no_room(paths: Paths) -> Reason:
    """The error of a full disk; else NONE."""
    largest = max(_size(paths.queue) or 0, _size(paths.dlq) or 0)
    for where, needed in ((paths.claude_dir, largest), (paths.data_dir, 0)):
        with suppress(OSError):
            if shutil.disk_usage(where).free < needed + _BLOCK:
                full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                return atomic.unavailable(where, full).reason
    return reasons.NONE


def _size(path: Path) -> int | None:
    """Size in bytes; None where there is no file, or it may not be looked at."""
    with suppress(OSError):
        return path.stat().st_size
    return None
