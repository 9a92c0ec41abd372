"""Queueing memories as an ordinary producer does: under the lock, and on the disk when done."""

import json
import os
import time
import uuid
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from mem0tray.config.settings import Loaded
from mem0tray.core import item as items
from mem0tray.core.errors import (
    FileUnavailableError,
    LockTimeoutError,
    Mem0TrayError,
    NoThreadError,
)
from mem0tray.files import atomic, document, orders, private_folders
from mem0tray.files.atomic import Signature
from mem0tray.files.lock import FileLock
from mem0tray.system import data_folders, regular_file
from mem0tray.system.paths import Paths, data_root

LOCK_WAIT: Final = 1.0  # seconds; after that the emergency file, which needs no lock
SHOWN: Final = 100  # entries in `last_100`
_LARGE: Final = 1_000_000  # bytes; less is written in a few milliseconds
_TRIES: Final = 2
_QUEUE: Final = "queue"
_FOLDER: Final = "paths.claude_dir"
_URL: Final = "server.url"
Value = bytes | list[bytes]
_RAW_LIST: Final = msgspec.json.Decoder(list[msgspec.Raw])


class QueuedEntry(NamedTuple):
    """A memory on the disk: its id, the kind of file (`queue` or `emergency`), and its path."""

    id: str
    where: str
    claude_dir: Path


def queue_memory(loaded: Loaded, project: str, text: str) -> QueuedEntry:
    """Queue `text` under a new id; it is on the disk when this returns.

    Wrong settings lose no memory: if they leave the folder unknown, the memory is queued where the
    last worker began to serve, else in the default folder.
    Raises Mem0TrayError where text or project's name are too long, or no file can be written.
    """
    if len(project) > items.LONGEST_PROJECT:
        why = f"the project's name has more than {items.LONGEST_PROJECT} characters"
        raise Mem0TrayError(f"Nothing was queued: {why}.", "Choose a shorter one.")
    if items.is_too_long(text):
        raise too_long()
    name = str(uuid.uuid4())
    try:
        paths = prepared(loaded)
        return QueuedEntry(name, add(paths, entry(name, project, text)), paths.claude_dir)
    except FileUnavailableError as error:
        message = f"Nothing was queued: {error.message}"
        raise FileUnavailableError(message, f"{error.remedy} Then add it again.".strip()) from error


def too_long() -> Mem0TrayError:
    """Make the error about a text that is too long to be queued."""
    return Mem0TrayError(
        f"Nothing was queued: the text is too long, {items.TEXT_AT_MOST}.",
        "Add it in parts.",
    )


def prepared(loaded: Loaded) -> Paths:
    """The paths where these settings queue memories, made ready for the first of them.

    Raises FileUnavailableError if their folder is missing and cannot be made.
    """
    paths = _locations(loaded)
    if _URL not in loaded.unknown:
        _remember_choice(loaded.settings.server.url, paths)
    private_folders.make_private_folder(paths.claude_dir)
    return paths


def entry(name: str, project: str, text: str, timestamp: float | None = None) -> items.Object:
    """A queue entry as producers write it; `timestamp` in Unix seconds, None for now."""
    return items.entry(name, project, text, int(time.time()) if timestamp is None else timestamp)


def _locations(loaded: Loaded) -> Paths:
    if _FOLDER in loaded.unknown:
        served = data_folders.last_served(data_root())
        if served is not None:
            return Paths.for_claude_dir(served)
    return loaded.settings.locations()


def _remember_choice(url: str, paths: Paths) -> None:
    """Remember the choice before we make the first file; the queue file reports any trouble."""
    from mem0tray.config import server_choice

    with suppress(FileUnavailableError):
        server_choice.remember_if_first(url, paths)


def add(paths: Paths, *entries: items.Object, lock_wait: float = LOCK_WAIT) -> str:
    """Put `entries` into the queue file, or all into the emergency file; return which.

    The emergency file is used when the lock is not free within `lock_wait` seconds, and when the
    queue file is broken, whose salvage is the worker's business.
    Raises FileUnavailableError when neither can be written.
    """
    try:
        queued = _queue(paths, [document.dump(entry) for entry in entries], lock_wait)
    except (LockTimeoutError, NoThreadError, FileUnavailableError, atomic.TornError):
        queued = False
    if queued:
        return "queue"
    ours = {"emergency": True, items.QUEUED_AT: time.time()}
    lines = [document.dump({**entry, **ours}) for entry in entries]
    append_line(paths.emergency, b"\n".join(lines))
    return "emergency"


def _queue(paths: Paths, entries: list[bytes], lock_wait: float) -> bool:
    """Write the queue file with `entries` in it; False when it cannot be read whole.

    A large file is prepared without the lock, which is then held only to see that nothing has
    changed; if others are too busy for that, everything is done under it.
    """
    path, lock = paths.queue, FileLock(paths.queue_lock)
    size = path.stat().st_size if path.exists() else 0
    for _ in range(_TRIES if size > _LARGE else 0):
        with suppress(atomic.TornError):
            data, before = _with_entries(path, entries)
            if data is not None and _replace_if_unchanged(path, data, before, lock, lock_wait):
                return True
    with lock.held(lock_wait):
        data, _ = _with_entries(path, entries)
        if data is not None:
            atomic.replace(path, data)
    return data is not None


def _replace_if_unchanged(
    path: Path, data: bytes, before: Signature | None, lock: FileLock, lock_wait: float
) -> bool:
    late: list[LockTimeoutError] = []

    def still_valid() -> bool:
        try:
            lock.acquire(lock_wait)
        except LockTimeoutError as error:
            late.append(error)  # raised once the temporary file is gone
            return False
        return atomic.signature(path) == before

    try:
        done = atomic.replace(path, data, still_valid=still_valid) is not None
    finally:
        lock.release()
    if late:
        raise late[0]
    return done


def _with_entries(path: Path, entries: list[bytes]) -> tuple[bytes | None, Signature | None]:
    """The queue file with `entries`, and its signature as read; no bytes when it is broken."""
    found = atomic.read(path)
    data, before = found or (b"{}", None)
    try:
        parsed = document.parse(data, (_QUEUE,))
    except document.BrokenDocumentError:
        return None, before
    if parsed.rejected:
        return None, before
    queue = [*parsed.lists[_QUEUE], *entries]
    return _laid_out({_QUEUE: queue, **_beside(parsed.rest, entries)}), before


def _beside(rest: dict[str, bytes], entries: list[bytes]) -> dict[str, Value]:
    """The file's other values beside the queue, with `entries` shown and counted."""
    return {
        "last_100": _with_last(rest.pop("last_100", b"[]"), entries),
        "failed": rest.pop("failed", b"[]"),
        "stats": _counted(rest.pop("stats", document.NEW_STATS), len(entries)),
        **rest,
    }


def _with_last(raw: bytes, entries: list[bytes]) -> Value:
    """`last_100` with `entries`; anything but a list is left alone."""
    try:
        return [*_RAW_LIST.decode(raw), *entries][-SHOWN:]
    except msgspec.DecodeError:
        value = _listed(raw)
        return raw if value is None else [*map(document.dump, value), *entries][-SHOWN:]


def _listed(raw: bytes) -> list[Any] | None:
    """A list that the fast parser refuses (it has NaN), or None when it is no list."""
    value = json.loads(raw)
    return value if isinstance(value, list) else None


def _counted(raw: bytes, more: int) -> bytes:
    """The counters with `more` queued; anything but an object is left alone."""
    stats = items.load_object(raw)
    if stats is None:
        return raw
    return items.with_fields(raw, {"total_queued": items.count(stats.get("total_queued")) + more})


def _laid_out(top: dict[str, Value]) -> bytes:
    """Lay the document out at once; value by value if the fast parser refuses it."""
    members = (
        document.dump(name) + b":" + (value if isinstance(value, bytes) else _list_of(value))
        for name, value in top.items()
    )
    with suppress(msgspec.DecodeError):
        return msgspec.json.format(b"{" + b",".join(members) + b"}", indent=2) + b"\n"
    return document.compose(
        {
            name: value
            if isinstance(value, bytes)
            else [document.pretty(bytes(each), 2) for each in value]
            for name, value in top.items()
        }
    )


def _list_of(values: list[bytes]) -> bytes:
    return b"[" + b",".join(values) + b"]"


def append_line(path: Path, line: bytes) -> None:
    """Append one line or more durably, in one write: no other writer gets between.

    If somebody left a line without its end, it gets one first.
    """
    try:
        fd = regular_file.open_fd(path, os.O_RDWR | os.O_APPEND | os.O_CREAT)
        try:
            size = os.fstat(fd).st_size
            if size:
                os.lseek(fd, size - 1, os.SEEK_SET)
                if os.read(fd, 1) != b"\n":
                    line = b"\n" + line
            atomic.write_all(fd, line + b"\n")
            atomic.sync(fd)
        finally:
            os.close(fd)
    except OSError as error:
        raise atomic.unavailable(path, error) from error
    if not size:
        atomic.sync_folder(path.parent)


def among(paths: Paths, names: Collection[items.Name]) -> set[items.Name]:
    """Those of these memories that the user has deleted, or given another text."""
    found = orders.discarded(paths.orders) & set(names)
    if not os.path.exists(paths.ledger):  # noqa: PTH110  (Path.exists() raises where it may not look)
        return found
    from mem0tray.ledger.reader import Reader  # slow to import

    with Reader(paths.ledger) as reader:
        known = {name: reader.known(*name) for name in names}
    return found | {name for name, row in known.items() if row and row.state == items.DISCARDED}
