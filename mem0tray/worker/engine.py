"""The worker's engine, which runs the stages; it has no thread and never waits.

Times that decide something are arguments: `now` in Unix seconds, `moment` in monotonic ones.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from mem0tray.core import events
from mem0tray.core.errors import FileUnavailableError
from mem0tray.core.state import WorkerState, WorkerStatus
from mem0tray.files import orders, private_folders
from mem0tray.files.publish_rate import INTERVAL
from mem0tray.ledger.names import NOTES
from mem0tray.system import processes
from mem0tray.system.paths import config_file
from mem0tray.worker.dlq import dead_letters
from mem0tray.worker.faults import (
    AGAIN,
    DLQ_PART,
    EMERGENCY_PART,
    QUEUE_PART,
    READING_PARTS,
    REPLACING_DLQ,
    WRITING_DLQ,
)
from mem0tray.worker.folders import served_folder
from mem0tray.worker.folders.settings import WantedSettings
from mem0tray.worker.folders.watch import Watch
from mem0tray.worker.parts import Parts

if TYPE_CHECKING:
    from mem0tray.config.settings import Settings

# Seconds between readings of the files when nobody wakes us. Nothing reports that the clock was
# set, or that this computer has slept. It divides the interval of the metrics.
LOOK: Final = 10.0
_STOP: Final = 0.8
_FOLDERS: Final = "folders"
_METRICS_FILE: Final = "metrics file"
_UNREAD_ORDER: Final = "an order that cannot be read"
_CLOCK_JUMP: Final = 1.0
_DAY: Final = 86_400.0
_FOLLOWED: Final = 60.0  # seconds that `--until-idle` waits for what a server is at work on


@dataclass
class CycleStage:
    """One step of a cycle; `name` is the part that a fault of it is reported as.

    `wait` returns the seconds until it is to run again, if nobody wakes the worker.
    """

    name: str
    run: Callable[[], object]
    wait: Callable[[], float] = lambda: math.inf


def _soon_if(needed: Callable[[], bool]) -> Callable[[], float]:
    return lambda: AGAIN if needed() else math.inf


class Engine:
    """Runs the stages, on one folder, from `begin` to `end`; a fault of one never ends it."""

    def __init__(self, parts: Parts, wanted: WantedSettings, *, watches: bool = True) -> None:
        self.parts = parts
        self.has_looked = False  # the first cycle is done
        self._wanted = wanted
        self._context, self._breaker = parts.context, parts.context.breaker
        self._attempt = parts.context.faults.attempt
        self.stages = self._all_stages()
        self._now, self._moment = self._context.now(), time.monotonic()  # of the present cycle
        self._clocks = (self._now, self._moment)
        self._has_started = False
        self._reported = WorkerState("")
        self._asked = 0.0  # when the ledger was last asked what is due, Unix seconds
        self._expired = 0.0
        self._given_back: tuple[object, ...] = ()  # the files when memory last was
        self._new_settings: Settings | None = None  # not in force yet
        self.watch: Watch | None = None
        if watches:
            paths, wake = self._context.paths, self._context.wake
            self.watch = Watch(paths, config_file(), parts.other.is_unchanged, wake.set)
        if wanted.wrong:
            self._breaker.block("settings", wanted.wrong)

    def begin(self) -> None:
        context = self._context
        context.tell_of_ledger()
        self._attempt("leftovers", partial(served_folder.remove_leftovers, context.paths))
        server = None if self._wanted.wrong else context.settings.server
        self.parts.chosen_server.choose(server, events.WorkerStarted)
        if self.watch is not None:
            self._attempt(_FOLDERS, self._make_folders)

    def _make_folders(self) -> None:
        for folder in (self._context.paths.orders, config_file().parent):
            private_folders.make_private_folder(folder)

    def turn(self) -> float:
        found: list[float] = []

        def work() -> None:
            self.cycle(self._context.now(), time.monotonic())
            found.append(self.patience(self._context.now(), time.monotonic()))

        return found[0] if self._attempt("ledger", work) else LOOK

    def end(self) -> None:
        parts = self.parts
        if self.watch is not None:
            self.watch.stop()
        parts.chosen_server.prober.stop(0.1)
        parts.chosen_server.delivery.stop(_STOP / 2)
        # Names of their own: a part that has just failed is not tried again for a while.
        if parts.dlq_publisher.needed:
            self._attempt("last DLQ file", parts.dlq_publisher.run)
        self._attempt("last queue file", lambda: parts.queue_publisher.stop(_STOP / 2))
        if self.has_looked:  # else the ledger does not know our run: its metrics would look foreign
            self._attempt("last metrics", lambda: parts.metrics.run(final=True))
        parts.dlq_publisher.close()
        parts.chosen_server.close()
        self._attempt("end of the ledger", self._context.ledger.close)

    def cycle(self, now: float, moment: float) -> None:
        """Run every stage once. Nothing more happens while the worker is switching folders."""
        self._now, self._moment = now, moment
        for stage in self.stages:
            self._attempt(stage.name, stage.run)
            if self._wanted.where.moves:
                return
        self.has_looked = True
        if self._context.faults.waits(_FOLDERS):
            self._attempt(_FOLDERS, self._make_folders)
        self._context.faults.look()
        if self.watch is not None:
            self.watch.check()

    def patience(self, now: float, moment: float) -> float:
        self._now, self._moment = now, moment
        faults = self._context.faults
        waits = (max(each.wait(), faults.until_try(each.name, moment)) for each in self.stages)
        return min(LOOK, faults.next_try(moment), *waits)

    # What commands and the tray ask ---------------------------------------------------

    def is_idle(self, horizon: float, now: float, moment: float) -> bool:
        """Return whether nothing can be delivered within `horizon` seconds. Raises LedgerError."""
        parts, breaker = self.parts, self._breaker
        if not self.has_looked or parts.chosen_server.delivery.under_way:
            return False
        if parts.queue.awaited or parts.edits.awaited or parts.notes.awaited:
            return False
        if breaker.blocked_by("server") or breaker.is_paused(now) or parts.orders.unread:
            return True
        due = parts.chosen_server.delivery.next_due()  # waits while an outcome is being recorded
        is_read = not self._context.faults.waits(EMERGENCY_PART)
        if breaker.awaits_probe or (is_read and parts.emergencies.unread() > 0):
            return False
        if horizon > 0 and breaker.lets_through(now):
            # Requests that the last worker left under way are asked about soon, and then delivered.
            horizon = max(horizon, self._context.unknown_until - moment)
            # So are memories that the server is at work on.
            newest = self._context.outbox.newest_ticket()
            horizon = max(horizon, 0.0 if newest is None else newest + _FOLLOWED - now)
        if due is None or due > now + horizon:
            return True
        return not breaker.lets_through(now) and not 0 < breaker.break_left(now) <= horizon

    def look(self, now: float) -> WorkerStatus:
        counts = self._context.counters.waiting()
        last = self._context.counters.last_delivery()
        state, paused = self._breaker.state(now), self._breaker.is_paused(now)
        unread = self._breaker.fault_with(READING_PARTS)
        return WorkerStatus(state, counts.queue, counts.dlq, last, paused, counts.held, unread)

    # The stages, in the order of a cycle: settings, reading, delivery, publishing ---------

    def _all_stages(self) -> tuple[CycleStage, ...]:
        parts = self.parts
        return (
            CycleStage("settings", self._follow_settings, _soon_if(lambda: self._wanted.torn)),
            CycleStage("clock", self._compare_clocks),
            CycleStage("pause", self._read_pause),
            CycleStage(_METRICS_FILE, parts.other.look),
            CycleStage(EMERGENCY_PART, parts.emergencies.run),
            CycleStage(QUEUE_PART, parts.queue.run, _soon_if(lambda: parts.queue.torn)),
            CycleStage(DLQ_PART, self._read_dlq, _soon_if(lambda: parts.edits.torn)),
            CycleStage("orders", self._apply_orders),
            CycleStage("another worker", self._forget_gone_worker),
            CycleStage(
                NOTES,
                lambda: parts.notes.run(self._now, self._moment),
                _soon_if(lambda: parts.notes.awaited),
            ),
            CycleStage("start", self._start_threads),
            CycleStage("files", lambda: served_folder.refuse_unwritable(self._context.paths)),
            CycleStage("storage", self._test_storage),
            CycleStage("state", self._report_state),
            CycleStage("delivery", self._wake_senders, self._until_delivery),
            CycleStage("publishing", self._publish, self._until_publishing),
            CycleStage("metrics", parts.metrics.run, lambda: parts.metrics.wait(self._moment)),
            CycleStage("retention", self._clean_up),
        )

    def _follow_settings(self) -> None:
        new = self._new_settings = self._wanted.look(self._breaker) or self._new_settings
        faults, torn = self._context.faults, self._wanted.torn
        faults.note_file("settings file", config_file(), unstable=torn)
        if new is None:
            return
        before, chosen = self._context.settings, self.parts.chosen_server
        if self._wanted.mended or new.server != before.server:
            chosen.choose(new.server, events.ServerChanged)
        self._context.settings, self._new_settings = new, None
        if new.sync.probe_interval != before.sync.probe_interval:
            chosen.prober.kick()  # else it would wait out the former interval
        self._context.events.emit(events.SettingsChanged())

    def _compare_clocks(self) -> None:
        (wall, mono), self._clocks = self._clocks, (self._now, self._moment)
        back = (self._moment - mono) - (self._now - wall)
        if back > _CLOCK_JUMP:
            outbox = self._context.outbox
            self._breaker.bring_waits_forward(back)
            self.parts.chosen_server.delivery.clear_suspects()  # they keep times of the old clock
            outbox.bring_waits_forward(self._now, back)
            outbox.limit_waits(self._now, self._context.settings.sync.retry_interval)

    def _read_pause(self) -> None:
        try:
            self._breaker.pause(orders.read_pause(self._context.paths, self._now))
        except FileUnavailableError as error:  # the file may say that nothing is to be sent
            self._breaker.block("pause", error.reason)
            raise
        self._breaker.unblock("pause")

    def _read_dlq(self) -> None:
        parts = self.parts
        if parts.queue.lost:
            parts.queue.lost = False
            parts.edits.again = True
        parts.edits.run()
        parts.dlq_publisher.merge_late_save()

    def _apply_orders(self) -> None:
        parts = self.parts
        if parts.orders.apply(files_read=not (parts.queue.awaited or parts.edits.awaited)):
            parts.queue_publisher.kick(now=True)
            parts.chosen_server.freshen()  # somebody is there, and looks
            if parts.dlq_publisher.pace.is_quick:  # the answer comes after the file
                parts.publish_dlq()
            parts.orders.answer()
        faults, why = self._context.faults, parts.orders.unread
        if why:  # no failure of the stage, which would have other orders wait
            faults.note_failure(_UNREAD_ORDER, FileUnavailableError(why), LOOK, "orders")
        else:
            faults.note_success(_UNREAD_ORDER)

    def _forget_gone_worker(self) -> None:
        read = (_METRICS_FILE, EMERGENCY_PART, QUEUE_PART)
        if not (self.parts.queue.torn or any(map(self._context.faults.waits, read))):
            self.parts.other.release()

    def _start_threads(self) -> None:
        """Start the threads only when it was read what the user did while we were away."""
        if not self._context.reports_backoffs:
            dead_letters.report_all(self._context, self._now)
        if not self._has_started:
            self._has_started = True
            self.parts.queue_publisher.start()
            self.parts.chosen_server.prober.start()  # it opens the way

    def _test_storage(self) -> None:
        for folder in (self._context.paths.claude_dir, self._context.paths.data_dir):
            private_folders.refuse_read_only(folder)  # even if there is nothing to write now
        if self._breaker.blocked_by("storage"):
            with self._context.ledger.transaction(durable=True):
                pass  # it writes whatever is done in it, and so shows that the disk takes something
            self._breaker.unblock("storage")

    def _report_state(self) -> None:
        state = self._breaker.state(self._now)
        if state != self._reported:
            self._reported = state
            reported = self._context.faults.has_reported(state.reason)
            self._context.events.emit(events.StateChanged(state.name, state.reason, reported))
        self._context.outages.note(self._breaker.outage, self._now)

    def _wake_senders(self) -> None:
        self._asked = self._now
        chosen = self.parts.chosen_server
        due = 0.0 if chosen.delivery.under_way else self._context.outbox.next_due()
        if due is not None and due <= self._now:
            chosen.freshen()
            chosen.delivery.kick()

    def _until_delivery(self) -> float:
        due = self._context.outbox.next_due()
        opens = self._breaker.lets_through_at(self._now)
        return min(
            INTERVAL if self.parts.chosen_server.delivery.under_way else math.inf,
            max(due - self._now, 0.0) if due is not None and due > self._asked else math.inf,
            opens - self._now if opens is not None else math.inf,
        )

    def _publish(self) -> None:
        dlq, queue = self.parts.dlq_publisher, self.parts.queue_publisher
        if not dlq.needed:  # it may have failed before, and no longer be needed
            self._context.faults.note_success(WRITING_DLQ)
            self._context.faults.note_file(REPLACING_DLQ, self._context.paths.dlq, unstable=False)
        elif dlq.pace.ready(self._moment) or self.parts.is_at_rest(self._now):
            self.parts.publish_dlq()
        if queue.needed:
            queue.kick(now=self.parts.is_at_rest(self._now))

    def _until_publishing(self) -> float:
        again = max(self.parts.queue_publisher.show_again_at - self._now, 0.0)
        dlq = self.parts.dlq_publisher
        if not dlq.needed:
            return again
        until_try = self._context.faults.until_try(WRITING_DLQ, self._moment)
        return min(again, max(dlq.pace.wait(self._moment), until_try, AGAIN))

    def _clean_up(self) -> None:
        context = self._context
        if abs(self._now - self._expired) > _DAY:
            self._expired = self._now
            context.generations.thin_out()
            if not self._wanted.wrong:  # else the days are perhaps not the user's
                context.inbox.expire(self._now - context.settings.retention.discarded * _DAY)
        files = (self.parts.edits.signature, self.parts.queue.signature)
        if files != self._given_back and self.parts.is_at_rest(self._now):
            self._given_back = files
            processes.trim_heap()
