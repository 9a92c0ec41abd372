"""Queueing what a migration brings over: in batches, no more at once than a worker can send."""

import time
from collections.abc import Callable, Sequence
from typing import Final

from mem0tray.actions import add, worker_report
from mem0tray.core import item as items
from mem0tray.core.state import HEALTHY, STARTING
from mem0tray.ledger.reader import Reader
from mem0tray.system.paths import Paths

BATCH: Final = 500  # memories in one write of the queue file
_BYTES: Final = 4 << 20  # bytes of texts in one write, about
WAITING_MOST: Final = 2000  # memories that wait while a worker sends them
_LOOK: Final = 0.05  # seconds
_STALLED: Final = 10.0  # seconds without a delivery after which we no longer wait


class Feed:
    """Queues entries as an ordinary producer does.

    While a worker delivers, the queue file stays small: more than `WAITING_MOST` are queued
    only if their number does not fall. Without a worker, or with a server that is down, all are
    queued at once. `server` is what the ledger calls the chosen one; `waits` is called while
    there is nothing to do but wait.
    """

    def __init__(self, paths: Paths, server: str, waits: Callable[[], None]) -> None:
        self._paths = paths
        self._server = server
        self._waits = waits
        self._batch: list[items.Object] = []
        self._size = 0
        self._last: items.Name | None = None  # the last one queued
        self._patient = True
        self.queued = 0  # memories put into the file
        self.discarded = 0  # memories that the user deleted before they were queued

    def put(self, entries: Sequence[items.Object]) -> None:
        """Queue these entries, together with others. Raises FileUnavailableError."""
        for entry in entries:
            self._batch.append(entry)
            self._size += len(entry["content"])
            if len(self._batch) >= BATCH or self._size >= _BYTES:
                self.flush()
                self._make_room()

    def flush(self) -> None:
        """Queue what was put but not queued yet. Raises FileUnavailableError."""
        wanted = self._still_wanted()
        self.discarded += len(self._batch) - len(wanted)
        if wanted:
            add.add(self._paths, *wanted.values())
            self._last = next(reversed(wanted))
            self.queued += len(wanted)
        self._batch, self._size = [], 0

    def _still_wanted(self) -> dict[items.Name, items.Object]:
        """What the user has not deleted, as another migration may have queued it before."""
        named = {(e["id"], items.digest(e["project_id"], e["content"])): e for e in self._batch}
        unwanted = add.deleted(self._paths, named)
        return {name: entry for name, entry in named.items() if name not in unwanted}

    def _make_room(self) -> None:
        """Wait until a worker has taken in what was queued, and sent most of it."""
        least, changed = None, time.monotonic()
        while self._patient and self._delivers():
            left = self._left()
            if left <= WAITING_MOST - BATCH:
                return
            if least is None or left < least:
                least, changed = left, time.monotonic()
            elif time.monotonic() - changed > _STALLED:
                self._patient = False
            self._waits()
            time.sleep(_LOOK)

    def _left(self) -> int:
        """How many memories wait; more than allowed while the last batch is not taken in yet."""
        with Reader(self._paths.ledger) as reader:
            if self._last is not None and not reader.former.was_taken_in(self._last, self._server):
                return WAITING_MOST + 1
            return reader.former.waiting()

    def _delivers(self) -> bool:
        """Whether a worker runs and, as far as it says, nothing keeps it from delivering."""
        if worker_report.running(self._paths) is None:
            return False
        said = worker_report.metrics(self._paths.metrics).values.get("state")
        return said in (HEALTHY, STARTING, None)
