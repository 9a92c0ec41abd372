"""Publishing the queue file: delivered and dead entries leave it, vanished ones come back.

It has a thread of its own: a producer that hangs with the lock must hold up nothing else.
"""

import math
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from mem0tray.core import item as items
from mem0tray.core.item import Name
from mem0tray.files import atomic, document
from mem0tray.files.atomic import Signature, TornError
from mem0tray.files.document import HELD
from mem0tray.files.lock import FileLock
from mem0tray.files.publish_rate import PublishRate
from mem0tray.ledger.inbox import FreshEntry
from mem0tray.ledger.names import QUEUE_FILE
from mem0tray.system import threads
from mem0tray.worker.context import WorkerContext
from mem0tray.worker.faults import REPLACING_QUEUE, WRITING_QUEUE
from mem0tray.worker.queue.intake import QueueIntake, QueueRead

_OPTIMISTIC_TRIES: Final = 2
_RETRY: Final = 0.05
_FAULT_WAIT: Final = 5.0
_LOCK_WAIT: Final = 86_400.0
_MOMENT: Final = 2.0  # seconds that `run_once` waits for the lock
_PATIENCE: Final = 3.0  # seconds before what vanished is shown again: another worker shows by then


@dataclass(slots=True)
class _Composed:
    """What the file is to hold; `top` is None if it is right already. `shown` entries wait."""

    entries: list[tuple[bytes, int]]
    top: dict[str, document.Value] | None
    tombstones: Iterable[Name]
    shown: set[int] = field(default_factory=set)


class QueuePublisher:
    """Publishes what the ledger has outdated, at its own pace."""

    def __init__(self, context: WorkerContext, intake: QueueIntake) -> None:
        self._context = context
        self._intake = intake
        self._lock = FileLock(context.paths.queue_lock)
        self._lock_wait = _LOCK_WAIT
        self._leaving = threading.Event()
        self._stopping = threading.Event()
        self._signal = threading.Event()
        self._urgent = threading.Event()
        self._busy = False
        self.hindered = False  # the last turn has failed, and will be tried again
        self._pace = PublishRate()
        self._shown: tuple[int, int] | None = None  # what the last writing was for
        self.show_again_at = math.inf  # Unix seconds; vanished entries are shown again then
        self._thread = threading.Thread(target=self._run, name="mem0tray-queue", daemon=True)

    def start(self) -> None:
        """Start the thread, which at first writes only what must be written at once."""
        self._pace.note_cost(time.monotonic(), 0.0)
        threads.start(self._thread)

    def kick(self, *, now: bool = False) -> None:
        if now:
            self._urgent.set()
        self._signal.set()

    @property
    def needed(self) -> bool:
        return self._wanted() != self._shown or self.show_again_at <= self._context.now()

    def _wanted(self) -> tuple[int, int]:
        return self._context.ledger.outdated.times(QUEUE_FILE), self._intake.oddities

    @property
    def pending(self) -> bool:
        return self.needed or self._busy

    def stop(self, timeout: float) -> None:
        self._leaving.set()
        self.kick(now=True)
        if self._thread.is_alive():
            self._thread.join(timeout)
        self._stopping.set()
        self.kick(now=True)

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._signal.wait()
            self._signal.clear()
            if self.needed:
                self._urgent.wait(self._pace.wait(time.monotonic()))
                self._urgent.clear()
                if not self._stopping.is_set():
                    self._guarded()
            else:
                self._context.faults.note_success(WRITING_QUEUE)  # it may have failed before
                self._note_file(unstable=False)
            if self._leaving.is_set() and not self.needed:
                return

    def _guarded(self) -> None:
        started = time.monotonic()
        self._busy = True
        done, wait = False, _RETRY
        try:
            done = self._publish()
        except TornError:
            pass
        except Exception as error:  # noqa: BLE001  (the thread survives any fault of a part)
            wait = _FAULT_WAIT
            if not self._stopping.is_set():  # after that nobody waits, and the ledger may be closed
                self._context.faults.note_failure(WRITING_QUEUE, error, wait, "queue file")
            self.hindered = True
        else:
            self.hindered = False
            self._context.faults.note_success(WRITING_QUEUE)
            self._note_file(unstable=not done and not self._stopping.is_set())
        now = time.monotonic()
        self._pace.note_cost(now, now - started)
        self._busy = False
        self._context.wake.set()
        if not done:
            if self._leaving.wait(wait):  # no time to wait any longer
                self._stopping.wait(_RETRY)
            self._signal.set()

    def _note_file(self, *, unstable: bool) -> None:
        path = self._context.paths.queue
        self._context.faults.note_file(REPLACING_QUEUE, path, unstable=unstable)

    def run_once(self) -> bool:
        self._lock_wait = _MOMENT
        return not self.needed or self._publish()

    def _publish(self) -> bool:
        """Prepare the file without the lock; where producers are too busy for that, with it."""
        for _ in range(_OPTIMISTIC_TRIES):
            if self._write(locked=False):
                return True
        with self._lock.held(self._lock_wait):
            return self._stopping.is_set() or self._write(locked=True)

    def _write(self, *, locked: bool) -> bool:
        seen = self._intake.read(locked=locked)
        for_this = self._wanted()
        wanted = self._composed(seen)
        if wanted.top is not None:
            self._intake.expect(key for _, key in wanted.entries)
            try:
                signature = atomic.replace(
                    self._context.paths.queue,
                    document.compose(wanted.top),
                    still_valid=lambda: self._may_replace(seen.signature, locked=locked),
                    announce=self._intake.announce,
                )
            finally:
                if not locked:
                    self._lock.release()
            if signature is None:
                self._intake.expect(())
                return False
            self._context.foreign_claims.show(wanted.shown)
            self._intake.note_published(signature, wanted.entries)
        self._context.inbox.clear_tombstones(wanted.tombstones)
        self._shown = for_this
        return True

    def _may_replace(self, before: Signature | None, *, locked: bool) -> bool:
        if not locked:
            self._lock.acquire(self._lock_wait)
        path = self._context.paths.queue
        if self._stopping.is_set() or atomic.signature(path) != before:
            return False
        if before is not None:
            atomic.keep_link(path, self._context.paths.queue_backup)
        return True

    def _composed(self, seen: QueueRead) -> _Composed:
        with self._context.ledger.transaction(durable=True):
            fresh = self._context.inbox.fresh_entries()
            tombstones = self._context.inbox.tombstones()
            totals = self._context.counters.show()
        entries: list[tuple[bytes, int]] = []
        shown: set[int] = set()
        for raw, key in seen.queue:
            ours = fresh.get(key)
            if key < 0:
                entries.append((raw, key))
            elif ours is not None and ours.taken is None and key not in shown:
                shown.add(key)
                item = items.parse(raw) if ours.retries else None
                is_stale = item is not None and item.retries != ours.retries
                entries.append(((is_stale and self._bytes(key)) or raw, key))
        again = self._to_show_again(fresh, shown, seen)
        entries += again
        held = [(raw, key) for raw, key in seen.held if key < 0]
        held += [(self._bytes(key), key) for key, each in fresh.items() if each.taken is not None]
        failed = [(raw, key) for raw, key in seen.failed if key < 0]
        stats = self._stats(seen.rest.get("stats"), totals)
        is_right = entries == seen.queue and failed == seen.failed and not seen.broken
        is_right = is_right and {key for _, key in held} == {key for _, key in seen.held}
        nothing_yet = seen.signature is None and not any(totals.values())
        if is_right and (stats is None or nothing_yet):
            return _Composed([], None, tombstones)
        laid_out = [(document.pretty(raw, 2), key) for raw, key in entries]
        rest = {k: v for k, v in seen.rest.items() if k not in ("last_100", "stats")}
        top: dict[str, document.Value] = {
            "queue": [raw for raw, _ in laid_out],
            "last_100": seen.rest.get("last_100", b"[]"),
            "failed": [document.pretty(raw, 2) for raw, _ in failed],
            "stats": stats or seen.rest.get("stats", b"{}"),
            **({HELD: [document.pretty(raw, 2) for raw, _ in held if raw]} if held else {}),
            **rest,
        }
        return _Composed(laid_out, top, tombstones, shown | {key for _, key in again})

    def _to_show_again(
        self, fresh: dict[int, FreshEntry], shown: set[int], seen: QueueRead
    ) -> list[tuple[bytes, int]]:
        """Return the waiting entries that the file lacks and that are to be shown again now.

        Beside another worker there are none: it might deliver them a second time. It may be
        there before we see it, so entries that vanished from a whole file wait a little.
        """
        context, now = self._context, self._context.now()
        self.show_again_at = math.inf
        if context.other_at_work:
            return []
        is_patient = not (seen.broken or seen.signature is None or self._leaving.is_set())
        found = []
        for key, each in fresh.items():
            if key in shown or each.taken is not None:
                continue
            ready = 0.0
            if each.vanished is not None and each.vanished <= now:
                ready = max(each.vanished + _PATIENCE * is_patient, context.other_may_write_until)
            if ready <= now:
                found.append((self._bytes(key), key))
            else:
                self.show_again_at = min(self.show_again_at, ready)
        return [(raw, key) for raw, key in found if raw]

    def _bytes(self, key: int) -> bytes:
        return self._context.ledger.find_raw(key) or b""  # it may just have been delivered

    def _stats(self, raw: bytes | None, totals: dict[str, int]) -> bytes | None:
        found = items.load_object(raw or b"{}")
        if found is None:
            self._context.quarantine_items(self._context.paths.queue, [raw or b""])
            found = {}
        last = self._context.counters.last_delivery()
        wanted = found | totals
        wanted["last_sync"] = found.get("last_sync") if last is None else document.local_iso(last)
        return None if wanted == found else document.dump(wanted)
