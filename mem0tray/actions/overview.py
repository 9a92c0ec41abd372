"""How things stand, from files and ledger, with or without a worker. Writes nothing."""

import errno
import os
import shutil
import socket
import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from mem0tray.actions import folder, read_files, waiting
from mem0tray.config import server_choice
from mem0tray.config.server_choice import THIS_COMPUTER
from mem0tray.config.settings import LOCAL_URL, Settings
from mem0tray.core import item as items
from mem0tray.core import reasons
from mem0tray.core.errors import FileUnavailableError, SettingsError
from mem0tray.core.reasons import Reason
from mem0tray.core.state import ACTION_NEEDED, STARTING
from mem0tray.files import atomic, document, lock, pauses, quarantine, writable
from mem0tray.files.atomic import TornError
from mem0tray.files.document import BrokenDocumentError, Document
from mem0tray.ledger.reader import Reader
from mem0tray.system.paths import Paths

NOT_RUNNING: Final = "not running"
_TRIES: Final = 5
_TORN_WAIT: Final = 0.05
_BLOCK: Final = 4096  # bytes
_SILENT: Final = 60.0  # seconds; a worker writes its metrics every thirty
_TOTALS: Final = ("queued", "synced", "failed")


@dataclass(slots=True)
class Running:
    """The worker that holds the instance lock, since a time in Unix seconds."""

    pid: int | None
    since: float


@dataclass(slots=True)
class Overview:
    """What `status` shows. Times are Unix seconds; `pause` is infinite until resumed.

    A count that could not be read is None, never 0; `unknown` says why, by its name.
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
    unknown: dict[str, Reason] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MetricsRead:
    """The metrics file: its values, when it was written (0: there is none), what is wrong."""

    values: dict[str, Any]
    written: float
    trouble: Reason = reasons.NONE


def gather(settings: Settings) -> Overview:
    """Look at everything once."""
    paths = settings.locations()
    seen = Overview(claude_dir=str(paths.claude_dir), worker=running(paths))
    _look_at_server(seen, settings, paths)
    metrics = _newest(paths, seen.worker)
    own = seen.worker is not None and is_of(metrics.values, seen.worker.pid)
    if seen.worker is not None:
        _look_at_worker(seen, seen.worker, metrics, own=own)
    queue, queue_trouble = looked_at(paths.queue, ("queue", read_files.HELD))
    file_trouble = reasons.NONE  # a worker says it itself, and knows more
    with Reader(paths.ledger) as reader:
        if own:
            for name in ("queue", "dlq"):
                setattr(seen, name, items.count(metrics.values.get(f"{name}_size")))
            seen.held = items.count(metrics.values.get("held"))
            seen.oldest_waiting = reader.oldest_waiting()
        else:
            _count_queue(seen, paths, reader, queue, queue_trouble)
            file_trouble = _count_dlq(seen, paths, reader) or queue_trouble
        stats = _count_totals(seen, queue, queue_trouble, reader if own else None)
        seen.last_delivery = reader.last_delivery() or _from_iso(stats.get("last_sync"))
        if seen.last_delivery is None and _is_lost(paths.ledger, reader):
            seen.unknown["last_delivery"] = Reason(
                "The ledger {path} cannot be read.", path=paths.ledger
            )
        seen.only_elsewhere = reader.only_elsewhere(seen.server or "")
    trouble = (
        _look_at_folder(seen, settings, paths)
        or _look_at_ours(seen, paths)
        or next(iter(seen.unknown.values()), file_trouble)
        or metrics.trouble
        or _no_room(paths)
        or writable.why_unwritable(paths.claude_dir)
        or lock.why_unusable(paths.queue_lock)
        or writable.why_unwritable(paths.data_dir)
    )
    if trouble:
        seen.state, seen.reason = ACTION_NEEDED, trouble
    return seen


def _look_at_folder(seen: Overview, settings: Settings, paths: Paths) -> Reason:
    """What is wrong with `claude_dir` itself, else NONE; then nothing can be read."""
    error = folder.trouble(settings)
    if error is None and not paths.claude_dir.exists() and paths.ledger.exists():
        error = folder.gone(settings)
    if error is None:
        return reasons.NONE
    if seen.worker is None:
        seen.queue = seen.dlq = None
        seen.totals = dict.fromkeys(_TOTALS)
        seen.unknown |= dict.fromkeys(("queue", "dlq", "totals"), error.reason)
    return error.reason


def _count_queue(
    seen: Overview, paths: Paths, reader: Reader, queue: Document, trouble: Reason
) -> None:
    """Count what waits, and since when."""
    lines, emergency_trouble = waiting.emergency_lines(paths)
    found = waiting.of(paths, reader, queue, lines, seen.server)
    seen.queue, seen.held = found.count, found.held
    fresh = [item.timestamp for item in found.fresh if item.timestamp > 0]
    known = [row.accepted for row in found.known.values()]
    seen.oldest_waiting = min([*fresh, *known, *reader.oldest_dead()], default=None)
    trouble = reasons.NONE if queue.lists["queue"] else trouble  # what is whole in it counts
    if trouble or emergency_trouble:
        seen.queue = None
        seen.unknown["queue"] = trouble or emergency_trouble


def _count_dlq(seen: Overview, paths: Paths, reader: Reader) -> Reason:
    """Count the dead letters; what is wrong with their file."""
    if not paths.dlq.exists():
        seen.dlq = len(reader.dead_raws())
        return reasons.NONE
    found, trouble = looked_at(paths.dlq, ("items",))
    seen.dlq = len(found.lists["items"])
    if trouble and not seen.dlq:
        seen.dlq = None
        seen.unknown["dlq"] = trouble
    return trouble


def _count_totals(
    seen: Overview, queue: Document, trouble: Reason, ours: Reader | None
) -> dict[str, Any]:
    """The counters of the queue file, or as `ours` knows them; the file's `stats`."""
    stats = items.load_object(queue.rest.get("stats", b"{}"))
    if stats is not None and not trouble:
        seen.totals = {name: items.count(stats.get(f"total_{name}")) for name in _TOTALS}
        return stats
    counter = ours.counter if ours is not None else lambda _: None
    seen.totals = {name: counter(f"total_{name}") for name in _TOTALS}
    if None in seen.totals.values():
        seen.unknown["totals"] = trouble or Reason("The counters in the queue file make no sense.")
    return stats or {}


def _is_lost(ledger: Path, reader: Reader) -> bool:
    """Whether there is a ledger, and it cannot be read."""
    return _size(ledger) > 0 and not reader.usable


def running(paths: Paths) -> Running | None:
    """The worker that runs for this folder."""
    held = lock.of_worker(paths)
    if held is None:
        return None
    with suppress(OSError):
        return Running(lock.holder(held), held.stat().st_mtime)
    return None


def read_metrics(paths: Paths) -> MetricsRead:
    """The metrics file, as far as it can be read."""
    return _metrics_in(paths.metrics)


def _metrics_in(path: Path) -> MetricsRead:
    for _ in range(_TRIES):
        with suppress(TornError):
            try:
                found = atomic.read(path)
            except FileUnavailableError as error:
                return MetricsRead({}, 0.0, error.reason)
            if found is None:
                break
            value = items.load_object(found[0])
            if value is not None:
                return MetricsRead(value, found[1].mtime / 1e9)
        time.sleep(_TORN_WAIT)  # somebody writes it in place
    return MetricsRead({}, 0.0)


def _newest(paths: Paths, worker: Running | None) -> MetricsRead:
    """The metrics, or what our worker notes for us while it cannot write them."""
    shared, spare = read_metrics(paths), _metrics_in(paths.spare_metrics)
    ours = worker is not None and is_of(spare.values, worker.pid)
    return spare if ours and spare.written > shared.written else shared


def is_of(metrics: dict[str, Any], pid: int | None) -> bool:
    """Whether the process `pid` of this computer wrote the metrics."""
    return pid is not None and (metrics.get("pid"), metrics.get("host")) == (
        pid,
        socket.gethostname(),
    )


def reason_in(metrics: dict[str, Any]) -> Reason:
    """The reason that a worker gives for its state; of another kind of worker its words."""
    found = reasons.read(metrics.get("reason_id"), metrics.get("reason_arguments"))
    return found or reasons.quoted(str(metrics.get("reason") or ""))


def writer(metrics: dict[str, Any]) -> Reason:
    """Who wrote the metrics, in words."""
    pid, host = metrics.get("pid"), metrics.get("host")
    if isinstance(host, str) and host != socket.gethostname():
        return Reason("another worker on {host}", host=host[:60])
    if isinstance(pid, int):
        return Reason("another worker, process {number}", number=pid)
    return Reason("another worker")


def _look_at_server(seen: Overview, settings: Settings, paths: Paths) -> None:
    url = server_choice.chosen(settings.server.url, paths)
    if url is None:
        seen.state, seen.reason = ACTION_NEEDED, server_choice.CHOOSE
    elif url == LOCAL_URL:
        seen.server, seen.destination = LOCAL_URL, THIS_COMPUTER
    else:
        from mem0tray.config.server_address import ServerAddress

        try:
            there = ServerAddress.from_settings(settings.server)
        except SettingsError as error:
            seen.state, seen.reason = ACTION_NEEDED, error.reason
        else:
            seen.server, seen.destination = there.url, there.host


def _look_at_worker(seen: Overview, worker: Running, metrics: MetricsRead, *, own: bool) -> None:
    """A running worker knows better than we; it may have other settings in its environment."""
    if own:
        seen.state = str(metrics.values.get("state") or STARTING)
        seen.reason = reason_in(metrics.values)
        if abs(time.time() - metrics.written) > _SILENT:
            seen.state = ACTION_NEEDED
            seen.reason = Reason(
                "the worker (process {number}) has not written its metrics"
                " for a while: `mem0tray doctor` says more",
                number=worker.pid or 0,
            )
        there = metrics.values.get("destination")
        if isinstance(there, str) and there:
            seen.destination = there
    elif metrics.written > worker.since:
        seen.state = ACTION_NEEDED
        seen.reason = Reason(
            "{writer} rewrites the metrics file: stop it, `mem0tray doctor` says more",
            writer=writer(metrics.values),
        )
    elif seen.state != ACTION_NEEDED:
        seen.state = STARTING


def _look_at_ours(seen: Overview, paths: Paths) -> Reason:
    """The pause, and what was set aside; returns why they cannot be read, else NONE."""
    try:
        seen.pause = pauses.read(paths)
    except FileUnavailableError as error:
        return error.reason
    try:
        seen.quarantine = len(quarantine.kept(paths.quarantine))
    except FileUnavailableError as error:
        seen.quarantine, seen.unknown["quarantine"] = None, error.reason
        return error.reason
    return reasons.NONE


def _no_room(paths: Paths) -> Reason:
    """The error of a disk that has no room, of which the metrics cannot tell; else NONE."""
    largest = max(map(_size, (paths.queue, paths.dlq)))
    for where, needed in ((paths.claude_dir, largest), (paths.data_dir, 0)):
        with suppress(OSError):
            if shutil.disk_usage(where).free < needed + _BLOCK:
                full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                return atomic.unavailable(where, full).reason
    return reasons.NONE


def _size(path: Path) -> int:
    with suppress(OSError):
        return path.stat().st_size
    return 0


def parsed(path: Path, sections: tuple[str, ...]) -> Document:
    """A file taken apart; of a broken one what is whole in it, of an unreadable one nothing."""
    return looked_at(path, sections)[0]


def looked_at(path: Path, sections: tuple[str, ...]) -> tuple[Document, Reason]:
    """A file taken apart as by `parsed`, and what is wrong with it; NONE if whole or absent."""
    data, why = b"", Reason("it is rewritten all the time")
    for _ in range(_TRIES):
        try:
            data, _signature = atomic.read(path) or (b"{}", None)
            return document.parse(data, sections), reasons.NONE
        except FileUnavailableError as error:
            return document.salvage(b"", sections), error.reason
        except BrokenDocumentError as error:
            why = reasons.quoted(str(error))
        except TornError:
            pass
        time.sleep(_TORN_WAIT)  # somebody writes it in place
    trouble = reasons.advised(
        Reason("{path} is broken: {why}.", path=path, why=why),
        Reason("A running worker keeps it, and saves what is whole in it: `mem0tray run`."),
    )
    return document.salvage(data, sections), trouble


def _from_iso(value: Any) -> float | None:
    """A local ISO time as it stands in the queue file."""
    with suppress(TypeError, ValueError, OverflowError, OSError):
        return datetime.fromisoformat(value).timestamp()
    return None
