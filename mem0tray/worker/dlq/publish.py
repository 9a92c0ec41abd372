"""Publishing the DLQ file from the ledger, without losing a save that races with ours."""

import hashlib
import time
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

from mem0tray.files import atomic, document
from mem0tray.files.atomic import Signature, TornError
from mem0tray.files.document import STAMP
from mem0tray.files.publish_rate import PublishRate
from mem0tray.ledger.names import DLQ_FILE
from mem0tray.worker.context import WorkerContext
from mem0tray.worker.dlq.hand_edits import HandEdits
from mem0tray.worker.faults import REPLACING_DLQ

_TRIES: Final = 5


class DlqPublisher:
    """Writes the file when it differs from the ledger."""

    def __init__(self, context: WorkerContext, edits: HandEdits) -> None:
        self._context = context
        self._edits = edits
        self._previous = context.paths.dlq_previous
        self._merged: Signature | None = None  # of the file at `_previous`, once merged
        self._late = 0  # late saves found in the previous file
        self._shown: tuple[int, ...] | None = None  # what the last writing was for
        self.pace = PublishRate()

    @property
    def needed(self) -> bool:
        return self._wanted() != self._shown or self._edits.missing

    def _wanted(self) -> tuple[int, ...]:
        return self._context.ledger.outdated.times(DLQ_FILE), self._edits.oddities, self._late

    def run_once(self) -> None:
        if self.needed:
            self.run()
        self.merge_late_save()

    def run(self) -> bool:
        """Publish; False while somebody else writes the file, or there is more to do later."""
        started = time.monotonic()
        done = False
        try:
            done = any(self._attempt() for _ in range(_TRIES))
        finally:
            now = time.monotonic()
            self.pace.note_cost(now, now - started)
        if done or not self._edits.torn:  # a file that cannot be read is reported as such
            self._context.faults.note_file(
                REPLACING_DLQ, self._context.paths.dlq, unstable=not done
            )
        return done

    def _attempt(self) -> bool:
        path, generations = self._context.paths.dlq, self._context.generations
        self._edits.run()
        before = atomic.signature(path)
        if before is not None and before != self._edits.signature:
            return False  # torn: take it in before anything takes its place
        wanted = self._wanted()
        name = self._new_name()
        gen, raws = generations.prepare(name)
        strays, keys = generations.strays()
        shown = [document.pretty(raw, 2) for raw in (*raws, *strays)]
        data = document.compose({"items": shown, STAMP: document.json_value(name), **keys})
        generations.record(gen, hashlib.sha256(data).digest())
        # Before the write, which may have replaced the file even if it fails. What somebody is
        # saving into the file that we replaced before stays within reach, until it is merged.
        if self._late_save() is None:
            kept = before is not None and atomic.keep_link(path, self._previous)
            self._merged = before if kept else None
        signature = atomic.replace(path, data, still_valid=lambda: self._is_still(before))
        if signature is None:
            return False
        generations.note_published(gen)
        self._edits.note(signature)
        self._edits.missing = False
        self._shown = wanted
        return True

    def _is_still(self, before: Signature | None) -> bool:
        now = atomic.signature(self._context.paths.dlq)
        return now is None if before is None else now is not None and now.same_bytes(before)

    def _new_name(self) -> str:
        at = datetime.now()  # noqa: DTZ005  (local time, as everybody writes it here)
        while True:
            name = at.isoformat(timespec="microseconds")
            if not self._context.generations.name_taken(name):
                return name
            at += timedelta(microseconds=1)

    def merge_late_save(self) -> None:
        """Merge a save that went into the file we replaced."""
        with suppress(TornError):
            found = self._late_save() and atomic.read(self._previous)
            if found:
                self._edits.take_in(*found)
                self._merged = found[1]
                self._late += 1

    def _late_save(self) -> Signature | None:
        """Return the signature of the file that we replaced, if somebody saved into it since."""
        if self._merged is None:
            return None
        now, live = (atomic.signature(p) for p in (self._previous, self._context.paths.dlq))
        if now is None or now.same_bytes(self._merged):
            return None  # the usual case; the file may be large
        # It may be the very file that stands there: then it was not replaced.
        return None if live is not None and live.inode == now.inode else now

    def close(self) -> None:
        with suppress(OSError):
            self._previous.unlink()
