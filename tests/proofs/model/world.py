"""One history's ground: a scratch home, a real server, the worker, the clock."""

import json
import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final, Self
from unittest import mock

import msgspec

from mem0tray.config.settings import PathSettings, ServerSettings, Settings, SyncSettings
from mem0tray.core import events
from mem0tray.core import item as items
from mem0tray.core.events import Event
from mem0tray.core.reasons import Reason
from mem0tray.files import atomic
from mem0tray.files.lock import is_locked
from mem0tray.ledger import opening
from mem0tray.system.paths import Paths
from mem0tray.worker import orders as worker_orders
from mem0tray.worker.context import WorkerContext
from tests.proofs.model.beliefs import Beliefs, Wish, items_of
from tests.proofs.model.stepped import Clock, Killed, Points, SteppedWorker, without_threads
from tests.support.home import Home
from tests.support.shapes import Item, delay
from tests.support.standin import Standin

PROMPT: Final = 5.0  # seconds: the time-out while the server answers
HASTY: Final = 0.02  # seconds: the time-out while it hangs
_COMMAND: Final = 10.0  # seconds that a command takes at most
_STATES: Final = "SELECT key, digest, state FROM items"


class World:
    """`with World(root, …) as world: …`; what the product does wrong is in `wrong`."""

    def __init__(self, root: Path, *, honours_keys: bool, can_be_asked: bool) -> None:
        self.clock = Clock()
        self.points = Points()
        self.beliefs = Beliefs()
        self.wrong = self.beliefs.wrong
        self.server = Standin(honours_keys=honours_keys, can_be_asked=can_be_asked)
        self.life: SteppedWorker | None = None
        self.serving = True
        self._root = root
        self._stack = ExitStack()
        self._ledgers: list[sqlite3.Connection] = []
        self._at_work = False  # the worker is: what is replaced now, it publishes
        self._save: bytes | None = None  # of the DLQ file, by somebody else, not merged yet
        self._publishing = b""  # what the worker writes into the DLQ file, or wrote last
        self._half = False  # perhaps it is: the worker was killed over it
        self.asked = False  # an order was left that nobody has applied
        self._failed = ""  # the id of the dead letter whose failure was told last

    def __enter__(self) -> Self:
        stack = self._stack
        stack.enter_context(self.server)
        self.home = stack.enter_context(Home(self._root, self.server.url))
        stack.enter_context(mock.patch.dict(os.environ, self.home.env))
        for context in (
            self.clock.installed(), self.points.installed(), self._replacing(), self._opening(),
            self._standing_in(), without_threads(),
        ):  # fmt: skip
            stack.enter_context(context)
        self.clock.while_asleep = self.cycle
        self.paths = Paths(self.home.claude, self.home.data / "mem0tray")
        self.settings = Settings(
            paths=PathSettings(str(self.home.claude)),
            server=ServerSettings(self.server.url),
            sync=SyncSettings(timeout=PROMPT),
        )
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self._stack.close()

    # The worker --------------------------------------------------------------------

    def start(self) -> None:
        with self._working():
            self.life = SteppedWorker(self.settings, self.clock.monotonic, self._told)

    def stop(self) -> None:
        life, self.life = self.life, None
        if life is not None:
            with self._working():
                self.merge_soon()
                life.stop()

    def kill(self) -> None:
        life, self.life = self.life, None
        if life is not None:
            life.abandon()
        for ledger in self._ledgers:  # also of a worker that did not live to have one
            ledger.close()

    def die(self) -> None:
        raise Killed

    def cycle(self) -> None:
        """One turn of the loop, and what it did held against the contract."""
        if self.life is None or self._at_work:
            return
        before = self._save
        with self._working():
            self.merge_soon()
            self.life.cycle()
        if self.life.parts.edits.torn:
            return
        if self._save is not before:  # saved meanwhile: the next look finds it
            self.cycle()
            return
        self._note_merged()
        self.asked = bool(list(self.paths.orders.glob("[0-9]*.json")))
        if not self.asked:
            self._check_wishes()

    @contextmanager
    def _standing_in(self) -> Iterator[None]:
        original = worker_orders.run_without_worker

        def told(event: Event) -> None:
            # A command does not wait for a producer that hangs with the lock.
            hangs = is_locked(self.paths.queue_lock)
            if not (hangs and isinstance(event, events.PartFailed) and event.part == "queue file"):
                self._told(event)

        def run(context: WorkerContext) -> Mapping[str, Reason]:
            context.events.subscribe(told)
            with self._working():
                self.merge_soon()
                unread = original(context)
            self._note_merged()
            return unread

        with mock.patch.object(worker_orders, "run_without_worker", run):
            yield

    def send(self) -> None:
        if self.life is not None:
            before = set(self.life.under_way)
            self.life.begin()
            self._check_requests(before)

    def record(self, number: int) -> None:
        """Record what became of a request under way; the next one may go out with it."""
        if self.life is not None and self.life.under_way:
            known = sorted(self.life.under_way)
            chosen = known[number % len(known)]
            self.life.finish(chosen)
            self._check_requests(set(known) - {chosen})

    def work(self) -> None:
        self.cycle()
        if self.life is not None:
            self.send()
            for _ in range(400):
                if not self.life.under_way:
                    break
                self.record(0)
            else:
                self.wrong.append("requests without end")
        self.cycle()

    def hurry(self, seconds: float) -> None:
        sync = msgspec.structs.replace(self.settings.sync, timeout=seconds)
        self.settings = msgspec.structs.replace(self.settings, sync=sync)
        if self.life is not None:
            self.life.parts.context.settings = self.settings

    def switch(self) -> None:
        self.serving = not self.serving
        (self.server.open if self.serving else self.server.close)()

    def set_clock(self, seconds: float) -> None:
        self.clock.jump(seconds)
        self.beliefs.clock_set(seconds)

    def is_idle(self) -> bool:
        return self.life is not None and self.life.is_idle()

    @property
    def at_peace(self) -> bool:
        return self.life is not None and self._save is None

    @contextmanager
    def killable(self) -> Iterator[None]:
        try:
            yield
        except Killed:
            self.kill()
        finally:
            self.points.disarm()

    @contextmanager
    def _working(self) -> Iterator[None]:
        self._at_work = True
        try:
            yield
        finally:
            self._at_work = False

    # What others save ------------------------------------------------------------------

    def read_dlq(self) -> bytes | None:
        """Read the DLQ file as an editor does; None when it is not there or not whole."""
        try:
            data = self.home.dlq.read_bytes()
            json.loads(data)
        except (FileNotFoundError, ValueError):
            return None
        if data == self._publishing:  # somebody is quick to see it
            self.beliefs.published(data)
        return data

    def saved(self, data: bytes) -> None:
        self.age(self.home.dlq)
        self.forget_save()
        self._save = data
        if self._at_work:  # it may be merged before this very cycle is over
            self.merge_soon()

    def forget_save(self) -> None:
        """Something takes the place of the last save, which nobody may have merged yet."""
        if self._save is not None and (before := _document(self._save)) is not None:
            (self.beliefs.overwritten if self._half else self.beliefs.undone)(before)
        self._save, self._half = None, False

    def age(self, path: Path) -> None:
        moment = self.clock.time_ns()
        os.utime(path, ns=(moment, moment))

    def merge_soon(self) -> None:
        """Believe in the last save: whoever works next merges it."""
        if self._save is None or self._half:
            return
        document = _document(self._save)
        if document is not None:
            self.beliefs.saved(document, self._save)
            self._half = True

    def _note_merged(self) -> None:
        """The last save is merged, or salvaged; a broken one that is still there waits."""
        if self._save is not None and not self._half:
            if _holds(self.home.dlq, self._save):
                return
            self.beliefs.perhaps_saved(self._save.decode("utf-8", "replace"))
        self._save, self._half = None, False

    # Commands that are killed -------------------------------------------------------------

    def in_a_killed_process(self, after: int, act: Callable[[], object]) -> None:
        """Do something in a process that is killed at one of its points; no worker may run."""
        assert self.life is None
        self.merge_soon()
        before = self.dlq_bytes()
        if (pid := os.fork()) == 0:
            try:
                self.points.arm(after, partial(os._exit, 9))
                act()
            finally:
                os._exit(0)
        os.waitpid(pid, 0)
        self.clock.advance(_COMMAND)
        data = self.dlq_bytes()
        if data is not None and data != before:
            self.beliefs.published(data)
            self._note_merged()

    def dlq_bytes(self) -> bytes | None:
        return self.home.dlq.read_bytes() if self.home.dlq.exists() else None

    @contextmanager
    def _opening(self) -> Iterator[None]:
        """See each ledger that is opened: a killed process closes it, nobody else would."""
        original = opening._open

        def connect(path: Path, *, checked: bool) -> tuple[sqlite3.Connection, str]:
            opened = original(path, checked=checked)
            self._ledgers.append(opened[0])
            return opened

        with mock.patch.object(opening, "_open", connect):
            yield

    @contextmanager
    def _replacing(self) -> Iterator[None]:
        original = atomic.replace

        def replace(path: Path, parts: bytes | Sequence[bytes], **more: Any) -> Any:
            data, result = parts if isinstance(parts, bytes) else b"".join(parts), None
            if path == self.paths.dlq:
                self._publishing = data
            try:
                result = original(path, data, **more)
            finally:
                done = result is not None or (path == self.paths.dlq and _holds(path, data))
                if path == self.paths.dlq and done:
                    self.beliefs.published(data)
            return result

        with mock.patch.object(atomic, "replace", replace):
            yield

    # What is held against the contract ---------------------------------------------------

    def _check_wishes(self) -> None:
        assert self.life is not None
        with self.life.parts.context.ledger.locked() as db:
            rows = {row[1]: row for row in db.execute(_STATES)}
        for memory in self.beliefs.memories.values():
            row = rows.get(items.digest(memory.project, memory.text))
            state = row[2] if row is not None else "unknown"
            if memory.wish is Wish.KEPT and state == items.DISCARDED:
                self.wrong.append(f"discarded, though nobody wanted that: {memory.text!r}")
            if memory.wish is Wish.GONE and state in (items.FRESH, items.DEAD):
                self.wrong.append(f"still {state}, though the user removed it: {memory.text!r}")

    def _check_requests(self, before: set[int]) -> None:
        assert self.life is not None
        now = self.clock.time()
        for number in self.life.under_way.keys() - before:
            job = self.life.under_way[number][0].job
            text = str(job.text)
            memory = self.beliefs.memories.get(text)
            if memory is None:
                if text not in self.beliefs.offered:
                    self.wrong.append(f"sent, though nobody handed it over: {text!r}")
            elif self._save is None and not self.asked and memory.wish is Wish.GONE:
                self.wrong.append(f"sent, though the user removed it: {text!r}")
            elif self._save is None and not self.asked and memory.edited:
                self.wrong.append(f"sent, though the user gave it another text: {text!r}")
            elif now < memory.not_before and self._save is None:
                early = memory.not_before - now
                self.wrong.append(f"sent {early:.0f} s too early: {text!r}")

    def _told(self, event: Event) -> None:
        match event:
            case events.PartFailed():
                self.wrong.append(f"{event.part} failed: {event.error}")
            case events.MovedToDlq():
                self._count(event.item_id, 0)
            case events.DlqRetryFailed():
                self._count(event.item_id, event.retries)
            case events.InBackoff() if event.item_id == self._failed:
                memory = self.beliefs.only(event.item_id)
                if memory is not None and memory.retry_count is not None:
                    memory.not_before = self.clock.time() + delay(memory.retry_count) - 0.1
        if not isinstance(event, events.MovedToDlq | events.DlqRetryFailed):
            self._failed = ""

    def _count(self, item_id: str, count: int) -> None:
        self._failed = item_id
        memory = self.beliefs.only(item_id)
        if memory is None:  # with two texts under one id, nobody knows whose count this is
            self.beliefs.forget_values(item_id)
        else:
            if memory.retry_count is not None and count and count != memory.retry_count + 1:
                self.wrong.append(f"count {memory.retry_count} to {count}: {memory.text!r}")
            memory.retry_count = count


def _holds(path: Path, data: bytes) -> bool:
    try:
        return path.read_bytes() == data
    except OSError:
        return False


def _document(data: bytes) -> Item | None:
    try:
        document = json.loads(data)
        items_of(document)
    except (ValueError, AttributeError, TypeError, KeyError):
        return None
    return dict(document)
