"""The metrics file: ours, and another worker on the same files, noticed by its own.

The ledger remembers it. It has gone when it was silent for three heartbeats (at once, when its
process was here and has ended), and the queue file was read after that.
"""

import os
import socket
import time
from contextlib import suppress
from functools import partial
from typing import Any, Final

from msgspec.structs import replace

from mem0tray.core import events
from mem0tray.core import item as items
from mem0tray.core.errors import FileUnavailableError
from mem0tray.core.state import WorkerSeen, WorkerState
from mem0tray.files import atomic, document
from mem0tray.files.atomic import Signature, TornError
from mem0tray.files.publish_rate import PublishRate
from mem0tray.ledger import outbox
from mem0tray.ledger.names import METRICS_FILE, QUEUED, SYNCED
from mem0tray.system import processes
from mem0tray.system.other_process import sentence
from mem0tray.system.processes import has_ended, is_here
from mem0tray.worker.context import WorkerContext
from mem0tray.worker.faults import is_stable

EVERY: Final = 30.0  # seconds between a worker's heartbeats
SILENT: Final = 3 * EVERY
_ENDED: Final = 5.0  # seconds without a sign, where its process is gone


class OtherWorker:
    """Call `look` before the files are read, `release` after."""

    def __init__(self, context: WorkerContext) -> None:
        self._context = context
        self._claims = context.foreign_claims
        self.signature: Signature | None = None  # of the metrics file as we last saw it
        self._looked = False
        self._gone = False  # as it seemed before the files were read
        self._between = False  # one was at work while we were not, and has perhaps gone
        self._last = 0.0  # its last sign, monotonic
        self._named: tuple[int | str | None, ...] = ()  # whom the present reason names
        self._seen = self._claims.worker()
        if self._seen is not None:  # the other was at work when our last run ended
            self._note(self._seen)

    def note_write(self, signature: Signature | None) -> None:
        self.signature = signature

    def is_unchanged(self) -> bool:
        """Whether the metrics file is as we last saw it, so that rewriting it destroys no sign."""
        found, known = atomic.signature(self._context.paths.metrics), self.signature
        if found is None or known is None:
            return not self._looked or found is known
        return not self._looked or found.same_bytes(known)

    def look(self) -> None:
        found = atomic.signature(self._context.paths.metrics)
        if not self._looked:
            self._looked = True
            self.signature = found
            self._first_look(found)
        elif found != self.signature:
            with suppress(TornError):  # it is read again
                values, now = self._foreign(), self._context.now()
                self.signature = found
                if values is not None:
                    self._sign(WorkerSeen.of(values, now))
        silence = time.monotonic() - self._last
        self._gone = self._seen is not None and (
            silence > SILENT or (silence > _ENDED and has_ended(self._seen))
        )

    def release(self) -> None:
        if not (self._between or self._gone):
            return
        context = self._context
        with context.ledger.transaction(durable=True):
            outbox.make_all_unknown(context.ledger, context.now())
            if self._gone:
                self._claims.forget_worker()
        if self._gone:  # after the commit, which may fail
            self._seen = None
        self._between = self._gone = False
        context.other_at_work = self._seen is not None
        if self._seen is None:
            self._named = ()
            context.breaker.unblock("worker")

    def _first_look(self, found: Signature | None) -> None:
        """Take metrics from before our start as a sign of a worker, if it is still there.

        It is when they are fresh and name a process that runs here, or one of ours elsewhere; other
        fresh ones say only that it may be. And if it wrote them since our last run, it was at work
        in between.
        """
        context, now = self._context, self._context.now()
        signature = None if found is None else list(found.lasting)
        values = None
        with suppress(TornError):
            values = self._foreign() if found is not None else None
        former, former_signature = self._claims.begin(context.run, signature)
        if found is None or values is None or values.get("run") in former:
            return
        written = min(found.mtime / 1e9, now)
        writer = WorkerSeen.of(values, written)
        may_live = not has_ended(writer)
        is_named = writer.pid is not None and (writer.space or is_here(writer))
        lives = may_live and is_named and now - written < SILENT
        if lives or (self._seen is not None and written > self._seen.last):
            self._sign(writer)
        if signature != former_signature:  # what commands took in before our first start, too
            self._between = context.other_at_work = True
        if may_live:
            context.other_may_write_until = written + SILENT

    def _sign(self, seen: WorkerSeen) -> None:
        if self._seen is not None:
            seen = replace(seen, first=self._seen.first)
        held = self._claims.note_worker(seen)
        if held:
            self._context.events.emit(events.PerhapsTaken(held))
        self._seen = seen
        self._note(seen)

    def _note(self, seen: WorkerSeen) -> None:
        self._last = time.monotonic() - max(0.0, self._context.now() - seen.last)
        self._context.other_at_work = True
        who = seen.pid, seen.host, seen.space
        if self._named != who:  # find out only once who started it
            self._named = who
            self._context.breaker.block("worker", sentence(seen))

    def _foreign(self) -> dict[str, Any] | None:
        data, signature = atomic.read(self._context.paths.metrics) or (b"{}", None)
        values = items.load_object(data)
        if values is None:
            if signature is not None and not is_stable(signature, self._context.now()):
                raise TornError(self._context.paths.metrics)
            return None
        if "vps_status" not in values and "pid" not in values:
            return None
        return None if values.get("run") == self._context.run else values


def is_none_beside(context: WorkerContext) -> bool:
    """Return whether nobody else wrote the metrics since our last worker; in doubt False."""
    if context.foreign_claims.worker() is not None:
        return False
    former, former_signature = context.foreign_claims.last_start()
    try:
        found = atomic.read(context.paths.metrics)
    except (TornError, FileUnavailableError):
        return False
    if found is None:
        return True
    run = (items.load_object(found[0]) or {}).get("run")
    return run in former or list(found[1].lasting) == former_signature


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
        return self._other.signature is None or self._wanted() != self._shown

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
        if not self._write(self._composed(final)):  # another worker just wrote it, or it has gone
            self._other.look()
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
            written = self._replace(data)
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

    def _replace(self, data: bytes) -> Signature | None:
        replace_file = partial(
            atomic.replace,
            self._context.paths.metrics,
            data,
            still_valid=self._other.is_unchanged,
            announce=self._other.note_write,  # else the watch on the folder would wake us once more
            durable=False,
        )
        known = self._other.signature
        try:  # nobody watches the data folder: one event where a file made here would cause six
            return replace_file(made_in=self._context.paths.data_dir)
        except FileUnavailableError:  # another disk, perhaps
            self._other.note_write(known)  # what was announced did not get there
            return replace_file()

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
