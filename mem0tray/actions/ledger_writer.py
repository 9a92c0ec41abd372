"""The ledger's only writer, which carries out the orders of commands (`files.orders`).

That is the worker, which takes a second at most. If none runs, a command that has changed the
files is the writer for a moment (`in_step`), so that no later loss of a file undoes it;
where that is impossible, the files and orders tell the next worker.
"""

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mem0tray.config.settings import Settings
from mem0tray.core import item as items
from mem0tray.core.errors import AlreadyRunningError, LedgerError, Mem0TrayError
from mem0tray.core.item import Name
from mem0tray.files import atomic, orders
from mem0tray.files.lock import COMMAND, InstanceLock, of_worker
from mem0tray.ledger.known import Known
from mem0tray.ledger.reader import Reader
from mem0tray.system.paths import Paths

_LOOK: Final = 0.02
_MOMENT: Final = 2.0  # seconds; a worker that takes longer is in trouble, and sends nothing


def note_restored(paths: Paths, names: Iterable[Name]) -> None:
    """Tell the worker that these are restored, of whose deletion it has not heard yet.

    Else it would see no change, and take the backup of that deletion for that of a
    later removal. Write the note before the files: a needless note hides nothing.
    """
    with Reader(paths.ledger, needed=True) as reader:
        known = [(name, reader.known(*name)) for name in names]
    there = [
        name for name, row in known if row is not None and row.state in (items.FRESH, items.DEAD)
    ]
    if there:
        orders.note_restored(paths, there)


def carried_out(path: Path, timeout: float) -> bool:
    """Wait for the worker; return whether it has carried out the order."""
    end = time.monotonic() + timeout
    while path.exists():
        if time.monotonic() > end:
            return False
        time.sleep(_LOOK)
    return True


def worker_runs(paths: Paths) -> bool:
    """Whether a worker is there to carry out orders."""
    return of_worker(paths) is not None


@dataclass(frozen=True, slots=True)
class Heard:
    """What became of memories that a command has changed or deleted, as the worker tells.

    `delivered`: the server has them as they were. `in_flight`: they are being sent as they were,
    and there is no answer yet. `perhaps`: they were being sent as they were, now or before, and
    nobody knows the outcome. `answers`: the worker, if there is one, has carried out everything.
    """

    delivered: frozenset[Name] = frozenset()
    in_flight: frozenset[Name] = frozenset()
    perhaps: frozenset[Name] = frozenset()
    answers: bool = True


def let_hear(paths: Paths, given: Iterable[Path | None], changed: Iterable[Name]) -> Heard:
    """Give a running worker a moment to carry out these orders; return what became of `changed`.

    It may also learn what becomes of those that it is sending. Until it has heard, it claims
    nothing more (`files.unheard_orders`), and sends what it has claimed.
    """
    names = set(changed)
    end = time.monotonic() + _MOMENT
    with Reader(paths.ledger) as reader:
        before = _rows(reader, names)
        # A failure, or a kill, may have left an outcome unknown long before.
        sent = {name for name, row in before.items() if (row.claimed, row.unknown) != (None, None)}
        left = [path for path in given if path is not None]
        # A worker that has ended may have carried them out before.
        if not worker_runs(paths) and all(path.exists() for path in left):
            return Heard(perhaps=frozenset(sent))
        answers = all(carried_out(path, end - time.monotonic()) for path in left)
        rows = _rows(reader, names)
        while (in_flight := _claimed(rows)) and time.monotonic() < end:
            sent |= in_flight
            time.sleep(_LOOK)
            rows |= _rows(reader, in_flight)
    delivered = {name for name, row in rows.items() if row.state == items.DELIVERED}
    open_ones = {name for name, row in rows.items() if row.unknown is not None}
    perhaps = (sent & open_ones) - delivered - in_flight
    if not worker_runs(paths):  # it has ended in between
        perhaps, in_flight = perhaps | in_flight, set()
    return Heard(frozenset(delivered), frozenset(in_flight), frozenset(perhaps), answers)


def _rows(reader: Reader, names: Iterable[Name]) -> dict[Name, Known]:
    found = {name: reader.known(*name) for name in names}
    return {name: row for name, row in found.items() if row is not None}


def _claimed(rows: Mapping[Name, Known]) -> set[Name]:
    return {name for name, row in rows.items() if row.claimed is not None}


def has_delivered(paths: Paths, names: Iterable[Name]) -> set[Name]:
    """Those that have been delivered, as far as the ledger tells."""
    with Reader(paths.ledger) as reader:
        rows = _rows(reader, names)
    return {name for name, row in rows.items() if row.state == items.DELIVERED}


@contextmanager
def in_step(paths: Paths, settings: Settings, *, records: bool = True) -> Iterator[None]:
    """If no worker runs, keep the ledger in step with what a command does to the files inside.

    Before, it takes in a hand edit: once a command has written the file anew, it can no longer
    be told what the user did, or that a file is an old copy of ours. Afterwards it `records` what
    the command did. Raises nothing of its own: what cannot be recorded stands in the files, and
    the next worker reads them.
    """
    if not _is_merged(paths):
        _record(paths, settings)
    yield
    if records:
        _record(paths, settings)


def _is_merged(paths: Paths) -> bool:
    """Whether the ledger knows all that the DLQ file shows."""
    found = atomic.signature(paths.dlq)
    if found is None:
        return True
    with Reader(paths.ledger) as reader:
        return reader.has_merged(found)


def _record(paths: Paths, settings: Settings) -> None:
    # Without a ledger there is nothing yet that a worker could lose track of.
    if paths.ledger.exists() and not worker_runs(paths):
        with suppress(Mem0TrayError, OSError):
            carry_out_here(paths, settings)


def carry_out_here(paths: Paths, settings: Settings, *, scrub: bool = False) -> bool:
    """Be the worker for a moment, but send nothing; False when a worker has just started.

    `scrub`: leave no trace of texts that this erases. Raises LedgerError when the ledger
    cannot be opened, FileUnavailableError.
    """
    # Slow to import, and needed only here.
    from mem0tray.actions.server_names import chosen_server
    from mem0tray.core.events import Events, LedgerRebuilt
    from mem0tray.ledger.database import Ledger
    from mem0tray.worker import carrying_out
    from mem0tray.worker.context import WorkerContext
    from mem0tray.worker.telling.log import EventLog

    lock = InstanceLock(paths.instance_lock, COMMAND)
    try:
        lock.acquire()
    except AlreadyRunningError:
        return False
    try:
        ledger = Ledger(paths.ledger)
        bus, log = Events(), EventLog(paths, settings.log)
        bus.subscribe(log)
        try:
            if ledger.rebuilt:
                bus.emit(LedgerRebuilt(ledger.rebuilt))
            server = chosen_server(settings, paths)
            context = WorkerContext(paths, settings, ledger, bus, server.name, server.shown)
            carrying_out.read_and_publish(context)
            if scrub:
                with suppress(LedgerError):
                    ledger.scrub()  # earlier versions of a row leave their text in free pages
        finally:
            with suppress(Mem0TrayError):  # what was carried out is durable
                ledger.close(in_order=False)
            log.close()
    finally:
        lock.release()
    return True
