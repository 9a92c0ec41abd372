"""Standing in for the worker: a command that holds its lock applies the orders that wait.

Like a cycle of the worker's: files are read, orders applied, files written. Nothing is sent, and
what cannot be done now is left to the next worker.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from mem0tray.core import events
from mem0tray.core.errors import Mem0TrayError
from mem0tray.files.atomic import TornError
from mem0tray.worker import other_worker
from mem0tray.worker.context import WorkerContext
from mem0tray.worker.dlq.hand_edits import HandEdits
from mem0tray.worker.dlq.publish import DlqPublisher
from mem0tray.worker.orders.handler import OrderHandler
from mem0tray.worker.queue.emergencies import EmergencyIntake
from mem0tray.worker.queue.intake import QueueIntake
from mem0tray.worker.queue.publish import QueuePublisher


def run(context: WorkerContext) -> None:
    """Read the files, apply the orders, write the files.

    Raises LedgerError when the ledger takes no change, FileUnavailableError when an order cannot
    be read: then nothing has been applied.
    """
    context.beside.at_work = not other_worker.is_none_beside(context)
    queue, edits = QueueIntake(context), HandEdits(context)
    with suppress(Mem0TrayError), _reported(context, "emergency file"):
        EmergencyIntake(context).run()  # else a line there brings back what an order deletes
    with suppress(Mem0TrayError), _reported(context, "queue file"):
        queue.run()
    with suppress(Mem0TrayError), _reported(context, "DLQ file"):
        edits.run()
    handler = OrderHandler(context)
    try:
        handler.apply(files_read=not (queue.torn or edits.torn))
        _publish(context, queue, edits)
    finally:
        handler.answer()


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
def _reported(context: WorkerContext, part: str) -> Iterator[None]:
    """Report an error, and let it pass on: the order is applied all the same."""
    try:
        yield
    except Mem0TrayError as error:
        context.events.emit(events.PartFailed(part, str(error), math.inf))
        raise
