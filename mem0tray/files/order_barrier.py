"""The order barrier: a sender looks for orders that the worker has not applied before it sends."""

import os
import time
from pathlib import Path
from typing import Final

from mem0tray.files import orders

# Nanoseconds within which a folder may change twice and keep one time, on some file systems.
_TICK: Final = 2_000_000_000


class OrderBarrier:
    """Keeps from being sent what a command has just forbidden. Any thread may call it.

    A sender looks here once its claim is in the ledger, and the worker applies an order by looking
    into the ledger. So one of them sees the other: either the memory is not sent, or the answer
    says that it may have been. An order applied in between is no longer in the folder, and came
    too late for the claim: `applied` counts it.

    `wait`: nothing more is to be claimed until the worker has applied what there is.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = str(folder)
        self._quiet: int | None = None  # when the folder last changed, with nothing new in it (ns)
        self._seen: frozenset[str] = frozenset()  # orders that the worker could not apply
        self.applied = 0
        self.wait = False

    def look(self, applied: int) -> bool:
        """Return whether orders wait, or more were applied than `applied`.

        It costs one system call where nothing has changed.
        """
        if self._are_there():  # before the count, as an order leaves the folder once it is counted
            return True
        return self.applied != applied

    def _are_there(self) -> bool:
        try:
            changed = os.stat(self._folder).st_mtime_ns  # noqa: PTH116  (half the time of Path.stat)
        except OSError:
            return False  # no folder, or one that the worker cannot read either
        if changed == self._quiet:
            return False
        if self.names() - self._seen:
            self.wait = True
            return True
        if time.time_ns() - changed > _TICK:
            self._quiet = changed
        return False

    def names(self) -> frozenset[str]:
        """The names of all orders that are there."""
        try:
            return frozenset(filter(orders.is_order, os.listdir(self._folder)))  # noqa: PTH208
        except OSError:
            return frozenset()

    def note_applied(self) -> None:
        """Note that the ledger shows what an order wants; the order leaves the folder next."""
        self.applied += 1

    def note_seen(self, names: frozenset[str], *, wait: bool = False) -> None:
        """Note that the worker has tried these: they no longer hold up sending.

        `wait`: others among them do, until a file is read that may hold what they are about.
        """
        self._seen = names
        self.wait = wait
