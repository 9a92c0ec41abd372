"""Standing in for the worker: a command that holds its lock reads files and applies orders.

Like a cycle of the worker's, but nothing is sent, and files are written only if an order was
applied: what else the ledger would change in them, the next worker does.
"""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

from mem0tray.core import events
from mem0tray.core.errors import Mem0TrayError
from mem0tray.core.reasons import Reason
from mem0tray.files.atomic import TornError
from mem0tray.worker import other_worker
from mem0tray.worker.context import WorkerContext
from mem0tray.worker.dlq.hand_edits import HandEdits
from mem0tray.worker.dlq.publish import DlqPublisher
from mem0tray.worker.orders.handler import OrderHandler
from mem0tray.worker.queue.emergency import EmergencyIntake
from mem0tray.worker.queue.intake import QueueIntake
from mem0tray.worker.queue.publish import QueuePublisher

Unread = dict[str, Reason]


def run(context: WorkerContext) -> Mapping[str, Reason]:
    """Read the files; if orders wait, apply them and write the files.

    Returns why a file could not be read, by `queue`, `emergency` or `dlq`. Raises LedgerError when
    the ledger takes no change, FileUnavailableError when an order cannot be read: then none is
    applied.
    """
    beside = context.beside.at_work = not other_worker.is_none_beside(context)
    lines, queue, edits = EmergencyIntake(context), QueueIntake(context), HandEdits(context)
    # Nobody may be there to see what the other worker takes until ours starts.
    lines.may_have_been_sent |= beside
    queue.may_have_been_sent |= beside
    unread: Unread = {}
    with _noted("emergency", unread):
        lines.run(tidy=False)
    with _noted("queue", unread):
        queue.run()
    with _noted("dlq", unread):
        edits.run()
    for place, part, path in (
        ("queue", queue, context.paths.queue),
        ("dlq", edits, context.paths.dlq),
    ):
        if part.torn:
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
    with suppress(Mem0TrayError), _reported(context, "DLQ file"):
        if dlq.needed:
            dlq.run()
        dlq.merge_late_save()
    dlq.close()
    with suppress(Mem0TrayError, TornError), _reported(context, "queue file"):
        QueuePublisher(context, queue).run_once()


@contextmanager
def _noted(place: str, unread: Unread) -> Iterator[None]:
    """Note why a file cannot be read; it stops nothing else."""
    try:
        yield
    except Mem0TrayError as error:
        unread[place] = error.reason


@contextmanager
def _reported(context: WorkerContext, part: str) -> Iterator[None]:
    """Report an error, and let it pass on: the order is applied all the same."""
    try:
        yield
    except Mem0TrayError as error:
        context.events.emit(events.PartFailed(part, str(error), math.inf))
        raise
