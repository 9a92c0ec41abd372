"""Publishing `mem0_metrics.json`, and noticing another worker who writes it too."""

import os
import socket
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from mem0tray import item as items
from mem0tray.errors import FileUnavailableError
from mem0tray.files import atomic, document
from mem0tray.files.atomic import Signature, TornError
from mem0tray.worker.core import Core, json_value, local_iso
from mem0tray.worker.pace import Pace
from mem0tray.worker.state import Gate

EVERY: Final = 30.0
_OTHER_GONE_AFTER: Final = 3 * EVERY
_COUNTS: Final = (
    "SELECT (SELECT count(*) FROM items WHERE state = 'pending'),"
    " (SELECT count(*) FROM items WHERE state = 'dead'),"
    " (SELECT min(accepted) FROM items WHERE state = 'pending'),"
    " (SELECT min(accepted) FROM items WHERE state = 'dead')"
)


@dataclass(frozen=True, slots=True)
class Counts:
    """What waits: fresh entries, dead letters (as in the file), since when the oldest."""

    queue: int
    dlq: int
    oldest: float | None


class Metrics:
    """Writes the file on change and at least every thirty seconds."""

    def __init__(self, core: Core, gate: Gate, destination: str = "") -> None:
        self._core = core
        self._gate = gate
        self.destination = destination
        self._signature: Signature | None = None
        self._seen_first = False
        self._other_seen = 0.0
        self._written = 0.0
        self._spare = False  # what we wrote last stands in a folder of ours
        self._counted = Counts(0, 0, None)
        self._counted_at = -1
        self.pace = Pace()

    def counts(self) -> Counts:
        """How much waits now. It is counted again only when the ledger has changed."""
        with self._core.ledger.reading() as db:
            changes = db.total_changes
            if changes != self._counted_at or db.in_transaction:
                queue, dlq, *oldest = db.execute(_COUNTS).fetchone()
                strays, _ = self._core.editions.strays()
                oldest_known = min(filter(None, oldest), default=None)
                self._counted = Counts(queue, dlq + len(strays), oldest_known)
                self._counted_at = -1 if db.in_transaction else changes
            return self._counted

    def run(self, *, force: bool = False) -> None:
        """Write if something changed, or half a minute has passed."""
        moment = time.monotonic()
        self.watch()
        due = moment - self._written >= EVERY or self._written == 0.0
        if (
            not force
            and not due
            and not (self._core.metrics_dirty.is_set() and self.pace.ready(moment))
        ):
            return
        self._core.metrics_dirty.clear()
        self._write(self._composed())
        now = time.monotonic()
        self._written = now
        self.pace.spent(now, now - moment)

    def _write(self, data: bytes) -> None:
        """Where the file cannot be written, `status` is told in a folder of ours."""
        # After a power cut they are written anew: the disk need not be waited for twice.
        paths = self._core.paths
        try:
            self._signature = atomic.replace(
                paths.metrics, data, durable=False, by_way_of=paths.data_dir
            )
        except FileUnavailableError:
            with suppress(FileUnavailableError):
                atomic.replace(paths.spare_metrics, data, durable=False)
                self._spare = True
            raise
        if self._spare:
            paths.spare_metrics.unlink(missing_ok=True)
            self._spare = False

    def _composed(self) -> bytes:
        core, now = self._core, self._core.now()
        state = self._gate.state(now)
        counts = self.counts()
        last = core.ledger.meta("last_delivery")
        values: dict[str, Any] = {
            "last_update": local_iso(now),
            "vps_status": "healthy" if self._gate.is_healthy else "down",
            "queue_size": counts.queue,
            "dlq_size": counts.dlq,
            "total_synced": int(core.ledger.meta("total_synced") or 0),
            "total_queued": int(core.ledger.meta("total_queued") or 0),
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "state": state.name,
            "reason": state.reason,
            "destination": self.destination,
            "last_delivery": None if last is None else local_iso(last),
            "oldest_waiting": None if counts.oldest is None else local_iso(counts.oldest),
        }
        return document.compose({name: json_value(value) for name, value in values.items()})

    def watch(self) -> None:
        """Another worker is one who rewrites the file while we run."""
        found = atomic.signature(self._core.paths.metrics)
        if not self._seen_first:
            self._seen_first = True
            self._signature = found
        moment = time.monotonic()
        if found is not None and found != self._signature:
            self._signature = found
            other = self._other()
            if other:
                self._other_seen = moment
                self._gate.block("worker", other)
                self._core.metrics_dirty.set()
        elif self._gate.blocked_by("worker") and moment - self._other_seen > _OTHER_GONE_AFTER:
            self._gate.unblock("worker")
            self._core.metrics_dirty.set()

    def _other(self) -> str:
        """Who wrote the file, and how to stop it; empty when it was no worker."""
        try:
            data, _ = atomic.read(self._core.paths.metrics) or (b"", None)
        except TornError:
            return ""
        value = items.load_object(data) or {}
        if "vps_status" not in value and "pid" not in value:
            return ""
        pid, host = value.get("pid"), value.get("host")
        if pid == os.getpid() and host in (None, socket.gethostname()):
            return ""
        if host not in (None, socket.gethostname()):
            return (
                f"another worker runs on {host!s:.60}: stop it there, or give each its own folder"
            )
        if isinstance(pid, int):
            return f"another worker runs as process {pid}: stop it with `kill {pid}`"
        return (
            "another worker rewrites mem0_metrics.json: find it with `pgrep -af mem0` and stop it"
            " (its service too: systemd, launchd or cron)"
        )
