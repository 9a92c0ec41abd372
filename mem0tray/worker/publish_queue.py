"""Publishing the queue file: delivered and dead entries leave it, vanished ones come back.

On a thread of its own, since it waits for the producers' lock, and a producer
that hangs with it must hold up nothing else.
"""

import threading
import time
from typing import Final

from mem0tray import item as items
from mem0tray.files import atomic, document
from mem0tray.files.atomic import Signature, TornError
from mem0tray.files.lock import FileLock
from mem0tray.worker.core import Core, local_iso
from mem0tray.worker.intake import QueueIntake, Snapshot
from mem0tray.worker.pace import Pace
from mem0tray.worker.unrest import Unrest, cannot_write

_OPTIMISTIC_TRIES: Final = 2
_RETRY: Final = 0.05
_PART: Final = "writing the queue file"
_TROUBLE_WAIT: Final = 5.0
_LOCK_WAIT: Final = 86_400.0
_PENDING_RAWS: Final = "SELECT key, raw, retries FROM items WHERE state = 'pending' ORDER BY key"


class QueuePublisher:
    """Publishes whenever `core.queue_dirty` is set, at its own pace."""

    def __init__(self, core: Core, intake: QueueIntake) -> None:
        self._core = core
        self._intake = intake
        said = cannot_write(core.paths.queue)
        self._unrest = Unrest(core.troubles, "queue file in its place", said, _RETRY)
        self._lock = FileLock(core.paths.queue_lock)
        self._leaving = threading.Event()
        self._stopping = threading.Event()
        self._signal = threading.Event()
        self._urgent = threading.Event()
        self._idle = threading.Condition()
        self._busy = False
        self._pace = Pace()
        self._thread = threading.Thread(target=self._run, name="mem0tray-queue", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def kick(self, *, now: bool = False) -> None:
        """There may be something to publish; `now` does not wait for its turn."""
        if now:
            self._urgent.set()
        self._signal.set()

    @property
    def pending(self) -> bool:
        """Whether the file does not yet say what the ledger does."""
        return self._core.queue_dirty.is_set() or self._busy

    def stop(self, timeout: float) -> None:
        """Publish a last time if that is quickly done, and leave."""
        self._leaving.set()
        self.kick(now=True)
        deadline = time.monotonic() + timeout
        with self._idle:
            while self.pending and self._thread.is_alive():
                left = deadline - time.monotonic()
                if left <= 0:
                    break
                self._idle.wait(left)
        self._stopping.set()
        self.kick(now=True)
        self._thread.join(max(0.0, deadline - time.monotonic()))

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._signal.wait()
            self._signal.clear()
            if not self._core.queue_dirty.is_set():
                continue
            self._urgent.wait(self._pace.wait(time.monotonic()))
            self._urgent.clear()
            if not self._stopping.is_set():
                self._guarded()

    def _guarded(self) -> None:
        started = time.monotonic()
        self._busy = True
        self._core.queue_dirty.clear()
        try:
            done = self._publish()
        except TornError:
            done, wait = False, _RETRY
        except Exception as error:  # noqa: BLE001  (the thread survives any fault of a part)
            done, wait = False, _TROUBLE_WAIT
            self._core.troubles.failed(_PART, error, wait, "queue file")
        else:
            wait = _RETRY
            self._core.troubles.worked(_PART)
            self._unrest.look(restless=not done and not self._stopping.is_set())
        now = time.monotonic()
        self._pace.spent(now, now - started)
        if not done:
            self._core.queue_dirty.set()
        with self._idle:
            self._busy = False
            self._idle.notify_all()
        self._core.metrics_dirty.set()
        self._core.wake.set()
        if not done:
            if self._leaving.wait(wait):  # no more time for patience
                self._stopping.wait(_RETRY)
            self._signal.set()

    def _publish(self) -> bool:
        """Prepare the file without the lock; take that only to see that nothing has changed.

        Where producers are too busy for this, do all of it under the lock.
        """
        for _ in range(_OPTIMISTIC_TRIES):
            if self._write(locked=False):
                return True
        with self._lock.held(_LOCK_WAIT):
            return self._stopping.is_set() or self._write(locked=True)

    def _write(self, *, locked: bool) -> bool:
        snapshot = self._intake.read()
        entries, top, left = self._composed(snapshot)
        if top is None:
            self._core.inbox.settle_lingering(left)
            return True
        data = document.compose(top)
        path = self._core.paths.queue
        try:
            signature = atomic.replace(
                path, data, still_valid=lambda: self._may_replace(snapshot.signature, locked=locked)
            )
        finally:
            if not locked:
                self._lock.release()
        if signature is None:
            return False
        self._core.inbox.settle_lingering(left)
        self._intake.published(signature, entries)
        return True

    def _may_replace(self, before: Signature | None, *, locked: bool) -> bool:
        """With the lock held: the file is as it was, and its backup is made."""
        if not locked:
            self._lock.acquire(_LOCK_WAIT)
        path = self._core.paths.queue
        if self._stopping.is_set() or atomic.signature(path) != before:
            return False
        if before is not None:
            atomic.keep_link(path, self._core.paths.queue_backup)
        return True

    def _composed(
        self, snapshot: Snapshot
    ) -> tuple[list[tuple[bytes, int]], dict[str, document.Value] | None, list[str]]:
        """Entries that shall stand in the file, its values, and what it then shows no more.

        No values when the file is right as it is.
        """
        with self._core.ledger.transaction(durable=True) as db:
            pending = {key: (raw, retries) for key, raw, retries in db.execute(_PENDING_RAWS)}
            left = self._core.inbox.all_lingering()
        entries: list[tuple[bytes, int]] = []
        shown: set[int] = set()
        changed = snapshot.broken
        for raw, key in snapshot.queue:
            if key < 0:
                entries.append((raw, key))
            elif key in pending and key not in shown:
                shown.add(key)
                ours, retries = pending[key]
                stale = bool(retries) and _retries(raw) != retries
                changed |= stale
                entries.append((ours if stale else raw, key))
            else:
                changed = True
        vanished = [(raw, key) for key, (raw, _) in pending.items() if key not in shown]
        failed = [raw for raw, key in snapshot.failed if key < 0]
        stats = self._stats(snapshot.rest.get("stats"))
        changed |= bool(vanished) or len(failed) != len(snapshot.failed)
        nothing_yet = snapshot.signature is None and not any(self._intake.counters().values())
        if not changed and (stats is None or nothing_yet):
            return entries, None, left
        entries = [(document.pretty(raw, 2), key) for raw, key in (*entries, *vanished)]
        rest = {k: v for k, v in snapshot.rest.items() if k not in ("last_100", "stats")}
        top: dict[str, document.Value] = {
            "queue": [raw for raw, _ in entries],
            "last_100": snapshot.rest.get("last_100", b"[]"),
            "failed": [document.pretty(raw, 2) for raw in failed],
            "stats": stats or snapshot.rest.get("stats", b"{}"),
            **rest,
        }
        return entries, top, left

    def _stats(self, raw: bytes | None) -> bytes | None:
        """The counters as they should be, or None when the file has them right."""
        found = items.load_object(raw or b"{}")
        if found is None:
            self._core.quarantine_items(self._core.paths.queue, [raw or b""])
            found = {}
        last = self._core.ledger.meta("last_delivery")
        wanted = found | self._intake.counters()
        wanted["last_sync"] = found.get("last_sync") if last is None else local_iso(last)
        return None if wanted == found else document.dump(wanted)


def _retries(raw: bytes) -> int:
    item = items.parse(raw)
    return item.retries if item is not None else 0
