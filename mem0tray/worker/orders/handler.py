"""Orders of commands and the menu (`files.orders`): applied and answered by the worker, or for it.

A command that holds the worker's lock for a moment stands in for the worker (`stand_in`).
"""

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING

from mem0tray.core import events
from mem0tray.core.errors import Mem0TrayError
from mem0tray.core.reasons import Reason
from mem0tray.files import orders
from mem0tray.files.atomic import TornError
from mem0tray.files.orders import RETRY, SHOW, Order
from mem0tray.worker import other_worker
from mem0tray.worker.context import WorkerContext
from mem0tray.worker.dlq.hand_edits import HandEdits
from mem0tray.worker.dlq.publish import DlqPublisher
from mem0tray.worker.orders import verbs
from mem0tray.worker.orders.verbs import CHANGED, Results
from mem0tray.worker.queue.emergency import EmergencyIntake
from mem0tray.worker.queue.intake import QueueIntake
from mem0tray.worker.queue.publish import QueuePublisher

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
        there, waiting = barrier.names(), set[str]()
        try:
            for path, order in orders.waiting(self._context.paths.orders):
                if order is not None and not files_read and not self._is_known(order):
                    waiting.add(path.name)
                elif path not in applied:
                    self._applied.append((path, None if order is None else self._apply(order)))
                    barrier.note_applied()
        finally:
            barrier.note_seen(there - waiting, wait=bool(waiting))
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
        while self._applied:
            path, results = self._applied[0]
            if results is None:
                path.unlink(missing_ok=True)
            else:
                orders.answer(path, results)
            del self._applied[0]


def stand_in(context: WorkerContext) -> Mapping[str, Reason]:
    """Read the files as the worker does; if orders wait, apply them and write the files.

    Nothing is sent, and other changes of the files are left to the next worker. Returns why a file
    could not be read, by `queue`, `emergency` or `dlq`. Raises LedgerError when the ledger takes no
    change, FileUnavailableError when an order cannot be read: then none is applied.
    """
    beside = context.beside.at_work = not other_worker.is_none_beside(context)
    lines, queue, edits = EmergencyIntake(context), QueueIntake(context), HandEdits(context)
    # Nobody may be there to see what the other worker takes until ours starts.
    lines.may_have_been_sent |= beside
    queue.may_have_been_sent |= beside
    unread: dict[str, Reason] = {}
    reads: dict[str, Callable[[], object]] = {
        "emergency": partial(lines.run, tidy=False), "queue": queue.run, "dlq": edits.run,
    }  # fmt: skip
    for place, read in reads.items():
        try:
            read()
        except Mem0TrayError as error:  # it stops nothing else
            unread[place] = error.reason
    for place, torn, path in (
        ("queue", queue.torn, context.paths.queue),
        ("dlq", edits.torn, context.paths.dlq),
    ):
        if torn:
            unread[place] = Reason(
                "{path} is broken, or just being written: it cannot be read yet. Try again.",
                path=path,
            )
    handler = OrderHandler(context)
    try:
        if handler.apply(files_read=not (queue.torn or edits.torn)):
            _publish(context, queue, edits)
    finally:
        handler.answer()
    return unread


def _publish(context: WorkerContext, queue: QueueIntake, edits: HandEdits) -> None:
    dlq = DlqPublisher(context, edits)
    with _reported(context, "DLQ file"):
        if dlq.needed:
            dlq.run()
        dlq.merge_late_save()
    dlq.close()
    with suppress(TornError), _reported(context, "queue file"):
        QueuePublisher(context, queue).run_once()


@contextmanager
def _reported(context: WorkerContext, part: str) -> Iterator[None]:
    try:
        yield
    except Mem0TrayError as error:
        context.events.emit(events.PartFailed(part, str(error), math.inf))
