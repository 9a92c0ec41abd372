"""Asking the ledger's only writer for what an edit of the files alone cannot say.

One small file for each request, which the worker carries out within a second;
without a worker it waits for the next start, or is carried out here.
"""

import itertools
import json
import os
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

from mem0tray.config.settings import Settings
from mem0tray.core import item as items
from mem0tray.core.errors import AlreadyRunningError, LedgerError, Mem0TrayError
from mem0tray.core.item import Item
from mem0tray.files import atomic
from mem0tray.files.lock import InstanceLock, of_worker
from mem0tray.ledger.reader import Reader
from mem0tray.system import plain
from mem0tray.system.paths import Paths

DISCARD: Final = "discard"
FORGET: Final = "forget"
SEND: Final = "send"
SHOW: Final = "show"
_PUT_BACK: Final = "restored-"  # so begins a note: no older worker takes it for a request
Name = tuple[str, bytes]  # id and digest of a memory
_counter = itertools.count()
_LOOK: Final = 0.02


def name_of(item: Item) -> Name:
    """What the ledger knows a memory by."""
    return item.id, item.digest


def write(paths: Paths, verb: str, names: Iterable[Name]) -> Path | None:
    """Leave a request; its file, or None when it names nothing."""
    return _ask(paths, {"verb": verb}, names)


def discard(paths: Paths, names: Iterable[Name], done: str, backup: str) -> Path | None:
    """Ask to discard what an edit of the files alone does not; as `write`.

    `done` is what the user did (one of `files.receipts`), `backup` the name to restore from.
    """
    return _ask(paths, {"verb": DISCARD, "done": done, "backup": backup}, names)


def _ask(paths: Paths, request: items.Object, names: Iterable[Name]) -> Path | None:
    named = [{"id": name, "digest": digest.hex()} for name, digest in names]
    if not named:
        return None
    atomic.make_private_folder(paths.requests)
    return _leave(paths, {**request, "items": named, "at": time.time()})


def _leave(paths: Paths, request: items.Object, begin: str = "") -> Path:
    # The number keeps apart what one process asks within one tick of the clock.
    path = paths.requests / f"{begin}{time.time_ns() + next(_counter)}-{os.getpid()}.json"
    atomic.replace(path, json.dumps(request, indent=2).encode())
    return path


def ask_to_show(paths: Paths) -> None:
    """Ask the tray that runs to show its status."""
    atomic.make_private_folder(paths.requests)
    _leave(paths, {"verb": SHOW, "items": [], "at": time.time()})


def given_up(folder: Path) -> set[Name]:
    """What the requests in `folder` ask to delete, not carried out yet."""
    found: set[Name] = set()
    for path in atomic.listing(folder, "[0-9]*.json"):
        with suppress(OSError, ValueError, KeyError, TypeError):
            request = items.load_object(plain.read_bytes(path)) or {}
            if request.get("verb") in {DISCARD, FORGET}:
                found |= {(each["id"], bytes.fromhex(each["digest"])) for each in request["items"]}
    return found


def withdraw(paths: Paths, names: Iterable[Name]) -> None:
    """Take back what was asked about these memories and not carried out yet."""
    unwanted = {(name, digest.hex()) for name, digest in names}
    for path in atomic.listing(paths.requests, "[0-9]*.json"):
        try:
            request = items.load_object(plain.read_bytes(path)) or {}
        except FileNotFoundError:
            continue  # carried out just now
        named = [each for each in request.get("items", []) if isinstance(each, dict)]
        kept = [each for each in named if (each.get("id"), each.get("digest")) not in unwanted]
        if len(kept) == len(named):
            continue
        if kept:
            atomic.replace(path, json.dumps(request | {"items": kept}, indent=2).encode())
        else:
            path.unlink(missing_ok=True)


def note_put_back(paths: Paths, names: Iterable[Name]) -> None:
    """Tell the worker that these are put back, of whose deletion it has not heard yet.

    It sees no change then, and would take the backup of that deletion for one of a
    later removal. The note comes before the files: a needless one hides nothing.
    """
    with Reader(paths.ledger, needed=True) as reader:
        known = [(name, reader.known(*name)) for name in names]
    named = [
        {"id": name[0], "digest": name[1].hex()}
        for name, row in known
        if row is not None and row.state in (items.PENDING, items.DEAD)
    ]
    if named:
        atomic.make_private_folder(paths.requests)
        _leave(paths, {"items": named, "at": time.time()}, _PUT_BACK)


def carried_out(path: Path, timeout: float) -> bool:
    """Wait for the worker; whether it has carried out the request."""
    end = time.monotonic() + timeout
    while path.exists():
        if time.monotonic() > end:
            return False
        time.sleep(_LOOK)
    return True


def worker_runs(paths: Paths) -> bool:
    """Whether a worker is there to carry out requests."""
    return of_worker(paths) is not None


def carry_out_here(paths: Paths, settings: Settings) -> bool:
    """Be the worker for a moment and carry out what waits; False when one has just started.

    Raises LedgerError when the ledger cannot be opened.
    """
    # Slow to import, and only for this.
    from mem0tray.core.events import Events
    from mem0tray.ledger.database import Ledger
    from mem0tray.worker import requests
    from mem0tray.worker.context import Core
    from mem0tray.worker.telling.log import EventLog

    lock = InstanceLock(paths.instance_lock)
    try:
        lock.acquire()
    except AlreadyRunningError:
        return False
    try:
        ledger = Ledger(paths.ledger)
        bus, log = Events(), EventLog(paths, settings.log)
        bus.subscribe(log)
        try:
            requests.process(Core(paths, settings, ledger, bus))
            with suppress(LedgerError), ledger.reading() as db:
                db.execute("VACUUM")  # earlier versions of a row leave their text in free pages
        finally:
            with suppress(Mem0TrayError):  # what was carried out is durable
                ledger.close(settled=False)
            log.close()
    finally:
        lock.release()
    return True
