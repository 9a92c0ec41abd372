"""The worker: one thread that watches, takes in, and publishes, beside those that send.

It survives any fault of a part: says so, waits a little, goes on.
"""

import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Final

from mem0tray.config import server_choice
from mem0tray.config.settings import Loaded, Settings
from mem0tray.core import events
from mem0tray.core.errors import FileUnavailableError, Mem0TrayError, SettingsError
from mem0tray.core.events import Events
from mem0tray.core.state import Gate, Waiting, WorkerState, WorkerStatus
from mem0tray.files import atomic, pauses, probe
from mem0tray.files.publish_rate import INTERVAL
from mem0tray.ledger.database import Ledger
from mem0tray.system.paths import Paths, config_file
from mem0tray.worker import requests, unrest
from mem0tray.worker.context import Core
from mem0tray.worker.dlq import waits
from mem0tray.worker.dlq.hand_edits import HandEdits
from mem0tray.worker.dlq.publish import DlqPublisher
from mem0tray.worker.folders import places
from mem0tray.worker.folders.whereabouts import Whereabouts
from mem0tray.worker.heap import Ballast
from mem0tray.worker.other_worker import OtherWorker
from mem0tray.worker.queue.emergencies import EmergencyIntake
from mem0tray.worker.queue.intake import QueueIntake
from mem0tray.worker.queue.publish import QueuePublisher
from mem0tray.worker.sending.route import Route
from mem0tray.worker.telling.log import WAITING_PER_MINUTE
from mem0tray.worker.telling.metrics import MetricsWriter
from mem0tray.worker.troubles import Troubles
from mem0tray.worker.watch import Watcher

LOOK: Final = 5.0  # seconds between looks at the files, should nobody wake us
LONGEST_WAIT: Final = 30.0
_TORN: Final = 0.05
_STOP: Final = 0.8
_QUEUE, _EMERGENCY, _DLQ = "queue file", "emergency file", "DLQ file"
_READ: Final = (_QUEUE, _EMERGENCY, _DLQ, *unrest.READING)
_WRITE_DLQ: Final = "writing the DLQ file"
_CLOCK_JUMP: Final = 1.0
_DAY: Final = 86_400.0


class Worker:
    """Runs the stages. `run` is its thread's body; `stop` may be called from any thread.

    `reload` gives the settings anew when their file has changed (it raises
    SettingsError while they are wrong; the last good ones hold meanwhile).
    `wrong` says what is the matter with those of the start: nothing is sent
    until they are mended, and `settings` are the defaults.
    """

    def __init__(
        self,
        settings: Settings,
        bus: Events,
        reload: Callable[[], Loaded | None],
        wrong: str = "",
    ) -> None:
        self._reload = reload
        self._wanted = settings  # what stands in the settings, here or in another folder
        self._wrong = wrong
        self.failure: Mem0TrayError | None = None  # why `run` could not begin
        self.events = bus
        self.gate = Gate()
        self._stopping = threading.Event()
        self._where = Whereabouts(settings)
        self._follows = False  # the settings, should they lead to another folder
        self._built = False

    @property
    def paths(self) -> Paths:
        """Every path; `claude_dir` is the real path of the folder that is served."""
        return self._where.paths

    def _build(self, settings: Settings) -> None:
        if self._where.make_folder():
            self.events.emit(events.FolderMade(self.paths.claude_dir))
        server_choice.remember_if_first(settings.server.url, self.paths)
        self.core = core = Core(self.paths, settings, Ledger(self.paths.ledger), self.events)
        core.troubles = self._troubles = Troubles(
            self.events, self.gate.trouble, _READ, (self.paths.claude_dir, self.paths.data_dir)
        )
        self._guarded = self._troubles.attempt
        try:
            self._where.record(time.time())
            core.take_up()
        except Mem0TrayError:
            core.ledger.close(settled=False)
            raise
        self.emergencies = EmergencyIntake(core)
        self.queue = QueueIntake(core)
        self.edits = HandEdits(core)
        self.dlq = DlqPublisher(core, self.edits)
        self.queue_publisher = QueuePublisher(core, self.queue)
        self.other = OtherWorker(core, self.gate)
        self.metrics = MetricsWriter(core, self.gate, self.other)
        self.route = Route(core, self.gate, self.metrics)
        self.delivery, self.prober = self.route.delivery, self.route.prober
        folders = (self.paths.claude_dir, self.paths.requests, config_file().parent)
        self._watcher = Watcher(folders, core.wake.set, ours=self.paths.metrics)
        if self._wrong:
            self.gate.block("settings", self._wrong)
        self._state = WorkerState("")
        self._clock = (time.time(), time.monotonic())
        self._ballast = Ballast()
        self._settled = False  # the first look at the files is done
        self._expired = 0.0
        self._looked = 0.0  # when it was last seen what is due, Unix seconds
        self._wait = LOOK

    # The thread ----------------------------------------------------------------------

    def run(self, *, watch: bool = True, patient: bool = True) -> None:
        """Work until `stop`; returns when everything is published and let go.

        If it is to `watch`, it follows `claude_dir` too. A disk that is full or read-only at
        the start is waited for, unless the caller is not `patient`: then `failure` says what
        is wrong.
        """
        self._follows = watch
        try:
            while self._build_at_last(patient=patient):
                try:
                    self._begin(watch=watch)
                    while not self._stopping.is_set() and not self._where.moves:
                        done = self._guarded("ledger", self._turn)
                        self.core.wake.wait(self._wait if done else LOOK)
                        self.core.wake.clear()
                finally:
                    self._end()
                if self._stopping.is_set():
                    break
                self.gate = Gate()
                self.events.emit(events.FolderChanged(self._where.move(), self.paths.claude_dir))
        finally:
            self._where.leave()

    def _build_at_last(self, *, patient: bool) -> bool:
        told = ""
        while not self._stopping.is_set():
            try:
                self._where.follow(self._wanted)
                self._build(self._wanted)
            except Mem0TrayError as error:
                if not patient:
                    self.failure = error
                    return False
                if str(error) != told:
                    told = str(error)
                    self.events.emit(events.PartFailed("start", told, LOOK))
                self._stopping.wait(LOOK)
            else:
                self._built = True
                return True
        return False

    def stop(self) -> None:
        """Leave within a second."""
        self._stopping.set()
        if self._built:
            self.core.wake.set()

    def _begin(self, *, watch: bool) -> None:
        core = self.core
        if core.ledger.rebuilt:
            self.events.emit(events.LedgerRebuilt(core.ledger.rebuilt))
        self._guarded("leftovers", partial(places.clean, self.paths))
        core.dlq_dirty.set()
        core.queue_dirty.set()
        self.route.choose(None if self._wrong else core.settings.server, events.WorkerStarted)
        self.queue_publisher.start()
        if watch:
            for folder in (self.paths.requests, config_file().parent):
                self._guarded("folders", partial(atomic.make_private_folder, folder))
            self._watcher.start()

    def _end(self) -> None:
        self._watcher.stop()
        self.prober.stop(0.1)
        self.delivery.stop(_STOP / 2)
        # A name for each: under one that has just failed nothing is tried for a while.
        self._guarded("last DLQ file", self._publish_dlq)
        self._guarded("last queue file", lambda: self.queue_publisher.stop(_STOP / 2))
        self._guarded("metrics", lambda: self.metrics.run(force=True))
        self.dlq.close()
        self.route.close()
        self._guarded("end of the ledger", self.core.ledger.close)
        if self._stopping.is_set():
            self.events.emit(events.WorkerStopped())

    # One cycle -----------------------------------------------------------------------

    def _turn(self) -> None:
        self._cycle()
        self._wait = self._patience()

    def _cycle(self) -> None:
        self._guarded("settings", self._look_at_settings)
        if self._where.moves:
            return
        self._guarded("clock", self._look_at_clock)
        self._guarded("pause", self._look_at_pause)
        looked = self._guarded("another worker", self.other.look)
        looked &= self._guarded(_EMERGENCY, self.emergencies.run)
        looked &= self._guarded(_QUEUE, self.queue.run) and not self.queue.torn
        # After the files: what is to be discarded may stand in one that nobody has read yet.
        self._guarded("requests", self._take_requests)
        self._guarded(_DLQ, self._take_edits)
        if looked:
            self._guarded("another worker", self.other.release)
        if not self._settled:
            self._settled = True
            self.prober.start()  # it opens the way: not before we know what the user did meanwhile
            self._tell_waiting()
        self._guarded("files", partial(places.look, self.paths))
        self._guarded("storage", self._look_at_storage)
        self._guarded("state", self._tell_state)
        if self._may_send():
            self.delivery.kick()
        if self.dlq.needed and (self.dlq.pace.ready(time.monotonic()) or self._at_rest()):
            self._guarded(_WRITE_DLQ, self._publish_dlq, _DLQ)
        if self.queue_publisher.put_back_at <= self.core.now():
            self.core.queue_dirty.set()
        if self.core.queue_dirty.is_set():
            self.queue_publisher.kick(now=self._at_rest())
        self._guarded("metrics", self.metrics.run)
        self._guarded("retention", self._expire)
        if self._at_rest():
            self._ballast.drop(self.edits.signature, self.queue.signature)
        self._troubles.look()
        self._watcher.check()

    def _take_edits(self) -> None:
        if self.queue.lost:
            self.queue.lost = False
            self.edits.look_again()
        forced = self.edits.run()
        forced |= self.dlq.merge_late_save()
        if forced:
            self.prober.kick()

    def _take_requests(self) -> None:
        if requests.process(self.core):
            self.queue_publisher.kick(now=True)

    def _publish_dlq(self) -> None:
        if self.dlq.needed:
            self.dlq.run()

    def _may_send(self) -> bool:
        """Something is due, set aside for the server's sake or not, or under way."""
        due, self._looked = self.core.outbox.next_due(), self.core.now()
        return self.delivery.under_way > 0 or (due is not None and due <= self._looked)

    def _at_rest(self) -> bool:
        """Nothing is under way and nothing due: what was done is published at once."""
        due = self.delivery.next_due()
        return due is None or due > self.core.now()

    def _tell_waiting(self) -> None:
        """At the start: which dead letters wait, and how long; later edits tell of theirs."""
        waiting, total = self.core.outbox.waiting_dead(self.core.now(), WAITING_PER_MINUTE)
        waits.tell(self.events.emit, waiting, total)
        self.edits.tells_waits = True

    def _tell_state(self) -> None:
        state = self.gate.state(self.core.now())
        if state != self._state:
            self._state = state
            self.core.metrics_dirty.set()
            told = self._troubles.tells(state.reason)
            self.events.emit(events.StateChanged(state.name, state.reason, told))

    def _look_at_clock(self) -> None:
        """A clock that was set back must not make anything wait for longer."""
        wall, mono = time.time(), time.monotonic()
        jumped = (wall - self._clock[0]) - (mono - self._clock[1])
        self._clock = (wall, mono)
        if jumped < -_CLOCK_JUMP:
            self.gate.clock_set_back(-jumped)
            self.core.outbox.clock_set_back(wall, -jumped)
            self.core.outbox.limit_waits(wall, self.core.settings.sync.retry_interval)

    def _look_at_pause(self) -> None:
        try:
            self.gate.pause(pauses.read(self.paths, self.core.now()))
        except FileUnavailableError as error:  # it may say that nothing is to be sent
            self.gate.block("pause", str(error))
            raise
        self.gate.unblock("pause")

    def _look_at_storage(self) -> None:
        for folder in (self.paths.claude_dir, self.paths.data_dir):
            probe.refuse_read_only(folder)  # even where there is nothing to be written now
        if self.gate.blocked_by("storage"):
            with self.core.ledger.transaction(durable=True):
                self.core.ledger.set_meta("storage", self.core.now())
            self.gate.unblock("storage")

    def _expire(self) -> None:
        now = self.core.now()
        if abs(now - self._expired) > _DAY:
            self._expired = now
            self.core.inbox.expire(now - self.core.settings.retention.discarded * _DAY)

    def _patience(self) -> float:
        """How long to wait, should nobody wake us."""
        now = self.core.now()
        waits = [INTERVAL if self.delivery.under_way else LOOK]
        due = self.core.outbox.next_due()  # of those set aside too
        if due is not None and due > self._looked:
            waits.append(max(0.0, due - now))
        opens = self.gate.opens_at(now)
        if opens is not None:
            waits.append(opens - now)
        waits.append(max(self.queue_publisher.put_back_at - now, 0.0))
        if self.dlq.needed:
            waits.append(max(self.dlq.pace.wait(time.monotonic()), _TORN))
        if self.core.metrics_dirty.is_set():
            waits.append(self.metrics.pace.wait(time.monotonic()))
        if self.queue.torn or self.edits.torn:
            waits.append(_TORN)
        return min(waits)

    # Settings ------------------------------------------------------------------------

    def _look_at_settings(self) -> None:
        try:
            loaded = self._reload()
        except SettingsError as error:
            self.gate.trouble("settings", str(error))
            if self._wrong:
                self.gate.block("settings", str(error))
            return
        self.gate.trouble("settings", "")
        if loaded is not None:
            self._wanted = loaded.settings
        stays = self._look_at_folder()
        if loaded is None or self._where.moves or (stays and self._wrong):
            return  # what stands in the default folder is not what was meant to be sent
        mended, self._wrong = bool(self._wrong), ""
        self.gate.unblock("settings")
        before, self.core.settings = self.core.settings, loaded.settings
        if mended or loaded.settings.server != before.server:
            self.route.choose(loaded.settings.server, events.ServerChanged)
        elif loaded.settings.sync.probe_interval != before.sync.probe_interval:
            self.prober.kick()  # or the former interval would be waited out
        self.events.emit(events.SettingsChanged())

    def _look_at_folder(self) -> str:
        """See where the settings, and links, lead; why the worker cannot go there, else nothing."""
        stays = self._where.look(self._wanted) if self._follows else ""
        if self._where.moves:
            self._wrong = ""
        elif stays and self._wrong:
            self.gate.block("settings", stays)
        self.gate.trouble("folder", "" if self._wrong else stays)
        return stays

    # For commands --------------------------------------------------------------------

    @property
    def is_leaving(self) -> bool:
        """Whether it was told to stop: the ledger may be closed at any moment."""
        return self._stopping.is_set()

    def is_idle(self, horizon: float) -> bool:
        """Nothing is left that can be delivered within `horizon` seconds."""
        if not self._built or not self._settled or self.delivery.under_way:
            return False
        if self.queue.awaited or self.edits.awaited:
            return False
        now = self.core.now()
        state = self.gate
        if state.blocked_by("server") or state.is_paused(now):
            return True
        due = self.delivery.next_due()  # waits for an outcome that is being recorded
        if state.awaits_probe or self._unread():
            return False
        if horizon > 0 and state.is_open(now):
            # What the last worker left under way is asked about soon, and then delivered.
            horizon = max(horizon, self.core.in_doubt_until - time.monotonic())
        if due is None or due > now + horizon:
            return True
        return not state.is_open(now) and not 0 < state.held_for(now) <= horizon

    def _unread(self) -> bool:
        """Whether a file that we can read holds something not taken in."""
        return not self._troubles.waits(_EMERGENCY) and self.emergencies.unread() > 0

    def waiting(self) -> Waiting:
        """What is left now."""
        counts = self.metrics.counts()
        state = self.gate.state(self.core.now())
        unread = self.gate.trouble_with(_READ)
        return Waiting(counts.queue, counts.dlq, counts.held, state, unread)

    # For the tray ----------------------------------------------------------------------

    @property
    def settings(self) -> Settings:
        """Those that hold now."""
        return self.core.settings if self._built else self._wanted

    @property
    def ready(self) -> bool:
        """Whether there is a ledger to look at; not yet while a full disk is waited for."""
        return self._built

    def look(self) -> WorkerStatus:
        """How things are now. Raises LedgerError."""
        now = self.core.now()
        counts = self.metrics.counts()
        last = self.core.ledger.meta("last_delivery")
        state = self.gate.state(now)
        paused = self.gate.is_paused(now)
        return WorkerStatus(state, counts.queue, counts.dlq, last, paused, counts.held)
