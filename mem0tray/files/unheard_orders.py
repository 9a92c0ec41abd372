"""Orders of commands that the worker has not heard: a sender looks for them before it sends."""

import os
import time
from pathlib import Path
from typing import Final

from mem0tray.files import orders

# Nanoseconds: within so long a folder may change twice under one time, as some systems keep it.
_TICK: Final = 2_000_000_000


class UnheardOrders:
    """Keeps what a command has just forbidden from being sent. Any thread may call it.

    A sender looks here when its claim is in the ledger, and a command looks into the ledger
    when its order is in the folder. So one of them sees the other: either the memory is not
    sent, or the command knows that it may have been. An order that the worker carries out in
    between is in the folder no more, and was too late for the claim: `carried_out` counts it.

    `wait`: nothing more is to be claimed until the worker has heard.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = str(folder)
        self._quiet: int | None = None  # when the folder last changed, with nothing new in it (ns)
        self._heard: frozenset[str] = frozenset()  # those that the worker could not carry out
        self.carried_out = 0
        self.wait = False

    def look(self, carried_out: int) -> bool:
        """Whether there are any, or one was carried out after so many.

        It costs a question to the system, where nothing has changed.
        """
        if self._are_there():  # before the count: an order leaves the folder when it is counted
            return True
        return self.carried_out != carried_out

    def _are_there(self) -> bool:
        try:
            changed = os.stat(self._folder).st_mtime_ns  # noqa: PTH116  (half the time of Path.stat)
        except OSError:
            return False  # it is not there, or the worker cannot read it either
        if changed == self._quiet:
            return False
        if self.names() - self._heard:
            self.wait = True
            return True
        if time.time_ns() - changed > _TICK:
            self._quiet = changed
        return False

    def names(self) -> frozenset[str]:
        """The names of all that are there."""
        try:
            return frozenset(filter(orders.is_order, os.listdir(self._folder)))  # noqa: PTH208
        except OSError:
            return frozenset()

    def note_carried_out(self) -> None:
        """Note that the ledger shows what an order wants, which leaves the folder next."""
        self.carried_out += 1

    def note_heard(self, names: frozenset[str]) -> None:
        """Note that the worker has looked at these; any that are still there hinder no longer."""
        self._heard = names
        self.wait = False
