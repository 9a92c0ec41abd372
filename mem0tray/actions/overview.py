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

from mem0tray import item as items
from mem0tray.errors import FileUnavailableError, SettingsError
from mem0tray.files import atomic, document, emergency, lock, quarantine
from mem0tray.files.document import Document
from mem0tray.item import Item
from mem0tray.ledger.reader import Reader
from mem0tray.paths import Paths
from mem0tray.settings import LOCAL_URL, Settings
from mem0tray.worker import choice, pauses
from mem0tray.worker.link import THIS_COMPUTER
from mem0tray.worker.state import ACTION_NEEDED, STARTING

NOT_RUNNING: Final = "not running"
_TRIES: Final = 5
_TORN_WAIT: Final = 0.05
_BLOCK: Final = 4096  # bytes
_SILENT: Final = 90.0  # seconds; a worker writes its metrics every thirty
_TOTALS: Final = ("queued", "synced", "failed")


@dataclass(slots=True)
class Running:
    """The worker that holds the instance lock, since a time in Unix seconds."""

    pid: int | None
    since: float


@dataclass(slots=True)
class Overview:
    """What `status` shows. Times are Unix seconds; `pause` is infinite until resumed."""

    worker: Running | None = None
    state: str = NOT_RUNNING
    reason: str = ""
    server: str = ""
    destination: str = ""
    queue: int = 0
    dlq: int = 0
    quarantine: int = 0
    oldest_waiting: float | None = None
    last_delivery: float | None = None
    pause: float | None = None
    totals: dict[str, int] = field(default_factory=dict)
    only_elsewhere: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Metrics:
    """The metrics file: its values, and when it was written (0: there is none)."""

    values: dict[str, Any]
    written: float


def gather(settings: Settings) -> Overview:
    """Look at everything once."""
    paths = settings.locations()
    seen = Overview(worker=running(paths))
    _look_at_server(seen, settings, paths)
    metrics = read_metrics(paths)
    own = seen.worker is not None and is_of(metrics.values, seen.worker.pid)
    if seen.worker is not None:
        _look_at_worker(seen, seen.worker, metrics, own=own)
    queue = parsed(paths.queue, ("queue",))
    stats = items.load_object(queue.rest.get("stats", b"{}")) or {}
    seen.totals = {name: items.count(stats.get(f"total_{name}")) for name in _TOTALS}
    trouble = _look_at_ours(seen, paths) or ("" if own else _unreadable(paths)) or _no_room(paths)
    if trouble:
        seen.state, seen.reason = ACTION_NEEDED, trouble
    with Reader(paths.ledger) as reader:
        unknown = [] if own else _not_taken_in(paths, queue, reader)
        if own:
            seen.queue = items.count(metrics.values.get("queue_size"))
            seen.dlq = items.count(metrics.values.get("dlq_size"))
        else:
            seen.queue = reader.waiting_count() + len(unknown)
            there = paths.dlq.exists()
            seen.dlq = len(
                parsed(paths.dlq, ("items",)).lists["items"] if there else reader.dead_raws()
            )
        seen.oldest_waiting = _oldest(reader.oldest_waiting(), unknown)
        seen.last_delivery = reader.last_delivery() or _from_iso(stats.get("last_sync"))
        current = seen.server
        seen.only_elsewhere = {
            name: number for name, number in reader.delivered_by_server().items() if name != current
        }
    return seen


def running(paths: Paths) -> Running | None:
    """The worker that runs for this folder."""
    held = lock.of_worker(paths)
    if held is None:
        return None
    with suppress(OSError):
        return Running(lock.holder(held), held.stat().st_mtime)
    return None


def read_metrics(paths: Paths) -> Metrics:
    """The metrics file, as far as it can be read."""
    for _ in range(_TRIES):
        with suppress(OSError):
            value = items.load_object(paths.metrics.read_bytes())
            if value is not None:
                return Metrics(value, paths.metrics.stat().st_mtime)
        if not paths.metrics.exists():
            break
        time.sleep(_TORN_WAIT)  # somebody writes it in place
    return Metrics({}, 0.0)


def is_of(metrics: dict[str, Any], pid: int | None) -> bool:
    """Whether the process `pid` of this computer wrote the metrics."""
    return pid is not None and (metrics.get("pid"), metrics.get("host")) == (
        pid,
        socket.gethostname(),
    )


def writer(metrics: dict[str, Any]) -> str:
    """Who wrote the metrics, in words."""
    pid, host = metrics.get("pid"), metrics.get("host")
    if isinstance(host, str) and host != socket.gethostname():
        return f"another worker on {host[:60]}"
    return f"another worker, process {pid}" if isinstance(pid, int) else "another worker"


def _look_at_server(seen: Overview, settings: Settings, paths: Paths) -> None:
    url = choice.chosen(settings.server.url, paths)
    if url is None:
        seen.state, seen.reason = ACTION_NEEDED, f"{choice.CHOOSE}: {choice.HOW}"
    elif url == LOCAL_URL:
        seen.server, seen.destination = LOCAL_URL, THIS_COMPUTER
    else:
        from mem0tray.server.destination import Destination

        try:
            there = Destination.from_settings(settings.server)
        except SettingsError as error:
            seen.state, seen.reason = ACTION_NEEDED, str(error)
        else:
            seen.server, seen.destination = there.url, there.host


def _look_at_worker(seen: Overview, worker: Running, metrics: Metrics, *, own: bool) -> None:
    """A running worker knows better than we; it may have other settings in its environment."""
    if own:
        seen.state = str(metrics.values.get("state") or STARTING)
        seen.reason = str(metrics.values.get("reason") or "")
        if abs(time.time() - metrics.written) > _SILENT:
            seen.state = ACTION_NEEDED
            seen.reason = (
                f"the worker (process {worker.pid}) has not written its metrics for a while:"
                " `mem0tray doctor` says more"
            )
        there = metrics.values.get("destination")
        if isinstance(there, str) and there:
            seen.destination = there
    elif metrics.written > worker.since:
        seen.state = ACTION_NEEDED
        seen.reason = (
            f"{writer(metrics.values)} rewrites the metrics file: stop it,"
            " `mem0tray doctor` says more"
        )
    elif seen.state != ACTION_NEEDED:
        seen.state = STARTING


def _look_at_ours(seen: Overview, paths: Paths) -> str:
    """The pause, and what was set aside; returns why they cannot be read, else nothing."""
    try:
        seen.pause = pauses.read(paths)
        seen.quarantine = len(quarantine.kept(paths.quarantine))
    except FileUnavailableError as error:
        return str(error)
    return ""


def _unreadable(paths: Paths) -> str:
    """What keeps us from reading the files of others; empty when nothing does."""
    for path in (paths.queue, paths.dlq, paths.emergency):
        try:
            path.open("rb").close()
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            return str(atomic.unavailable(path, error))
    return ""


def _no_room(paths: Paths) -> str:
    """That a disk has no room for what is written there; a worker cannot say so in its metrics."""
    largest = max(map(_size, (paths.queue, paths.dlq)))
    for folder, needed in ((paths.claude_dir, largest), (paths.data_dir, 0)):
        with suppress(OSError):
            if shutil.disk_usage(folder).free < needed + _BLOCK:
                full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                return str(atomic.unavailable(folder, full))
    return ""


def _size(path: Path) -> int:
    with suppress(OSError):
        return path.stat().st_size
    return 0


def parsed(path: Path, sections: tuple[str, ...]) -> Document:
    """A file taken apart; of a broken one what is whole in it, of an unreadable one nothing."""
    data = b""
    for _ in range(_TRIES):
        try:
            data = path.read_bytes()
            return document.parse(data, sections)
        except OSError:
            break
        except document.BrokenDocumentError:
            time.sleep(_TORN_WAIT)  # somebody writes it in place
    return document.salvage(data, sections)


def _not_taken_in(paths: Paths, queue: Document, reader: Reader) -> list[Item]:
    """Entries of queue and emergency file that the ledger does not know yet, each once."""
    found = [item for raw in queue.lists["queue"] if (item := items.parse(raw)) is not None]
    with suppress(OSError, FileUnavailableError):
        inode = paths.emergency.stat().st_ino
        source = emergency.Source(paths.emergency.name, inode)
        lines = emergency.read(paths.claude_dir, source, final=True)
        found += lines.items if lines is not None else []
    waiting = reader.waiting()
    unknown: dict[tuple[str, bytes], Item] = {}
    for item in found:
        name = (item.id, item.digest)
        if name not in waiting and name not in unknown and reader.known(*name) is None:
            unknown[name] = item
    return list(unknown.values())


def _oldest(known: float | None, unknown: list[Item]) -> float | None:
    times = [item.timestamp for item in unknown if item.timestamp > 0]
    if known is not None:
        times.append(known)
    return min(times, default=None)


def _from_iso(value: Any) -> float | None:
    """A local ISO time as it stands in the queue file."""
    with suppress(TypeError, ValueError, OverflowError, OSError):
        return datetime.fromisoformat(value).timestamp()
    return None
