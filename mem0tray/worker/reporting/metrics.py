"""Publishing `mem0_metrics.json`."""

import os
import socket
import time
from contextlib import suppress
from typing import Any, Final

from mem0tray.core.errors import FileUnavailableError
from mem0tray.core.state import WorkerState
from mem0tray.files import atomic, document
from mem0tray.files.publish_rate import PublishRate
from mem0tray.ledger.names import METRICS_FILE, QUEUED, SYNCED
from mem0tray.system import processes
from mem0tray.worker.context import WorkerContext
from mem0tray.worker.other_worker import EVERY, OtherWorker

_LATEST: Final = 5.0  # seconds until a change shows


class MetricsWriter:
    """Writes the file on change and at least every thirty seconds."""

    def __init__(self, context: WorkerContext, other: OtherWorker) -> None:
        self._context = context
        self._other = other
        self._breaker = context.breaker
        self._written = 0.0
        self._shown: tuple[int, WorkerState, str] | None = None  # what the last writing was for
        self._spare = False  # the latest metrics are in a folder of ours
        self._state = ""
        self._state_since = 0.0  # Unix seconds
        # A slow write may only have waited for the disk, behind a large file.
        self.pace = PublishRate(longest=_LATEST)

    @property
    def needed(self) -> bool:
        return self._wanted() != self._shown

    def _wanted(self) -> tuple[int, WorkerState, str]:
        context = self._context
        state = self._breaker.state(context.now())
        return context.ledger.outdated.times(METRICS_FILE), state, context.destination

    def wait(self, moment: float) -> float:
        if self.needed:
            return self.pace.wait(moment)
        left = self._written + EVERY - moment
        return left if left > 0 else EVERY

    def run(self, *, final: bool = False) -> None:
        moment = time.monotonic()
        due = moment - self._written >= EVERY or self._written == 0.0
        if not final and not due and not (self.needed and self.pace.ready(moment)):
            return
        wanted = self._wanted()
        if not self._write(self._composed(final)):  # another worker just wrote it: look first
            self._context.wake.set()
            return
        now = time.monotonic()
        self._written, self._shown = now, wanted
        self.pace.note_cost(now, now - moment)

    def _write(self, data: bytes) -> bool:
        """Write the file unless another worker just did; if that fails, a copy for `status`."""
        # Not durable: after a power cut they are written anew at the start. Waiting for the disk
        # every half minute would be most of an idle worker's load.
        paths = self._context.paths
        try:
            written = atomic.replace(
                paths.metrics, data, still_valid=self._other.is_unchanged, durable=False
            )
        except FileUnavailableError:
            with suppress(FileUnavailableError):
                atomic.replace(paths.spare_metrics, data, durable=False)
                self._spare = True
            raise
        if written is not None:
            self._other.note_write(written)
        if self._spare:
            paths.spare_metrics.unlink(missing_ok=True)
            self._spare = False
        return written is not None

    def _composed(self, final: bool) -> bytes:  # noqa: FBT001  (as in `run`)
        context, now = self._context, self._context.now()
        state = self._breaker.state(now)
        if state.name != self._state:
            self._state, self._state_since = state.name, now
        reason = state.reason.document()
        counts = context.counters.waiting()
        last = context.counters.last_delivery()
        values: dict[str, Any] = {
            document.STAMP: document.local_iso(now),
            "vps_status": "healthy" if self._breaker.is_healthy else "down",
            "queue_size": counts.queue,
            "dlq_size": counts.dlq,
            "total_synced": context.counters.total(SYNCED),
            "total_queued": context.counters.total(QUEUED),
            "host": socket.gethostname(),
            "pid": None if final else os.getpid(),
            "state": state.name,
            "reason": str(state.reason),
            "destination": context.destination,
            "last_delivery": None if last is None else document.local_iso(last),
            "oldest_waiting": None if counts.oldest is None else document.local_iso(counts.oldest),
            "held": counts.held,
            "state_since": document.local_iso(self._state_since),
            "reason_id": reason["id"],
            "reason_arguments": reason["arguments"],
            "run": context.run,
            "space": processes.space(),
        }
        written = {name: document.json_value(value) for name, value in values.items()}
        return document.compose(written)
