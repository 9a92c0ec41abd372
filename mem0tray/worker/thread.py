"""The worker's thread: drives an engine, waits between its cycles, follows the folder."""

import threading
import time
from collections.abc import Callable

from mem0tray.config.settings import Loaded, Settings
from mem0tray.core import events, reasons
from mem0tray.core.errors import LedgerError, Mem0TrayError
from mem0tray.core.events import Events
from mem0tray.core.reasons import Reason
from mem0tray.core.state import ACTION_NEEDED, WorkerStatus
from mem0tray.ledger.counters import Counts
from mem0tray.system import threads
from mem0tray.system.paths import Paths
from mem0tray.worker import engine, parts
from mem0tray.worker.engine import Engine
from mem0tray.worker.folders.settings import WantedSettings


class WorkerThread:
    """The worker on its thread. Everything but `start` may be called from any thread.

    `reload` and `wrong` are those of `WantedSettings`. Raises AlreadyRunningError where
    another worker has the folder.
    """

    def __init__(
        self,
        settings: Settings,
        events: Events,
        reload: Callable[[], Loaded | None],
        wrong: Reason = reasons.NONE,
    ) -> None:
        self.failure: Mem0TrayError | None = None  # why the worker could not begin
        self.hindrance = reasons.NONE  # why it has not begun yet; it tries again
        self.fatal: BaseException | None = None  # a fault of ours that has ended the worker
        self._events = events
        self._wanted = WantedSettings(settings, reload, wrong)
        self._engine: Engine | None = None  # the engine of the present folder
        self._turned = time.monotonic()  # when its last turn began
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._ended = threading.Event()

    # The thread ----------------------------------------------------------------------

    def start(
        self, *, watch: bool = True, patient: bool = True, over: Callable[[], None] = lambda: None
    ) -> None:
        """Start the thread, which calls `over` at its end; `patient`: it waits for a full disk."""

        def run() -> None:
            try:
                self._run(watch=watch, patient=patient)
            except BaseException as error:  # noqa: BLE001  (whoever started it raises it)
                self.fatal = error
            finally:
                self._ended.set()
                over()

        thread = threading.Thread(target=run, name="mem0tray-worker")
        threads.start(thread)
        self._thread = thread

    def stop(self) -> None:
        self._stopping.set()
        self._wake.set()

    def join(self, timeout: float | None = None) -> None:
        if self._thread is not None:
            self._thread.join(timeout)

    @property
    def is_alive(self) -> bool:
        return self._thread is not None and not self._ended.is_set()

    @property
    def is_leaving(self) -> bool:
        return self._stopping.is_set()

    def _run(self, *, watch: bool, patient: bool) -> None:
        self._wanted.follows = watch
        try:
            while (found := self._open(watch=watch, patient=patient)) is not None:
                self._engine = found
                self._drive(found)
                if self._stopping.is_set():
                    self._events.emit(events.WorkerStopped())
                    break
                before = self._wanted.where.move()
                self._events.emit(events.FolderChanged(before, self.paths.claude_dir))
        finally:
            self._wanted.where.leave()

    def _drive(self, found: Engine) -> None:
        try:
            found.begin()
            while not self._stopping.is_set():
                self._turned = time.monotonic()
                seconds = found.turn()
                if self._wanted.where.moves:
                    break
                self._wake.wait(seconds)
                self._wake.clear()
        finally:
            found.end()

    def _open(self, *, watch: bool, patient: bool) -> Engine | None:
        said = ""
        while not self._stopping.is_set():
            try:
                self._wanted.where.follow(self._wanted.settings)
                opened = parts.open_parts(self._wanted, self._events, self._wake)
            except Mem0TrayError as error:
                if not patient:
                    self.failure = error
                    return None
                if str(error) != said:
                    said = str(error)
                    self.hindrance = error.reason
                    self._events.emit(events.PartFailed("start", said, engine.LOOK))
                    self._events.emit(events.StateChanged(ACTION_NEEDED, error.reason, told=True))
                self._stopping.wait(engine.LOOK)
            else:
                return Engine(opened, self._wanted, watches=watch)
        return None

    # What commands and the tray ask; LedgerError where the ledger cannot be read ---------

    @property
    def paths(self) -> Paths:
        return self._wanted.where.paths

    @property
    def settings(self) -> Settings:
        found = self._engine
        return self._wanted.settings if found is None else found.parts.context.settings

    @property
    def is_ready(self) -> bool:
        return self._engine is not None

    @property
    def silence(self) -> float:
        """For how many seconds it has begun no turn; far less than a minute unless it hangs."""
        return time.monotonic() - self._turned

    @property
    def destination(self) -> str:
        found = self._engine
        return "" if found is None else found.parts.context.destination

    def is_idle(self, horizon: float) -> bool:
        found = self._engine
        return found is not None and found.is_idle(horizon, time.time(), time.monotonic())

    @property
    def has_published(self) -> bool:
        found = self._engine
        return found is not None and found.parts.has_published

    def counts(self) -> Counts:
        return self._ready().parts.context.counters.waiting()

    def look(self) -> WorkerStatus:
        return self._ready().look(time.time())

    def freshen(self) -> None:
        if self._engine is not None:
            self._engine.parts.chosen_server.freshen()

    def _ready(self) -> Engine:
        if self._engine is None:
            raise LedgerError("The worker has not begun.")
        return self._engine
