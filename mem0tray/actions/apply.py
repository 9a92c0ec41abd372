"""Applying a user's verb: an order that the worker answers, or that we carry out in its place.

Whoever holds the worker's lock is the ledger's only writer. If no worker runs, the command holds
that lock for the moment (`worker.orders.standing_in`); the same code applies the order either way.
"""

import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from msgspec import Struct

from mem0tray.config import server_choice
from mem0tray.config.settings import Settings
from mem0tray.core import item as items
from mem0tray.core.errors import AlreadyRunningError, Mem0TrayError
from mem0tray.core.item import Name
from mem0tray.files import orders
from mem0tray.files.lock import COMMAND, InstanceLock, of_worker
from mem0tray.files.orders import DELIVERED, DONE, GONE, IN_FLIGHT, PERHAPS, Order
from mem0tray.ledger.reader import Reader
from mem0tray.system.paths import Paths

_LOOK: Final = 0.01  # seconds
_MOMENT: Final = 2.0  # seconds; a worker that takes longer is in trouble, and sends nothing


class Answer(Struct, frozen=True):
    """What became of each memory; `heard`: the order has been applied."""

    results: dict[Name, str]
    heard: bool = True

    def of(self, name: Name) -> str:
        """What became of this memory; an order that is not applied yet will be."""
        return self.results.get(name, GONE if self.heard else DONE)


def worker_runs(paths: Paths) -> bool:
    """Whether a worker is there to apply orders."""
    return of_worker(paths) is not None


def apply(paths: Paths, settings: Settings, order: Order) -> Answer:
    """Apply an order, now or as soon as the worker can; say what became of each memory.

    A worker has two seconds to answer, also about what it is sending; it applies an order before
    its next request; another command has as long to end. Raises LedgerError, FileUnavailableError
    or LockTimeoutError when the order cannot be applied: it is taken back, and nothing has changed.
    """
    path = orders.leave(paths, order)
    end = time.monotonic() + _MOMENT
    while True:
        waits = path.exists()  # before the answer, which comes before the order leaves
        found = orders.take_answer(path)
        if found is not None:
            break
        if not waits or time.monotonic() > end:  # a full disk takes no answer
            return Answer({}, heard=False)
        if worker_runs(paths) or not _stood_in(paths, settings, path, end):
            time.sleep(_LOOK)
    return Answer(_ended(paths, found, end))


def _stood_in(paths: Paths, settings: Settings, order: Path, end: float) -> bool:
    """Apply the orders that wait in the worker's place; return whether ours was among them."""
    lock = InstanceLock(paths.instance_lock, COMMAND)
    try:
        lock.acquire(end - time.monotonic())
        _run(paths, settings)
    except AlreadyRunningError:
        return False
    except BaseException:
        if orders.take_back(order):
            raise
    finally:
        lock.release()
    return not order.exists()


def _run(paths: Paths, settings: Settings) -> None:
    # Slow to import, and needed only here.
    from mem0tray.actions.server_names import chosen_server
    from mem0tray.core.events import Events, LedgerRebuilt
    from mem0tray.ledger.database import Ledger
    from mem0tray.worker.context import WorkerContext
    from mem0tray.worker.orders import standing_in
    from mem0tray.worker.telling.log import EventLog

    server_choice.remember_if_first(settings.server.url, paths)
    ledger = Ledger(paths.ledger)
    bus, log = Events(), EventLog(paths, settings.log)
    bus.subscribe(log)
    try:
        if ledger.rebuilt:
            bus.emit(LedgerRebuilt(ledger.rebuilt))
        server = chosen_server(settings, paths)
        context = WorkerContext(paths, settings, ledger, bus, server.name, server.shown)
        standing_in.run(context)
    finally:
        with suppress(Mem0TrayError):  # what was applied is durable
            ledger.close(in_order=False)
        log.close()


def _ended(paths: Paths, results: dict[Name, str], end: float) -> dict[Name, str]:
    """The results, once the requests under way have ended; until `end` at most."""
    while IN_FLIGHT in results.values():
        in_flight = [name for name, what in results.items() if what == IN_FLIGHT]
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
            break
        time.sleep(_LOOK)
    return results
