"""The stages of a cycle, in order, and the parts that they drive, on one folder and its ledger.

Each stage does its work in `run` and says in `wait` how many seconds it can do without another
cycle. Times are arguments: `now` in Unix seconds, `moment` in monotonic ones.
"""

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import partial
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
from mem0tray.worker.context import Wakes, WorkerContext
from mem0tray.worker.dlq import dead_letters
from mem0tray.worker.dlq.hand_edits import HandEdits
from mem0tray.worker.dlq.publish import DlqPublisher
from mem0tray.worker.faults import AGAIN, DLQ_PART, EMERGENCY_PART, QUEUE_PART
from mem0tray.worker.folders import served_folder
from mem0tray.worker.folders.settings import WantedSettings
from mem0tray.worker.orders.handler import OrderHandler
from mem0tray.worker.other_worker import OtherWorker
from mem0tray.worker.queue.emergency import EmergencyIntake
from mem0tray.worker.queue.intake import QueueIntake
from mem0tray.worker.queue.notes import NoteIntake
from mem0tray.worker.queue.publish import QueuePublisher
from mem0tray.worker.reporting.metrics import MetricsWriter
from mem0tray.worker.sending.chosen_server import ChosenServer

_WRITING_DLQ: Final = "writing the DLQ file"
_METRICS_FILE: Final = "metrics file"
_CLOCK_JUMP: Final = 1.0
_DAY: Final = 86_400.0
_AT_WORK: Final = 10.0  # seconds that a server gets to finish a former worker's requests


class Parts:
    """What the stages drive; what they share is in `context`.

    `queue` and `edits` read the files that the two publishers write.
    """

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
        """Whether nothing is under way and nothing due: what was done is then published at once."""
        due = self.chosen_server.delivery.next_due()
        return due is None or due > now

    def publish_dlq(self) -> None:
        """Write the DLQ file if it is outdated; a failure is reported."""
        if self.dlq_publisher.needed:
            self.context.faults.attempt(_WRITING_DLQ, self.dlq_publisher.run, DLQ_PART)

    @property
    def has_published(self) -> bool:
        """Whether the files agree with the ledger, or another try could not make them."""
        dlq, queue = self.dlq_publisher, self.queue_publisher
        is_open = dlq.needed and not (self.context.faults.waits(_WRITING_DLQ) or self.edits.torn)
        # An unstable file is not awaited for ever, and cannot be written either.
        return not is_open and (not queue.pending or queue.hindered or self.queue.torn)


def open_parts(wanted: WantedSettings, events: Events, wake: Wakes) -> Parts:
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
    """Make the outcomes of the last worker's requests unknown: the server is asked in a while.

    After another start of the machine, or in a ledger begun anew, nothing is in flight, but
    everything is asked about. Raises LedgerError.
    """
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


class CycleStage(ABC):
    """One step of a cycle; `name` is the part that a fault of it is reported as."""

    name: str

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.context = parts.context
        self.breaker = parts.context.breaker

    @abstractmethod
    def run(self, now: float, moment: float) -> None:
        """Do the work of one cycle. Any exception is a fault of this stage alone."""

    def wait(self, now: float, moment: float) -> float:
        """Seconds until it is to run again, if nobody wakes the worker; infinite: no need."""
        del now, moment
        return math.inf


class _Settings(CycleStage):
    name = "settings"

    def __init__(self, parts: Parts, wanted: WantedSettings) -> None:
        super().__init__(parts)
        self._wanted = wanted

    def run(self, now: float, moment: float) -> None:
        new = self._wanted.look(self.breaker)
        if new is None:
            return
        before, self.context.settings = self.context.settings, new.settings
        chosen = self.parts.chosen_server
        if new.mended or new.settings.server != before.server:
            chosen.choose(new.settings.server, events.ServerChanged)
        elif new.settings.sync.probe_interval != before.sync.probe_interval:
            chosen.prober.kick()  # else it would wait out the former interval
        self.context.events.emit(events.SettingsChanged())

    def wait(self, now: float, moment: float) -> float:
        return AGAIN if self._wanted.torn else math.inf


class _Clock(CycleStage):
    """Sees to it that a clock that was set back makes nothing wait longer."""

    name = "clock"

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        self._clocks = (self.context.now(), time.monotonic())

    def run(self, now: float, moment: float) -> None:
        (wall, mono), self._clocks = self._clocks, (now, moment)
        jumped = (now - wall) - (moment - mono)
        if jumped < -_CLOCK_JUMP:
            outbox = self.context.outbox
            self.breaker.bring_waits_forward(-jumped)
            self.parts.chosen_server.delivery.clear_suspects()  # they keep times of the old clock
            outbox.bring_waits_forward(now, -jumped)
            outbox.limit_waits(now, self.context.settings.sync.retry_interval)


class _Pause(CycleStage):
    name = "pause"

    def run(self, now: float, moment: float) -> None:
        try:
            self.breaker.pause(orders.read_pause(self.context.paths, now))
        except FileUnavailableError as error:  # the file may say that nothing is to be sent
            self.breaker.block("pause", error.reason)
            raise
        self.breaker.unblock("pause")


class _Part(CycleStage):
    """The work of one part, under a name of its own."""

    def __init__(
        self,
        parts: Parts,
        name: str,
        work: Callable[[], object],
        wait: Callable[[float], float] = lambda _: math.inf,
    ) -> None:
        super().__init__(parts)
        self.name = name
        self._work = work
        self._wait = wait

    def run(self, now: float, moment: float) -> None:
        self._work()

    def wait(self, now: float, moment: float) -> float:
        return self._wait(moment)


class _QueueFile(CycleStage):
    name = QUEUE_PART

    def run(self, now: float, moment: float) -> None:
        self.parts.queue.run()

    def wait(self, now: float, moment: float) -> float:
        return AGAIN if self.parts.queue.torn else math.inf


class _DlqFile(CycleStage):
    name = DLQ_PART

    def run(self, now: float, moment: float) -> None:
        parts = self.parts
        if parts.queue.lost:
            parts.queue.lost = False
            parts.edits.look_again()
        forced = parts.edits.run()
        forced |= parts.dlq_publisher.merge_late_save()
        if forced:
            parts.chosen_server.prober.kick()

    def wait(self, now: float, moment: float) -> float:
        return AGAIN if self.parts.edits.torn else math.inf


class _Orders(CycleStage):
    """Applies orders after the files were read, as one may be about what stands in them."""

    name = "orders"

    def run(self, now: float, moment: float) -> None:
        parts = self.parts
        if parts.orders.apply(files_read=not (parts.queue.awaited or parts.edits.awaited)):
            parts.queue_publisher.kick(now=True)
            parts.chosen_server.freshen()  # somebody is there, and looks
            if parts.dlq_publisher.pace.is_quick:  # the answer comes after the file
                parts.publish_dlq()
            parts.orders.answer()


class _GoneWorker(CycleStage):
    """Forgets another worker that has gone, once all that it may have changed was read."""

    name = "another worker"

    def run(self, now: float, moment: float) -> None:
        read = (_METRICS_FILE, EMERGENCY_PART, QUEUE_PART)
        if not (self.parts.queue.torn or any(map(self.context.faults.waits, read))):
            self.parts.other.release()


class _Notes(CycleStage):
    name = NOTES

    def run(self, now: float, moment: float) -> None:
        self.parts.notes.run(now, moment)

    def wait(self, now: float, moment: float) -> float:
        return self.parts.notes.wait(moment)


class _Start(CycleStage):
    """Starts the threads only when it was read what the user did while we were away."""

    name = "start"
    _has_started = False

    def run(self, now: float, moment: float) -> None:
        if not self.context.reports_backoffs:
            dead_letters.report_all(self.context, now)
        if not self._has_started:
            self._has_started = True
            self.parts.queue_publisher.start()
            self.parts.chosen_server.prober.start()  # it opens the way


class _Storage(CycleStage):
    name = "storage"

    def run(self, now: float, moment: float) -> None:
        for folder in (self.context.paths.claude_dir, self.context.paths.data_dir):
            private_folders.refuse_read_only(folder)  # even if there is nothing to write now
        if self.breaker.blocked_by("storage"):
            with self.context.ledger.transaction(durable=True):
                pass  # it writes whatever is done in it, and so shows that the disk takes something
            self.breaker.unblock("storage")


class _State(CycleStage):
    name = "state"
    _reported = WorkerState("")

    def run(self, now: float, moment: float) -> None:
        state = self.breaker.state(now)
        if state != self._reported:
            self._reported = state
            reported = self.context.faults.has_reported(state.reason)
            self.context.events.emit(events.StateChanged(state.name, state.reason, reported))


class _Delivery(CycleStage):
    """Wakes the senders for what is due, perhaps set aside for the server's sake."""

    name = "delivery"
    _asked = 0.0  # when the ledger was last asked what is due, Unix seconds

    def run(self, now: float, moment: float) -> None:
        self._asked = now
        chosen = self.parts.chosen_server
        due = 0.0 if chosen.delivery.under_way else self.context.outbox.next_due()
        if due is not None and due <= now:
            chosen.freshen()
            chosen.delivery.kick()

    def wait(self, now: float, moment: float) -> float:
        due = self.context.outbox.next_due()
        opens = self.breaker.lets_through_at(now)
        return min(
            INTERVAL if self.parts.chosen_server.delivery.under_way else math.inf,
            max(due - now, 0.0) if due is not None and due > self._asked else math.inf,
            opens - now if opens is not None else math.inf,
        )


class _Publishing(CycleStage):
    """Writes outdated files at their pace, or at once when at rest."""

    name = "publishing"

    def run(self, now: float, moment: float) -> None:
        dlq, queue = self.parts.dlq_publisher, self.parts.queue_publisher
        if not dlq.needed:  # it may have failed before, and no longer be needed
            self.context.faults.rest(_WRITING_DLQ)
            dlq.note_rest()
        elif dlq.pace.ready(moment) or self.parts.is_at_rest(now):
            self.parts.publish_dlq()
        if queue.needed:
            queue.kick(now=self.parts.is_at_rest(now))

    def wait(self, now: float, moment: float) -> float:
        again = max(self.parts.queue_publisher.show_again_at - now, 0.0)
        dlq = self.parts.dlq_publisher
        if not dlq.needed:
            return again
        until_try = self.context.faults.until_try(_WRITING_DLQ, moment)
        return min(again, max(dlq.pace.wait(moment), until_try, AGAIN))


class _Retention(CycleStage):
    """Forgets what was deleted long ago, once a day, and gives room and memory back."""

    name = "retention"
    _expired = 0.0
    _given_back: tuple[object, ...] = ()  # the files when memory last was

    def run(self, now: float, moment: float) -> None:
        context = self.context
        if abs(now - self._expired) > _DAY:
            self._expired = now
            context.generations.thin_out()
            context.inbox.expire(now - context.settings.retention.discarded * _DAY)
        context.ledger.give_back_room()
        files = (self.parts.edits.signature, self.parts.queue.signature)
        if files != self._given_back and self.parts.is_at_rest(now):
            self._given_back = files
            processes.trim_heap()


def stages_of(parts: Parts, wanted: WantedSettings) -> tuple[CycleStage, ...]:
    """All stages in the order of a cycle: settings, reading, delivery, publishing."""
    files = partial(served_folder.refuse_unwritable, parts.context.paths)
    return (
        _Settings(parts, wanted),
        _Clock(parts),
        _Pause(parts),
        _Part(parts, _METRICS_FILE, parts.other.look),
        _Part(parts, EMERGENCY_PART, parts.emergencies.run),
        _QueueFile(parts),
        _DlqFile(parts),
        _Orders(parts),
        _GoneWorker(parts),
        _Notes(parts),
        _Start(parts),
        _Part(parts, "files", files),
        _Storage(parts),
        _State(parts),
        _Delivery(parts),
        _Publishing(parts),
        _Part(parts, "metrics", parts.metrics.run, parts.metrics.wait),
        _Retention(parts),
    )
