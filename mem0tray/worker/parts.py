"""The parts that the stages of a cycle drive, on one folder and its ledger."""

import threading
import time
from typing import Final

from mem0tray.config import server_choice
from mem0tray.core.errors import Mem0TrayError
from mem0tray.core.events import Events, FolderMade, LeftInFlight
from mem0tray.ledger import names, outbox
from mem0tray.ledger.database import Ledger
from mem0tray.ledger.opening import boot_id
from mem0tray.worker.context import WorkerContext
from mem0tray.worker.dlq.hand_edits import HandEdits
from mem0tray.worker.dlq.publish import DlqPublisher
from mem0tray.worker.faults import DLQ_PART, WRITING_DLQ
from mem0tray.worker.folders.settings import WantedSettings
from mem0tray.worker.metrics import MetricsWriter, OtherWorker
from mem0tray.worker.orders import OrderHandler
from mem0tray.worker.queue.emergency import EmergencyIntake
from mem0tray.worker.queue.intake import QueueIntake
from mem0tray.worker.queue.notes import NoteIntake
from mem0tray.worker.queue.publish import QueuePublisher
from mem0tray.worker.sending.chosen_server import ChosenServer

_AT_WORK: Final = 10.0  # seconds that a server gets to finish a former worker's requests


class Parts:
    """What the stages drive; `queue` and `edits` read the files that the two publishers write."""

    def __init__(self, context: WorkerContext) -> None:
        self.context = context
        self.emergencies = EmergencyIntake(context)
        self.notes = NoteIntake(context)
        self.queue = QueueIntake(context)
        self.chosen_server = ChosenServer(context)
        kick = self.chosen_server.prober.kick
        self.edits = HandEdits(context, kick)
        self.dlq_publisher = DlqPublisher(context, self.edits)
        self.queue_publisher = QueuePublisher(context, self.queue)
        self.other = OtherWorker(context)
        self.metrics = MetricsWriter(context, self.other)
        self.orders = OrderHandler(context, kick)

    def is_at_rest(self, now: float) -> bool:
        due = self.chosen_server.delivery.next_due()
        return due is None or due > now

    def publish_dlq(self) -> None:
        if self.dlq_publisher.needed:
            self.context.faults.attempt(WRITING_DLQ, self.dlq_publisher.run, DLQ_PART)

    @property
    def has_published(self) -> bool:
        """Whether the files agree with the ledger, or another try could not make them."""
        dlq, queue = self.dlq_publisher, self.queue_publisher
        is_open = dlq.needed and not (self.context.faults.waits(WRITING_DLQ) or self.edits.torn)
        # An unstable file is not awaited for ever, and cannot be written either.
        return not is_open and (not queue.pending or queue.hindered or self.queue.torn)


def open_parts(wanted: WantedSettings, events: Events, wake: threading.Event) -> Parts:
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
        recover(context)
        return Parts(context)
    except Mem0TrayError:
        ledger.close()
        raise


def recover(context: WorkerContext) -> None:
    """Make the outcomes of the last worker's requests unknown, or of all after another boot."""
    ledger, interval = context.ledger, context.settings.sync.retry_interval
    wait, now = min(_AT_WORK, interval), context.now()
    with ledger.transaction(durable=True):
        if outbox.make_claims_unknown(ledger, now, wait):
            ledger.set_meta(names.LEFT_UNTIL, now + wait)  # kept across another start
        left = min((ledger.meta(names.LEFT_UNTIL) or 0.0) - now, wait)
        boot = boot_id()
        if ledger.rebuilt or ledger.moved or ledger.meta(names.BOOT) not in (None, boot):
            outbox.make_all_unknown(ledger, now)
        context.outbox.limit_waits(now, interval)
        ledger.set_meta(names.BOOT, boot)
    if left > 0:
        context.unknown_until = time.monotonic() + left
        context.events.emit(LeftInFlight(left))
