"""Applying a user's verb: an order that the worker answers, or that we carry out in its place.

Whoever holds the worker's lock is the ledger's only writer. If no worker runs, the command holds
that lock for the moment (`in_step.stand_in`); the same code applies the order either way.
"""

import time
from pathlib import Path
from typing import Final

from msgspec import Struct

from mem0tray.actions.in_step import stand_in, worker_runs
from mem0tray.config.settings import Settings
from mem0tray.core import item as items
from mem0tray.core.item import Name
from mem0tray.files import orders
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


def apply(paths: Paths, settings: Settings, order: Order) -> Answer:
    """Apply an order, now or as soon as the worker can; say what became of each memory.

    A worker has two seconds to answer, also about what it is sending; it applies an order before
    its next request. Raises LedgerError or FileUnavailableError when the order cannot be applied:
    then it is taken back, and nothing has changed.
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
        if worker_runs(paths) or not _stood_in(paths, settings, path):
            time.sleep(_LOOK)
    return Answer(_ended(paths, found, end))


def _stood_in(paths: Paths, settings: Settings, order: Path) -> bool:
    """Apply the orders that wait in the worker's place; return whether ours was among them."""
    try:
        if stand_in(paths, settings) is None:
            return False
    except BaseException:
        if orders.take_back(order):
            raise
    return not order.exists()


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
