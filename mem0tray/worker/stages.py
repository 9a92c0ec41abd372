"""The stages of a cycle, in order, and the parts that they drive, on one folder and its ledger."""

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from mem0tray.config import server_choice
from mem0tray.core import events
from mem0tray.core.errors import FileUnavailableError, Mem0TrayError
from mem0tray.core.events import Events, FolderMade, LeftInFlight
from mem0tray.core.state import WorkerState
from mem0tray.files import orders, private_folders
from mem0tray.files.publish_rate import INTERVAL
from mem0tray.ledger import names, outbox
from mem0tray.ledger.database import Ledger
from mem0tray.ledger.names import NOTES
from mem0tray.ledger.opening import boot_id
from mem0tray.system import processes
from mem0tray.system.paths import config_file
from mem0tray.system.threads import WakeUp
from mem0tray.worker.context import WorkerContext
from mem0tray.worker.dlq import dead_letters
from mem0tray.worker.dlq.hand_edits import HandEdits
from mem0tray.worker.dlq.publish import DlqPublisher
from mem0tray.worker.faults import (
    AGAIN,
    DLQ_PART,
    EMERGENCY_PART,
    QUEUE_PART,
    REPLACING_DLQ,
    WRITING_DLQ,
)
from mem0tray.worker.folders import served_folder
from mem0tray.worker.folders.settings import WantedSettings
from mem0tray.worker.orders import OrderHandler
from mem0tray.worker.other_worker import OtherWorker
from mem0tray.worker.queue.emergency import EmergencyIntake
from mem0tray.worker.queue.intake import QueueIntake
from mem0tray.worker.queue.notes import NoteIntake
from mem0tray.worker.queue.publish import QueuePublisher
from mem0tray.worker.reporting.metrics import MetricsWriter
from mem0tray.worker.sending.chosen_server import ChosenServer

_METRICS_FILE: Final = "metrics file"
_CLOCK_JUMP: Final = 1.0
_DAY: Final = 86_400.0
_AT_WORK: Final = 10.0  # seconds that a server gets to finish a former worker's requests


class Parts:
    """What the stages drive; `queue` and `edits` read the files that the two publishers write."""

    def __init__(self, context: WorkerContext) -> None:
        self.context = context
        self.emergencies = EmergencyIntake(context)
        self.notes = NoteIntake(context)
        self.queue = QueueIntake(context)
        self.edits = HandEdits(context)
        self.dlq_publisher = DlqPublisher(context, self.edits)
        self.queue_publisher = QueuePublisher(context, self.queue)
        self.other = OtherWorker(context)
        self.metrics = MetricsWriter(context, self.other)
        self.chosen_server = ChosenServer(context)
        self.orders = OrderHandler(context, self.chosen_server.prober.kick)

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


def open_parts(wanted: WantedSettings, events: Events, wake: WakeUp | threading.Event) -> Parts:
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
        ledger.close(in_order=False)
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
        if ledger.rebuilt or ledger.meta(names.BOOT) not in (None, boot):
            outbox.make_all_unknown(ledger, now)
        context.outbox.limit_waits(now, interval)
        ledger.set_meta(names.CLEAN, 0)
        ledger.set_meta(names.BOOT, boot)
    if left > 0:
        context.unknown_until = time.monotonic() + left
        context.events.emit(LeftInFlight(left))


@dataclass
class CycleStage:
    """One step of a cycle; `name` is the part that a fault of it is reported as.

    `run` does the work of one cycle. `wait` returns the seconds until it is to run again, if nobody
    wakes the worker; infinite: no need. Both take `now` and `moment`.
    """

    name: str
    run: Callable[[float, float], object]
    wait: Callable[[float, float], float] = lambda *_: math.inf


def stages_of(parts: Parts, wanted: WantedSettings) -> tuple[CycleStage, ...]:
    """All stages in the order of a cycle: settings, reading, delivery, publishing."""
    to = _Stages(parts, wanted)
    return (
        CycleStage("settings", to.follow_settings, lambda *_: AGAIN if wanted.torn else math.inf),
        CycleStage("clock", to.compare_clocks),
        CycleStage("pause", to.read_pause),
        CycleStage(_METRICS_FILE, lambda *_: parts.other.look()),
        CycleStage(EMERGENCY_PART, lambda *_: parts.emergencies.run()),
        CycleStage(
            QUEUE_PART,
            lambda *_: parts.queue.run(),
            lambda *_: AGAIN if parts.queue.torn else math.inf,
        ),
        CycleStage(DLQ_PART, to.read_dlq, lambda *_: AGAIN if parts.edits.torn else math.inf),
        CycleStage("orders", to.apply_orders),
        CycleStage("another worker", to.forget_gone_worker),
        CycleStage(NOTES, parts.notes.run, lambda _, moment: parts.notes.wait(moment)),
        CycleStage("start", to.start_threads),
        CycleStage("files", lambda *_: served_folder.refuse_unwritable(parts.context.paths)),
        CycleStage("storage", to.test_storage),
        CycleStage("state", to.report_state),
        CycleStage("delivery", to.wake_senders, to.until_delivery),
        CycleStage("publishing", to.publish, to.until_publishing),
        CycleStage(
            "metrics", lambda *_: parts.metrics.run(), lambda _, moment: parts.metrics.wait(moment)
        ),
        CycleStage("retention", to.clean_up),
    )


class _Stages:
    """The work of the longer stages, and what they remember from cycle to cycle."""

    def __init__(self, parts: Parts, wanted: WantedSettings) -> None:
        self._parts = parts
        self._wanted = wanted
        self._context = parts.context
        self._breaker = parts.context.breaker
        self._clocks = (self._context.now(), time.monotonic())
        self._has_started = False
        self._reported = WorkerState("")
        self._asked = 0.0  # when the ledger was last asked what is due, Unix seconds
        self._expired = 0.0
        self._given_back: tuple[object, ...] = ()  # the files when memory last was

    def follow_settings(self, now: float, moment: float) -> None:
        new = self._wanted.look(self._breaker)
        faults, torn = self._context.faults, self._wanted.torn
        faults.note_file("settings file", config_file(), unstable=torn)
        if new is None:
            return
        before, self._context.settings = self._context.settings, new.settings
        chosen = self._parts.chosen_server
        if new.mended or new.settings.server != before.server:
            chosen.choose(new.settings.server, events.ServerChanged)
        elif new.settings.sync.probe_interval != before.sync.probe_interval:
            chosen.prober.kick()  # else it would wait out the former interval
        self._context.events.emit(events.SettingsChanged())

    def compare_clocks(self, now: float, moment: float) -> None:
        """See to it that a clock that was set back makes nothing wait longer."""
        (wall, mono), self._clocks = self._clocks, (now, moment)
        back = (moment - mono) - (now - wall)
        if back > _CLOCK_JUMP:
            outbox = self._context.outbox
            self._breaker.bring_waits_forward(back)
            self._parts.chosen_server.delivery.clear_suspects()  # they keep times of the old clock
            outbox.bring_waits_forward(now, back)
            outbox.limit_waits(now, self._context.settings.sync.retry_interval)

    def read_pause(self, now: float, moment: float) -> None:
        try:
            self._breaker.pause(orders.read_pause(self._context.paths, now))
        except FileUnavailableError as error:  # the file may say that nothing is to be sent
            self._breaker.block("pause", error.reason)
            raise
        self._breaker.unblock("pause")

    def read_dlq(self, now: float, moment: float) -> None:
        parts = self._parts
        if parts.queue.lost:
            parts.queue.lost = False
            parts.edits.look_again()
        forced = parts.edits.run()
        if parts.dlq_publisher.merge_late_save() or forced:
            parts.chosen_server.prober.kick()

    def apply_orders(self, now: float, moment: float) -> None:
        """Apply orders after the files were read, as one may be about what stands in them."""
        parts = self._parts
        if parts.orders.apply(files_read=not (parts.queue.awaited or parts.edits.awaited)):
            parts.queue_publisher.kick(now=True)
            parts.chosen_server.freshen()  # somebody is there, and looks
            if parts.dlq_publisher.pace.is_quick:  # the answer comes after the file
                parts.publish_dlq()
            parts.orders.answer()

    def forget_gone_worker(self, now: float, moment: float) -> None:
        """Forget another worker that has gone, once all that it may have changed was read."""
        read = (_METRICS_FILE, EMERGENCY_PART, QUEUE_PART)
        if not (self._parts.queue.torn or any(map(self._context.faults.waits, read))):
            self._parts.other.release()

    def start_threads(self, now: float, moment: float) -> None:
        """Start the threads only when it was read what the user did while we were away."""
        if not self._context.reports_backoffs:
            dead_letters.report_all(self._context, now)
        if not self._has_started:
            self._has_started = True
            self._parts.queue_publisher.start()
            self._parts.chosen_server.prober.start()  # it opens the way

    def test_storage(self, now: float, moment: float) -> None:
        for folder in (self._context.paths.claude_dir, self._context.paths.data_dir):
            private_folders.refuse_read_only(folder)  # even if there is nothing to write now
        if self._breaker.blocked_by("storage"):
            with self._context.ledger.transaction(durable=True):
                pass  # it writes whatever is done in it, and so shows that the disk takes something
            self._breaker.unblock("storage")

    def report_state(self, now: float, moment: float) -> None:
        state = self._breaker.state(now)
        if state != self._reported:
            self._reported = state
            reported = self._context.faults.has_reported(state.reason)
            self._context.events.emit(events.StateChanged(state.name, state.reason, reported))

    def wake_senders(self, now: float, moment: float) -> None:
        """Wake the senders for what is due, perhaps set aside for the server's sake."""
        self._asked = now
        chosen = self._parts.chosen_server
        due = 0.0 if chosen.delivery.under_way else self._context.outbox.next_due()
        if due is not None and due <= now:
            chosen.freshen()
            chosen.delivery.kick()

    def until_delivery(self, now: float, moment: float) -> float:
        due = self._context.outbox.next_due()
        opens = self._breaker.lets_through_at(now)
        return min(
            INTERVAL if self._parts.chosen_server.delivery.under_way else math.inf,
            max(due - now, 0.0) if due is not None and due > self._asked else math.inf,
            opens - now if opens is not None else math.inf,
        )

    def publish(self, now: float, moment: float) -> None:
        dlq, queue = self._parts.dlq_publisher, self._parts.queue_publisher
        if not dlq.needed:  # it may have failed before, and no longer be needed
            self._context.faults.note_success(WRITING_DLQ)
            self._context.faults.note_file(REPLACING_DLQ, self._context.paths.dlq, unstable=False)
        elif dlq.pace.ready(moment) or self._parts.is_at_rest(now):
            self._parts.publish_dlq()
        if queue.needed:
            queue.kick(now=self._parts.is_at_rest(now))

    def until_publishing(self, now: float, moment: float) -> float:
        again = max(self._parts.queue_publisher.show_again_at - now, 0.0)
        dlq = self._parts.dlq_publisher
        if not dlq.needed:
            return again
        until_try = self._context.faults.until_try(WRITING_DLQ, moment)
        return min(again, max(dlq.pace.wait(moment), until_try, AGAIN))

    def clean_up(self, now: float, moment: float) -> None:
        """Forget what was deleted long ago, once a day, and give memory back."""
        context = self._context
        if abs(now - self._expired) > _DAY:
            self._expired = now
            context.generations.thin_out()
            context.inbox.expire(now - context.settings.retention.discarded * _DAY)
        files = (self._parts.edits.signature, self._parts.queue.signature)
        if files != self._given_back and self._parts.is_at_rest(now):
            self._given_back = files
            processes.trim_heap()
