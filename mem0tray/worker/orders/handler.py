"""The order handler: applies the orders of commands and the menu (`files.orders`), and answers."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from mem0tray.core import events
from mem0tray.files import orders
from mem0tray.files.orders import RETRY, SHOW, Order
from mem0tray.worker.context import WorkerContext
from mem0tray.worker.orders import verbs
from mem0tray.worker.orders.verbs import CHANGED, Results

if TYPE_CHECKING:
    from pathlib import Path


class OrderHandler:
    """Applies what waits in the folder of orders, the oldest first.

    `on_retry` is called when dead letters have become due at once.
    """

    def __init__(
        self, context: WorkerContext, on_retry: Callable[[], object] = lambda: None
    ) -> None:
        self._context = context
        self._on_retry = on_retry
        self._applied: list[tuple[Path, Results | None]] = []

    def apply(self, *, files_read: bool) -> int:
        """Apply the orders that wait, and return how many; `answer` ends them.

        Until the `files_read` are all read, an order about a memory that is not known yet waits.
        Raises FileUnavailableError when an order cannot be read, which then waits, and LedgerError.
        """
        barrier, applied = self._context.barrier, {path for path, _ in self._applied}
        there, kept = barrier.names(), set[str]()
        try:
            for path, order in orders.waiting(self._context.paths.orders):
                if order is not None and not files_read and not self._is_known(order):
                    kept.add(path.name)
                elif path not in applied:
                    self._applied.append((path, None if order is None else self._apply(order)))
                    barrier.note_applied()
        finally:
            barrier.note_seen(there - kept, wait=bool(kept))
        return len(self._applied)

    def _is_known(self, order: Order) -> bool:
        return all(self._context.inbox.known(name) is not None for name in order.names)

    def _apply(self, order: Order) -> Results | None:
        """Apply an order; return its answer, None where nobody waits for one."""
        if order.verb == SHOW:
            self._context.events.emit(events.StatusWanted())
        try:
            results = verbs.apply(self._context, order)
        except ValueError:  # an order that nobody could have left
            return None
        if order.verb == RETRY and not CHANGED.isdisjoint(results.values()):
            self._on_retry()
        return results or None

    def answer(self) -> None:
        """Answer the orders applied, and remove them. Raises FileUnavailableError."""
        while self._applied:
            path, results = self._applied[0]
            if results is None:
                path.unlink(missing_ok=True)
            else:
                orders.answer(path, results)
            del self._applied[0]
