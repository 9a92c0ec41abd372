"""One writer: whoever holds the worker's lock, the worker or a command that stands in for it."""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from threading import RLock
from typing import Final

from msgspec import Struct

from mem0tray.actions import worker_report
from mem0tray.config import server_choice
from mem0tray.config.settings import Settings
from mem0tray.core import item as items
from mem0tray.core import reasons
from mem0tray.core.errors import AlreadyRunningError, FileUnavailableError, Mem0TrayError
from mem0tray.core.item import Name
from mem0tray.core.reasons import Reason
from mem0tray.core.state import WorkerSeen
from mem0tray.files import atomic, document, emergency, orders
from mem0tray.files.document import BrokenDocumentError
from mem0tray.files.emergency import EmergencySource
from mem0tray.files.lock import COMMAND, InstanceLock, of_worker
from mem0tray.files.orders import DELIVERED, DONE, GONE, IN_FLIGHT, PERHAPS, Order
from mem0tray.ledger.names import DLQ_MERGED, QUEUE_READ
from mem0tray.ledger.reader import Reader
from mem0tray.system import regular_file
from mem0tray.system.paths import Paths

QUEUE: Final = "queue"
EMERGENCY: Final = "emergency"
DLQ: Final = "dlq"
_LOOK: Final = 0.01  # seconds
_NEWEST: Final = 1000  # entries
_CHANGES: Final = frozenset({orders.DELETE, orders.FORGET, orders.EDIT})
_TAKING_IN: Final = 0.5  # seconds that a worker gets to take in what has changed
_ANSWERING: Final = 2.0  # seconds; a worker that takes longer is in trouble, and sends nothing
_turn: Final = RLock()  # of this process's threads to stand in for a worker


class InStep(Struct, frozen=True):
    """How far the ledger is behind: `unread` files with the reason, and what else is newer.

    `new`: the last entries of the queue file, as they stand there, that a worker has not taken in.
    """

    unread: Mapping[str, Reason] = {}
    behind: Reason = reasons.NONE
    new: Sequence[bytes] = ()

    def check(self, *files: str) -> None:
        """Raise FileUnavailableError if one of these files, or any, cannot be read."""
        for file in files or self.unread:
            if self.unread.get(file):
                raise FileUnavailableError(*reasons.parted(self.unread[file]))

    @property
    def sentence(self) -> str:
        """Why what waits is not all known; empty where it is."""
        return " ".join(map(str, filter(None, dict.fromkeys([*self.unread.values(), self.behind]))))


def worker_runs(paths: Paths) -> bool:
    """Return whether a worker is there to read files and apply orders."""
    return of_worker(paths) is not None


def keep_in_step(paths: Paths, settings: Settings) -> InStep:
    """See that the ledger knows the files as they are now; half a second at most for a worker."""
    end = time.monotonic() + _TAKING_IN
    while newer := list(_newer(paths)):
        why = reasons.NONE
        if not worker_runs(paths):
            try:
                with _turn:  # another thread may have taken it in meanwhile
                    left = end - time.monotonic()
                    unread = stand_in(paths, settings, left) if any(_newer(paths)) else {}
            except Mem0TrayError as error:
                unread, why = None, error.reason
            if unread is not None:
                return InStep(unread)
        if why or time.monotonic() > end:
            newer = list(_newer(paths))
            return _behind(paths, newer, why) if newer else InStep()
        time.sleep(_LOOK)
    return InStep()


def _behind(paths: Paths, newer: Iterable[Path], why: Reason) -> InStep:
    """Say what is newer than the ledger, and why a file cannot be opened."""
    files = ", ".join(each.name for each in newer)
    said = Reason(
        "What is new in {files} is not taken in yet: `mem0tray doctor` says more.", files=files
    )
    if why:
        said = Reason("What is new in {files} could not be taken in. {why}", files=files, why=why)
    places = {QUEUE: paths.queue, EMERGENCY: paths.emergency, DLQ: paths.dlq}
    unread = {place: atomic.why_unreadable(path) for place, path in places.items()}
    new = _not_taken_in(paths) if paths.queue in newer else ()
    return InStep({place: each for place, each in unread.items() if each}, said, new)


def _not_taken_in(paths: Paths) -> Sequence[bytes]:
    """Return the last entries of the queue file, of `_NEWEST`, that the ledger does not know."""
    try:
        data = regular_file.read_bytes(paths.queue)
        entries = document.parse(data, document.QUEUE_SECTIONS).lists[document.QUEUE][-_NEWEST:]
    except (OSError, BrokenDocumentError):
        return ()
    found = [(each, items.parse(each)) for each in entries]
    with Reader(paths.ledger) as reader:
        return [raw for raw, item in found if item is not None and not reader.known(*item.name)]


def stand_in(paths: Paths, settings: Settings, patience: float) -> Mapping[str, Reason] | None:
    """Take in what has changed and apply the orders that wait, in the worker's place.

    Returns `InStep.unread`; None when a worker has the lock. Raises LockTimeoutError, LedgerError
    or FileUnavailableError: then nothing has changed.
    """
    lock = InstanceLock(paths.instance_lock, COMMAND)
    with _turn:
        try:
            lock.acquire(patience)
        except AlreadyRunningError:
            return None
        try:
            return _run(paths, settings)
        finally:
            lock.release()


def _run(paths: Paths, settings: Settings) -> Mapping[str, Reason]:
    # Slow to import, and needed only here.
    from mem0tray.core.events import Events
    from mem0tray.ledger.database import Ledger
    from mem0tray.worker.context import WorkerContext
    from mem0tray.worker.log import EventLog
    from mem0tray.worker.orders import run_without_worker

    server_choice.remember_if_first(settings.server.url, paths)
    ledger = Ledger(paths.ledger, checked=False)
    bus, log = Events(), EventLog(paths, settings.log)
    bus.subscribe(log)
    try:
        server = server_choice.chosen_server(settings, paths)
        context = WorkerContext(paths, settings, ledger, bus, server.name, server.shown)
        context.tell_of_ledger()
        return run_without_worker(context)
    finally:
        with suppress(Mem0TrayError):  # what was done is durable
            ledger.close()
        log.close()


# What has changed -----------------------------------------------------------------------------


def _newer(paths: Paths) -> Iterator[Path]:
    """Yield the files that the ledger does not know as they are now, and the orders that wait."""
    with Reader(paths.ledger) as reader:
        for path, name in ((paths.queue, QUEUE_READ), (paths.dlq, DLQ_MERGED)):
            try:
                found = atomic.signature(path)
            except FileUnavailableError:
                yield path
            else:
                if found is not None and not reader.is_noted(name, found):
                    yield path
        if _has_unread_lines(paths, reader.emergency_sources()):
            yield paths.emergency
    if any(order.items or order.texts for _, order in orders.readable(paths.orders)):
        yield paths.orders


def _has_unread_lines(paths: Paths, kept: bytes) -> bool:
    try:
        found = atomic.signature(paths.emergency)
        if found is None:
            return False
        known = {each.inode: each for each in emergency.sources(kept)}
        source = known.get(found.inode, EmergencySource(paths.emergency.name, found.inode))
        if source.offset == found.size and not atomic.why_unreadable(paths.emergency):
            return False
        return emergency.read(paths.claude_dir, source, final=False) is not None
    except FileUnavailableError:
        return True


class Answer(Struct, frozen=True):
    """What became of each memory; `heard`: the order has been applied."""

    results: dict[Name, str]
    heard: bool = True

    def of(self, name: Name) -> str:
        """Return what became of this memory; an order that is not applied yet will be."""
        return self.results.get(name, GONE if self.heard else DONE)


def submit(paths: Paths, settings: Settings, order: Order, copy: Path | None = None) -> Answer:
    """Have an order carried out, by the worker or here; return what became of each memory.

    A worker has two seconds to answer, also about what it is sending. Raises LedgerError,
    FileUnavailableError, LockTimeoutError or KeyboardInterrupt: the order is taken back, nothing
    has changed, and the caller's `copy` of what was to go is removed. Whatever cannot be taken
    back counts, and keeps the copy.
    """
    try:
        _refuse_overtaking(paths, order)
        path = orders.prepare(paths, order)
    except BaseException:
        _remove(copy)
        raise
    end = time.monotonic() + _ANSWERING
    is_left = False
    while True:
        try:
            if not is_left:
                orders.hand_over(path)
                is_left = True
            # Before the answer, which comes before the order leaves.
            waits = path.exists() or orders.claimed(path).exists()
            found = orders.take_answer(path)
            if found is not None:
                break
            if not waits or time.monotonic() > end:  # a full disk takes no answer
                return _without_answer(paths, order, applied=not waits)
            if not worker_runs(paths):
                _refuse_beside(paths, end)
                stand_in(paths, settings, end - time.monotonic())
            if path.exists() or orders.claimed(path).exists():
                time.sleep(_LOOK)
        except BaseException:
            if orders.take_back(path):  # interrupted again before this, the copy stays
                _remove(copy)
                raise
            is_left = True
    with suppress(KeyboardInterrupt):
        _await_requests(paths, found, end)
    return Answer(found)


def _refuse_overtaking(paths: Paths, order: Order) -> None:
    """Raise if an edit waits that is about one of these memories, or this one is behind an order.

    The later of the two would name a text that is no longer there.
    """
    ids = {each.id for each in order.items}
    for _, before in orders.readable(paths.orders):
        is_edit = orders.EDIT in (order.verb, before.verb)
        if is_edit and before.verb in _CHANGES and ids & {each.id for each in before.items}:
            raise Mem0TrayError(
                Reason("The worker has not heard yet what a command before asked of this memory."),
                Reason("Wait until it has; `mem0tray doctor` says what holds it up."),
            )


def _refuse_beside(paths: Paths, end: float) -> None:
    """Raise if a worker of ours serves this folder from another data folder: it would not hear."""
    from mem0tray.system import other_process  # slow to import, and rarely wanted

    seen = worker_report.metrics(paths.metrics)
    worker = WorkerSeen.of(seen.values, seen.written)
    while "run" in seen.values and other_process.find(worker) and not worker_runs(paths):
        if time.monotonic() > end:
            raise Mem0TrayError(
                Reason(
                    "A worker (process {number}) serves this folder, and keeps its own data"
                    " elsewhere: it would not hear of this; nothing was changed.",
                    number=worker.pid or "?",
                ),
                Reason("Type the command where that worker was started, or stop the worker first."),
            )
        time.sleep(_LOOK)  # it may just be ending


def _without_answer(paths: Paths, order: Order, *, applied: bool) -> Answer:
    """Say what became of an order as far as the ledger knows."""
    found: dict[Name, str] = {}
    if order.verb in _CHANGES:
        with Reader(paths.ledger) as reader:
            for name in order.names:
                row = reader.known(*name)
                if row is not None and row.state == items.DELIVERED:
                    found[name] = DELIVERED
                elif applied and row is not None and row.state == items.DISCARDED:
                    is_edit = order.verb == orders.EDIT and row.reason != items.EDITED
                    found[name] = GONE if is_edit else DONE
    return Answer(found, heard=False)


def _remove(copy: Path | None) -> None:
    if copy is not None:
        copy.unlink(missing_ok=True)


def _await_requests(paths: Paths, results: dict[Name, str], end: float) -> None:
    """Update the results until the requests under way have ended; at `end` at the latest."""
    while True:
        in_flight = [name for name, what in results.items() if what == IN_FLIGHT]
        if not in_flight:
            return
        runs = worker_runs(paths)
        with Reader(paths.ledger) as reader:
            for name in in_flight:
                row = reader.known(*name)
                if row is None:
                    results[name] = DONE
                elif row.state == items.DELIVERED:
                    results[name] = DELIVERED
                elif row.claimed is None or not runs:
                    results[name] = PERHAPS if row.claimed or row.unknown else DONE
        if time.monotonic() > end:
            return
        time.sleep(_LOOK)
