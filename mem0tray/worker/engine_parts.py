"""The parts of an engine: every stage, on one folder and its ledger."""

import time
from dataclasses import dataclass

from mem0tray.config import server_choice
from mem0tray.core.circuit_breaker import CircuitBreaker
from mem0tray.core.errors import Mem0TrayError
from mem0tray.core.events import Events, FolderMade
from mem0tray.ledger.database import Ledger
from mem0tray.worker.context import Wakes, WorkerContext
from mem0tray.worker.dlq.hand_edits import HandEdits
from mem0tray.worker.dlq.publish import DlqPublisher
from mem0tray.worker.folders import restless_file
from mem0tray.worker.folders.wanted import Wanted
from mem0tray.worker.orders.handler import OrderHandler
from mem0tray.worker.other_worker import OtherWorker
from mem0tray.worker.queue.emergencies import EmergencyIntake
from mem0tray.worker.queue.intake import QueueIntake
from mem0tray.worker.queue.notes.note_intake import NoteIntake
from mem0tray.worker.queue.publish import QueuePublisher
from mem0tray.worker.sending.chosen_server import ChosenServer
from mem0tray.worker.taking_up import take_up
from mem0tray.worker.telling.metrics import MetricsWriter
from mem0tray.worker.troubles import Troubles

QUEUE_PART, EMERGENCY_PART, DLQ_PART = "queue file", "emergency file", "DLQ file"
# Parts whose troubles keep something from being read.
READING_PARTS = (QUEUE_PART, EMERGENCY_PART, DLQ_PART, *restless_file.READING)


@dataclass(frozen=True, slots=True)
class Parts:
    """The stages that an engine drives; what they share is in `context`.

    `queue` and `edits` read the files that the two publishers write.
    """

    context: WorkerContext
    breaker: CircuitBreaker
    emergencies: EmergencyIntake
    notes: NoteIntake
    queue: QueueIntake
    edits: HandEdits
    dlq_publisher: DlqPublisher
    queue_publisher: QueuePublisher
    orders: OrderHandler
    other: OtherWorker
    metrics: MetricsWriter
    chosen_server: ChosenServer


def open_in(wanted: Wanted, events: Events, wake: Wakes) -> Parts:
    """Make the parts for the folder of `wanted`, and its ledger, which then belongs to `Parts`.

    `wake` ends the wait of whoever drives them. Raises FileUnavailableError and LedgerError;
    nothing is left open in that case.
    """
    paths = wanted.where.paths
    if wanted.where.make_folder():
        events.emit(FolderMade(paths.claude_dir))
    server_choice.remember_if_first(wanted.settings.server.url, paths)
    ledger, run = Ledger(paths.ledger), wanted.where.run
    context = WorkerContext(paths, wanted.settings, ledger, events, wake=wake, run=run)
    try:
        wanted.where.record(time.time())
        take_up(context)
        return _assembled(context)
    except Mem0TrayError:
        context.ledger.close(in_order=False)
        raise


def _assembled(context: WorkerContext) -> Parts:
    breaker = CircuitBreaker()
    folders = (context.paths.claude_dir, context.paths.data_dir)
    context.troubles = Troubles(context.events, breaker.note_trouble, READING_PARTS, folders)
    queue, edits, other = QueueIntake(context), HandEdits(context), OtherWorker(context, breaker)
    chosen_server = ChosenServer(context, breaker)
    return Parts(
        context=context,
        breaker=breaker,
        emergencies=EmergencyIntake(context),
        notes=NoteIntake(context),
        queue=queue,
        edits=edits,
        dlq_publisher=DlqPublisher(context, edits),
        queue_publisher=QueuePublisher(context, queue),
        orders=OrderHandler(context, chosen_server.prober.kick),
        other=other,
        metrics=MetricsWriter(context, breaker, other),
        chosen_server=chosen_server,
    )
