"""The worker's engine: one cycle over its parts, which reads, takes in, sends, publishes, tells.

It has no thread and never waits: `thread` drives it. Times that decide something are
arguments: `now` in Unix seconds, `moment` in monotonic ones.
"""

import time
from functools import partial
from typing import Final

from mem0tray.core import events
from mem0tray.core.errors import FileUnavailableError
from mem0tray.core.state import ACTION_NEEDED, Waiting, WorkerState, WorkerStatus
from mem0tray.files import orders, private_folders
from mem0tray.files.publish_rate import INTERVAL
from mem0tray.ledger.names import NOTES
from mem0tray.system import processes
from mem0tray.system.paths import config_file
from mem0tray.worker.dlq import telling_backoffs
from mem0tray.worker.engine_parts import DLQ_PART, EMERGENCY_PART, QUEUE_PART, READING_PARTS, Parts
from mem0tray.worker.folders import watch, watch_of_this_system, written_files
from mem0tray.worker.folders.wanted import Wanted

LOOK: Final = 5.0  # seconds between looks at the files when nobody wakes us
# Where every change wakes us. Nothing tells that the clock was set, or that this computer has
# slept: after that, due items should go out soon. It divides the interval of the metrics.
CALM_LOOK: Final = 7.5
_TORN: Final = 0.05
_STOP: Final = 0.8
_WRITE_DLQ: Final = "writing the DLQ file"
_FOLDERS: Final = "folders"
_WRITE_METRICS: Final = "metrics"
_CLOCK_JUMP: Final = 1.0
_DAY: Final = 86_400.0
_FOLLOWED: Final = 60.0  # seconds that `--until-idle` waits for what a server is at work on


def _do_nothing() -> None:
    """Do nothing: the work of a part that has none."""


class Engine:
    """Drives the parts, on one folder, from `begin` to `end`; a fault of one part never ends it.

    If it `watches`, a change of the files ends the wait between two cycles.
    """

    def __init__(self, parts: Parts, wanted: Wanted, *, watches: bool = True) -> None:
        self.parts = parts
        self.has_looked = False  # the first look at the files is done
        self._wanted = wanted
        self._context, self._breaker = parts.context, parts.breaker
        self._paths = parts.context.paths
        self._attempt = parts.context.troubles.attempt
        self.watch = self._watch() if watches else None
        self._state = WorkerState("")
        self._clocks = (self._context.now(), time.monotonic())
        self._has_started = False  # the parts that have threads of their own
        self._given_back: tuple[object, ...] = ()  # the files when memory last was
        self._expired = 0.0
        self._looked = 0.0  # when the ledger was last asked what is due, Unix seconds
        if wanted.wrong:
            self._breaker.block("settings", wanted.wrong)

    def _watch(self) -> watch.Watch:
        find = partial(watch.targets, self._paths, self._wanted.where.name, config_file())
        notes = self.parts.notes
        ignored = watch.is_ours(self._paths, unchanged=self.parts.other.is_unchanged)
        wake = self._context.wake.set
        return watch_of_this_system(lambda: (*find(), *notes.targets()), ignored, wake, notes.hear)

    # From the first cycle to the last ---------------------------------------------------

    def begin(self) -> None:
        """Clean up, and choose the server."""
        context = self._context
        if context.ledger.rebuilt:
            context.events.emit(events.LedgerRebuilt(context.ledger.rebuilt))
        self._attempt("leftovers", partial(written_files.clean, self._paths))
        server = None if self._wanted.wrong else context.settings.server
        self.parts.chosen_server.choose(server, events.WorkerStarted)
        if self.watch is not None:
            self._attempt(_FOLDERS, self._make_folders)

    def _make_folders(self) -> None:
        """Make those folders of ours that are watched."""
        for folder in (self._paths.orders, config_file().parent):
            private_folders.make_private_folder(folder)

    def turn(self) -> float:
        """Run one cycle, whatever happens in it; return the seconds to wait if nobody wakes us."""
        found: list[float] = []

        def work() -> None:
            self.cycle(self._context.now(), time.monotonic())
            found.append(self.patience(self._context.now(), time.monotonic()))

        return found[0] if self._attempt("ledger", work) else LOOK

    def end(self) -> None:
        """Break off what is under way, publish one last time, close the ledger."""
        parts = self.parts
        if self.watch is not None:
            self.watch.stop()
        parts.chosen_server.prober.stop(0.1)
        parts.chosen_server.delivery.stop(_STOP / 2)
        # Names of their own: a part that has just failed is not tried again for a while.
        self._attempt("last DLQ file", self._publish_dlq)
        self._attempt("last queue file", lambda: parts.queue_publisher.stop(_STOP / 2))
        self._attempt(_WRITE_METRICS, lambda: parts.metrics.run(final=True))
        parts.dlq_publisher.close()
        parts.chosen_server.close()
        self._attempt("end of the ledger", self._context.ledger.close)

    # One cycle -----------------------------------------------------------------------

    def cycle(self, now: float, moment: float) -> None:
        """Read files, take in, deliver, publish, tell; or nothing of it, if we are to move."""
        self._attempt("settings", self._look_at_settings)
        if self._wanted.where.moves:
            return
        self._attempt("clock", lambda: self._look_at_clock(now, moment))
        self._attempt("pause", lambda: self._look_at_pause(now))
        self._read(now, moment)
        self.has_looked = True
        if not self._context.tells_backoffs:
            telling_backoffs.tell_all(self._context, now)
        if not self._has_started:
            self._has_started = True
            # Not before we know what the user did while we were away: the prober opens the way.
            self.parts.queue_publisher.start()
            self.parts.chosen_server.prober.start()
        self._attempt("files", partial(written_files.look, self._paths))
        if self._context.troubles.waits(_FOLDERS):
            self._attempt(_FOLDERS, self._make_folders)
        self._attempt("storage", self._look_at_storage)
        self._attempt("state", lambda: self._tell_state(now))
        chosen, may_send = self.parts.chosen_server, self._may_send(now)
        if may_send:
            chosen.freshen()
        self._attempt("delivery", chosen.delivery.kick if may_send else _do_nothing)
        self._publish(now, moment)
        self._attempt(_WRITE_METRICS, self.parts.metrics.run)
        self._attempt("retention", lambda: self._expire(now))
        self._attempt("room", self._context.ledger.give_back_room)
        if self._is_at_rest(now):
            self._give_memory_back()
        self._context.troubles.look()
        if self.watch is not None:
            self.watch.check()

    def _give_memory_back(self) -> None:
        """Give free memory back to the system once after each change of the files."""
        files = (self.parts.edits.signature, self.parts.queue.signature)
        if files != self._given_back:
            self._given_back = files
            processes.trim_heap()

    def _read(self, now: float, moment: float) -> None:
        """Take in what others wrote."""
        parts = self.parts
        looked = self._attempt("metrics file", parts.other.look)
        looked &= self._attempt(EMERGENCY_PART, parts.emergencies.run)
        looked &= self._attempt(QUEUE_PART, parts.queue.run) and not parts.queue.torn
        self._attempt(DLQ_PART, self._take_edits)
        # After the files: an order may be about what stands in one that was not read yet.
        self._attempt("orders", self._take_orders)
        if looked:
            self._attempt("another worker", parts.other.release)
        self._attempt(NOTES, lambda: parts.notes.run(now, moment, sees_all=self._sees_all))

    def _take_edits(self) -> None:
        parts = self.parts
        if parts.queue.lost:
            parts.queue.lost = False
            parts.edits.look_again()
        forced = parts.edits.run()
        forced |= parts.dlq_publisher.merge_late_save()
        if forced:
            parts.chosen_server.prober.kick()

    def _take_orders(self) -> None:
        """Apply orders, and answer them: after the files, where those are quickly written."""
        parts = self.parts
        if parts.orders.apply(files_read=not (parts.queue.awaited or parts.edits.awaited)):
            parts.queue_publisher.kick(now=True)
            parts.chosen_server.freshen()  # somebody is there, and looks
            if parts.dlq_publisher.pace.is_quick:
                self._attempt(_WRITE_DLQ, self._publish_dlq, DLQ_PART)
            parts.orders.answer()

    def _publish(self, now: float, moment: float) -> None:
        """Write the files that the ledger has outdated: at their pace, or at once when at rest."""
        dlq, queue = self.parts.dlq_publisher, self.parts.queue_publisher
        if dlq.needed and (dlq.pace.ready(moment) or self._is_at_rest(now)):
            self._attempt(_WRITE_DLQ, self._publish_dlq, DLQ_PART)
        elif not dlq.needed:  # it may have failed before, and no longer be needed
            self._context.troubles.rest(_WRITE_DLQ)
            dlq.note_rest()
        if queue.needed:
            queue.kick(now=self._is_at_rest(now))

    def _publish_dlq(self) -> None:
        if self.parts.dlq_publisher.needed:
            self.parts.dlq_publisher.run()

    def _may_send(self, now: float) -> bool:
        """Whether something is due (perhaps set aside for the server's sake) or under way."""
        self._looked = now
        if self.parts.chosen_server.delivery.under_way:
            return True
        due = self._context.outbox.next_due()
        return due is not None and due <= now

    def _is_at_rest(self, now: float) -> bool:
        """Whether nothing is under way and nothing due: what was done is then published at once."""
        due = self.parts.chosen_server.delivery.next_due()
        return due is None or due > now

    def _tell_state(self, now: float) -> None:
        state = self._breaker.state(now)
        if state != self._state:
            self._state = state
            told = self._context.troubles.tells(state.reason)
            self._context.events.emit(events.StateChanged(state.name, state.reason, told))

    def _look_at_settings(self) -> None:
        new = self._wanted.look(self._breaker)
        if new is None:
            return
        context, chosen = self._context, self.parts.chosen_server
        before, context.settings = context.settings, new.settings
        if new.mended or new.settings.server != before.server:
            chosen.choose(new.settings.server, events.ServerChanged)
        elif new.settings.sync.probe_interval != before.sync.probe_interval:
            chosen.prober.kick()  # else it would wait out the former interval
        context.events.emit(events.SettingsChanged())

    def _look_at_clock(self, now: float, moment: float) -> None:
        """See that a clock that was set back makes nothing wait longer."""
        (wall, mono), self._clocks = self._clocks, (now, moment)
        jumped = (now - wall) - (moment - mono)
        if jumped < -_CLOCK_JUMP:
            context = self._context
            self._breaker.bring_waits_forward(-jumped)
            self.parts.chosen_server.delivery.clear_suspects()  # they keep times of the old clock
            context.outbox.bring_waits_forward(now, -jumped)
            context.outbox.limit_waits(now, context.settings.sync.retry_interval)

    def _look_at_pause(self, now: float) -> None:
        try:
            self._breaker.pause(orders.read_pause(self._paths, now))
        except FileUnavailableError as error:  # the file may say that nothing is to be sent
            self._breaker.block("pause", error.reason)
            raise
        self._breaker.unblock("pause")

    def _look_at_storage(self) -> None:
        for folder in (self._paths.claude_dir, self._paths.data_dir):
            private_folders.refuse_read_only(folder)  # even if there is nothing to write now
        if self._breaker.blocked_by("storage"):
            with self._context.ledger.transaction(durable=True):
                pass  # it writes whatever is done in it, and so shows that the disk takes something
            self._breaker.unblock("storage")

    def _expire(self, now: float) -> None:
        if abs(now - self._expired) > _DAY:
            self._expired = now
            self._context.generations.thin_out()
            self._context.inbox.expire(now - self._context.settings.retention.discarded * _DAY)

    def patience(self, now: float, moment: float) -> float:
        """Seconds to wait until the next cycle, if nobody wakes us."""
        parts, until_try = self.parts, self._context.troubles.until_try
        waits = [INTERVAL if parts.chosen_server.delivery.under_way else self._until_next_look(now)]
        due = self._context.outbox.next_due()  # including those set aside
        if due is not None and due > self._looked:
            waits.append(max(0.0, due - now))
        opens = self._breaker.lets_through_at(now)
        if opens is not None:
            waits.append(opens - now)
        waits.append(max(parts.queue_publisher.show_again_at - now, 0.0))
        if parts.dlq_publisher.needed:
            pace = parts.dlq_publisher.pace.wait(moment)
            waits.append(max(pace, until_try(_WRITE_DLQ, moment), _TORN))
        waits.append(max(parts.metrics.wait(moment), until_try(_WRITE_METRICS, moment)))
        waits.append(max(parts.notes.wait(moment), until_try(NOTES, moment)))
        waits.append(self._context.troubles.next_try(moment))
        if parts.queue.torn or parts.edits.torn:
            waits.append(_TORN)
        return min(waits)

    def _until_next_look(self, now: float) -> float:
        calm = self._sees_all
        calm &= self._state.name != ACTION_NEEDED and self._context.beside.may_write_until <= now
        return CALM_LOOK if calm else LOOK

    @property
    def _sees_all(self) -> bool:
        """Whether nothing that matters can change unseen."""
        return self.watch is not None and self.watch.sees_all

    # What commands and the tray ask ---------------------------------------------------

    def is_idle(self, horizon: float, now: float, moment: float) -> bool:
        """Whether nothing can be delivered within `horizon` seconds. Raises LedgerError."""
        parts, breaker = self.parts, self._breaker
        if not self.has_looked or parts.chosen_server.delivery.under_way:
            return False
        if parts.queue.awaited or parts.edits.awaited or parts.notes.awaited:
            return False
        if breaker.blocked_by("server") or breaker.is_paused(now):
            return True
        due = parts.chosen_server.delivery.next_due()  # waits while an outcome is being recorded
        if breaker.awaits_probe or self._has_unread_lines():
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

    @property
    def has_published(self) -> bool:
        """Whether the files agree with the ledger, or another try could not make them."""
        parts = self.parts
        dlq, queue = parts.dlq_publisher, parts.queue_publisher
        is_open = dlq.needed and not (self._context.troubles.waits(_WRITE_DLQ) or parts.edits.torn)
        # A restless file is not awaited for ever, and cannot be written either.
        return not is_open and (not queue.pending or queue.hindered or parts.queue.torn)

    def _has_unread_lines(self) -> bool:
        """Whether an emergency file that we can read holds something not taken in."""
        is_read = not self._context.troubles.waits(EMERGENCY_PART)
        return is_read and self.parts.emergencies.unread() > 0

    def waiting(self, now: float) -> Waiting:
        """What still waits. Raises LedgerError."""
        counts = self._context.counters.waiting()
        unread = self._breaker.trouble_with(READING_PARTS)
        return Waiting(counts.queue, counts.dlq, counts.held, self._breaker.state(now), unread)

    def look(self, now: float) -> WorkerStatus:
        """How things stand. Raises LedgerError."""
        counts = self._context.counters.waiting()
        last = self._context.counters.last_delivery()
        state, paused = self._breaker.state(now), self._breaker.is_paused(now)
        return WorkerStatus(state, counts.queue, counts.dlq, last, paused, counts.held)
