"""Queueing memories as an ordinary producer does: under the lock, and on the disk when done."""

import os
import time
import uuid
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from mem0tray.config.settings import Loaded
from mem0tray.core import item as items
from mem0tray.core.errors import FileUnavailableError, LockTimeoutError, Mem0TrayError
from mem0tray.files import atomic, document, orders, private_folders
from mem0tray.files.document import QUEUE, RECENT, BrokenDocumentError
from mem0tray.files.lock import FileLock
from mem0tray.system import regular_file
from mem0tray.system.paths import Paths

LOCK_WAIT: Final = 1.0  # seconds; after that the emergency file, which needs no lock
SHOWN: Final = 100  # entries in `last_100`


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
        f"Nothing was queued: the text is too long, {items.TEXT_AT_MOST}.", "Add it in parts."
    )


def prepared(loaded: Loaded) -> Paths:
    """Prepare the folder where these settings queue memories. Raises FileUnavailableError."""
    paths = loaded.in_last_folder().locations()
    if "server.url" not in loaded.unknown:
        from mem0tray.config import server_choice

        with suppress(FileUnavailableError):  # the queue file reports any trouble
            server_choice.remember_if_first(loaded.settings.server.url, paths)
    private_folders.make_private_folder(paths.claude_dir)
    return paths


def entry(name: str, project: str, text: str, timestamp: float | None = None) -> items.Object:
    """Make a queue entry as producers write it; `timestamp` in Unix seconds, None for now."""
    return items.entry(name, project, text, int(time.time()) if timestamp is None else timestamp)


def add(paths: Paths, *entries: items.Object, lock_wait: float = LOCK_WAIT) -> str:
    """Put `entries` into the queue file, or all into the emergency file; return which.

    The emergency file is used when the lock is not free within `lock_wait` seconds, and when the
    queue file is broken, whose salvage is the worker's business.
    Raises FileUnavailableError when neither can be written.
    """
    fails = (LockTimeoutError, FileUnavailableError, atomic.TornError)
    with suppress(*fails), FileLock(paths.queue_lock).held(lock_wait):
        data = _with_entries(paths.queue, [document.dump(each) for each in entries])
        if data is not None:
            atomic.replace(paths.queue, data)
            return "queue"
    ours = {"emergency": True, items.QUEUED_AT: time.time()}
    append_line(paths.emergency, b"\n".join(document.dump({**each, **ours}) for each in entries))
    return "emergency"


def _with_entries(path: Path, entries: list[bytes]) -> bytes | None:
    """Return the queue file with `entries` queued, shown and counted; None if it is broken."""
    found = atomic.read(path)
    data = found[0] if found is not None else b"{}"
    try:
        parsed = document.parse(data, (QUEUE, RECENT))
    except BrokenDocumentError:
        try:
            parsed = document.parse(data, (QUEUE,))  # a `last_100` that is no list is left alone
        except BrokenDocumentError:
            return None
    if parsed.rejected:
        return None
    rest, lists = parsed.rest, parsed.lists
    new = [document.pretty(raw, 2) for raw in entries]
    top: dict[str, document.Value] = {QUEUE: [*lists[QUEUE], *new]}
    top[RECENT] = rest.pop(RECENT, b"") or [*lists[RECENT], *new][-SHOWN:]
    top["failed"] = rest.pop("failed", b"[]")
    top["stats"] = stats = rest.pop("stats", document.NEW_STATS)
    known = items.load_object(stats)
    if known is not None:  # anything but an object is left alone
        total = items.count(known.get("total_queued")) + len(entries)
        top["stats"] = items.with_fields(stats, {"total_queued": total})
    return document.compose(top | rest)


def append_line(path: Path, line: bytes) -> None:
    """Append lines durably in one write, after ending a line that somebody left without its end."""
    with atomic.explained(path):
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
    if not size:
        atomic.sync_folder(path.parent)


def deleted(paths: Paths, names: Collection[items.Name]) -> set[items.Name]:
    """Return those of these memories that the user has deleted, or given another text."""
    found = orders.discarded(paths.orders) & set(names)
    if not os.path.exists(paths.ledger):  # noqa: PTH110  (Path.exists() raises where it may not look)
        return found
    from mem0tray.ledger.reader import Reader  # slow to import

    with Reader(paths.ledger) as reader:
        known = {name: reader.known(*name) for name in names}
    return found | {name for name, row in known.items() if row and row.state == items.DISCARDED}
