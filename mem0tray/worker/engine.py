"""The worker's engine, which runs the stages; it has no thread and never waits.

Times that decide something are arguments: `now` in Unix seconds, `moment` in monotonic ones.
"""

import time
from functools import partial
from typing import Final

from mem0tray.core import events
from mem0tray.core.state import WorkerStatus
from mem0tray.files import private_folders
from mem0tray.system.paths import config_file
from mem0tray.worker.faults import EMERGENCY_PART, READING_PARTS
from mem0tray.worker.folders import served_folder, watch
from mem0tray.worker.folders.settings import WantedSettings
from mem0tray.worker.folders.watch import Watch
from mem0tray.worker.stages import Parts, stages_of

# Seconds between readings of the files when nobody wakes us. Nothing reports that the clock was
# set, or that this computer has slept. It divides the interval of the metrics.
LOOK: Final = 7.5
_STOP: Final = 0.8
_FOLDERS: Final = "folders"
_FOLLOWED: Final = 60.0  # seconds that `--until-idle` waits for what a server is at work on


class Engine:
    """Runs the stages, on one folder, from `begin` to `end`; a fault of one never ends it."""

    def __init__(self, parts: Parts, wanted: WantedSettings, *, watches: bool = True) -> None:
        self.parts = parts
        self.stages = stages_of(parts, wanted)
        self.has_looked = False  # the first cycle is done
        self._wanted = wanted
        self._context, self._breaker = parts.context, parts.context.breaker
        self._attempt = parts.context.faults.attempt
        self.watch = self._watch() if watches else None
        if wanted.wrong:
            self._breaker.block("settings", wanted.wrong)

    def _watch(self) -> Watch:
        paths = self._context.paths
        ignored = watch.is_ours(paths, unchanged=self.parts.other.is_unchanged)
        find = partial(watch.targets, paths, config_file())
        return Watch(find, ignored, self._context.wake.set)

    def begin(self) -> None:
        context = self._context
        if context.ledger.rebuilt:
            context.events.emit(events.LedgerRebuilt(context.ledger.rebuilt))
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
        for stage in self.stages:
            self._attempt(stage.name, partial(stage.run, now, moment))
            if self._wanted.where.moves:
                return
        self.has_looked = True
        if self._context.faults.waits(_FOLDERS):
            self._attempt(_FOLDERS, self._make_folders)
        self._context.faults.look()
        if self.watch is not None:
            self.watch.check()

    def patience(self, now: float, moment: float) -> float:
        faults = self._context.faults
        waits = (
            max(stage.wait(now, moment), faults.until_try(stage.name, moment))
            for stage in self.stages
        )
        return min(LOOK, faults.next_try(moment), *waits)

    # What commands and the tray ask ---------------------------------------------------

    def is_idle(self, horizon: float, now: float, moment: float) -> bool:
        """Return whether nothing can be delivered within `horizon` seconds. Raises LedgerError."""
        parts, breaker = self.parts, self._breaker
        if not self.has_looked or parts.chosen_server.delivery.under_way:
            return False
        if parts.queue.awaited or parts.edits.awaited or parts.notes.awaited:
            return False
        if breaker.blocked_by("server") or breaker.is_paused(now):
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
