"""Intake of the queue file; if it does not parse, the lock says whether it is being written."""

import hashlib
import json
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from mem0tray.core import events
from mem0tray.core import item as items
from mem0tray.core.item import Item, Name
from mem0tray.files import atomic, document
from mem0tray.files.atomic import Signature, TornError
from mem0tray.files.document import HELD, BrokenDocumentError, Document
from mem0tray.files.lock import FileLock
from mem0tray.ledger.names import QUEUE_FILE, QUEUE_READ
from mem0tray.worker.context import WorkerContext
from mem0tray.worker.dlq import dead_letters
from mem0tray.worker.dlq.dead_letters import Backoff, take_in_as_dead
from mem0tray.worker.faults import READING_QUEUE, is_stable

_NOTHING: Final = -1  # stands for the key of an entry that makes no sense to us


def fingerprint(raw: bytes) -> bytes:
    """Sixteen bytes that stand for an entry's bytes."""
    return hashlib.blake2b(raw, digest_size=16).digest()


@dataclass(slots=True)
class QueueRead:
    """The queue file as read: each entry's bytes with its key in the ledger."""

    signature: Signature | None
    queue: list[tuple[bytes, int]] = field(default_factory=list)
    failed: list[tuple[bytes, int]] = field(default_factory=list)
    held: list[tuple[bytes, int]] = field(default_factory=list)
    rest: dict[str, bytes] = field(default_factory=dict)
    broken: bool = False


class QueueIntake:
    """Reads the queue file. Used by the worker and, before it writes, by the publisher."""

    def __init__(self, context: WorkerContext) -> None:
        self._context = context
        self._guard = threading.RLock()
        self._known: dict[bytes, int] = {}
        self._first = True  # nothing has been read yet
        self._gone = False  # there was no file at the last look
        self._expected: frozenset[int] = frozenset()
        self._announced: Signature | None = None  # of the file that we are about to write
        self.signature: Signature | None = None
        self._count = 0  # new entries so far
        self.oddities = 0  # how often the file had something that the ledger would not write
        self.lost = False  # another hand took entries out, perhaps to the DLQ file
        self.torn = False  # the file is being written, or broken: look again soon
        self.may_have_been_sent = context.ledger.may_have_been_sent(QUEUE_FILE)  # what is there

    def run(self) -> int:
        """Take in new entries; return how many there were. A torn file waits for the next time."""
        with self._guard:
            before, torn = self._count, False
            try:
                if self._first or self._has_changed():
                    self.read()
            except TornError:
                torn = True
            self.torn = torn  # others ask at any moment: never in between
            faults, path = self._context.faults, self._context.paths.queue
            faults.note_file(READING_QUEUE, path, unstable=torn)
            return self._count - before

    def _has_changed(self) -> bool:
        """Return whether the file is not the one we read, nor the one we are just publishing."""
        found = atomic.signature(self._context.paths.queue)
        if found is None or self._announced is None:
            return found != self.signature
        known = (self._announced, self.signature)
        return not any(each is not None and found.same_bytes(each) for each in known)

    @property
    def awaited(self) -> bool:
        return self.torn and not self._context.faults.is_unstable(READING_QUEUE)

    def read(self, *, locked: bool = False) -> QueueRead:
        """Return the file as it is now, with all its items taken into the ledger.

        Raises TornError when it changed meanwhile, or is broken but perhaps still being written:
        it is recent, or somebody holds the producers' lock (the caller does if `locked`).
        """
        with self._guard:
            path = self._context.paths.queue
            found = atomic.read(path)
            if found is None:
                with self._context.ledger.transaction():
                    self._note_moves({})
                    self._note_read(None)
                    self._trust()
                self._first = self.may_have_been_sent = False
                self._known, self.signature, self._gone = {}, None, True
                return QueueRead(None)
            data, signature = found
            broken = ""
            try:
                parsed = document.parse(data, document.QUEUE_SECTIONS)
            except BrokenDocumentError as error:
                at_rest = is_stable(signature, self._context.now())
                if not at_rest or (not locked and self._is_being_written(signature)):
                    raise TornError(path) from error
                parsed = document.salvage(data, document.QUEUE_SECTIONS)
                broken = str(error)
            seen = self._accept(parsed, signature)
            if broken:
                self._context.quarantine_file(path, data, signature, broken)
            for name, bracket in (("last_100", b"["), ("stats", b"{")):
                value = parsed.rest.get(name, bracket)
                if not value.startswith(bracket):  # producers would trip over it
                    parsed.rejected.append(parsed.rest.pop(name))
            self._context.quarantine_items(path, parsed.rejected)
            seen.broken = bool(broken or parsed.rejected)
            self.oddities += seen.broken
            seen.signature = self.signature = signature
            return seen

    def _is_being_written(self, read: Signature) -> bool:
        lock = FileLock(self._context.paths.queue_lock)
        if not lock.try_acquire():
            return True
        try:
            return atomic.signature(self._context.paths.queue) != read
        finally:
            lock.release()

    def expect(self, keys: Iterable[int]) -> None:
        with self._guard:
            self._expected = frozenset(keys)
            self._announced = None

    def announce(self, signature: Signature) -> None:
        self._announced = signature

    def note_published(self, signature: Signature | None, entries: list[tuple[bytes, int]]) -> None:
        with self._guard:
            self.expect(())
            self._gone = False
            self.signature = signature
            self._known = {fingerprint(raw): key for raw, key in entries}
            with self._context.ledger.transaction():
                self._note_read(signature)

    def _note_read(self, signature: Signature | None) -> None:
        found = None if signature is None else signature.lasting
        self._context.ledger.set_meta(QUEUE_READ, json.dumps(found))

    def _accept(self, parsed: Document, signature: Signature) -> QueueRead:
        known: dict[bytes, int] = {}
        seen = QueueRead(None, rest=parsed.rest)
        adopted: list[Backoff] = []
        new = 0
        if self._first:  # bytes that the ledger has need not be parsed, nor looked up one by one
            self._known = self._context.inbox.fresh_by(fingerprint)
            self.oddities += len(self._known)
        # Durable only if something came in or left: a further reading costs no disk write.
        prints = [(raw, fingerprint(raw)) for raw in parsed.lists["queue"]]
        fresh = len(prints) < len(self._known) or any(p not in self._known for _, p in prints)
        with self._context.ledger.transaction(durable=fresh):
            stats = items.load_object(parsed.rest.get("stats", b"{}")) or {}
            newest = self._context.inbox.newest()
            # First, as a second copy in the queue says nothing about what became of the first.
            seen.held = [(raw, self._take_held(raw)) for raw in parsed.lists[HELD]]
            tombstones = self._context.inbox.tombstones()
            for raw, known_by in prints:
                key = self._known.get(known_by)
                if key is None or key == _NOTHING:
                    key, is_new = self._take(raw, tombstones)
                    new += is_new
                known[known_by] = key
                seen.queue.append((raw, key))
            came = self._context.inbox.came_since(newest) & set(known.values())
            # Begun afresh: another hand took out all that stood there before.
            afresh = self._note_moves(known) and len(came) == len(set(known.values()))
            absorb = self._context.counters.absorb
            self.oddities += absorb(stats, len(came), afresh=afresh or self._gone)
            seen.failed = [
                (raw, self._adopt(raw, tombstones, adopted)) for raw in parsed.lists["failed"]
            ]
            self._note_read(signature)
            self._trust()
        # Only now is it in the ledger: a commit may fail, and the next reading is then the first.
        self._first = self._gone = self.may_have_been_sent = False
        self._known = known
        if adopted:
            self._context.events.emit(events.AdoptedToDlq(len(adopted), "failed"))
            dead_letters.report(self._context, adopted)
        if new:
            self._count += new
            self._context.events.emit(events.Accepted(new))
        return seen

    def _note_moves(self, known: dict[bytes, int]) -> bool:
        """Note what another hand took out or put in; return whether something was taken out."""
        context, claims = self._context, self._context.foreign_claims
        before, now = set(self._known.values()), set(known.values())
        gone = claims.missing(now) if self._first else sorted(before - now)
        if not self._first:
            claims.come_back(now - before - self._expected)
        if gone:
            noted = claims.vanish(
                gone,
                context.now(),
                taken=context.other_at_work,
                wait_until=context.other_may_write_until,
            )
            if noted and context.other_at_work:
                context.events.emit(events.PerhapsTaken(noted))
            self.lost = True
        return bool(gone)

    def _trust(self) -> None:
        if self.may_have_been_sent:
            self._context.ledger.trust(QUEUE_FILE)

    def _take(self, raw: bytes, tombstones: Mapping[Name, int]) -> tuple[int, bool]:
        item = items.parse(raw)
        if item is None:
            return _NOTHING, False
        ask, tombstone = self.may_have_been_sent, tombstones.get(item.name)
        key, is_new = accept(self._context, item, ask=ask, tombstone=tombstone)
        self.oddities += not is_new  # else it may be held, or dead, and must not stand there
        return key, is_new

    def _take_held(self, raw: bytes) -> int:
        item = items.parse(raw)
        if item is None:
            return _NOTHING
        row = self._context.inbox.known(item.name)
        if row is not None:
            return row.key
        now = self._context.now()
        key = self._context.inbox.add_fresh(item, now, ask=True)
        self._context.foreign_claims.hold(key, now)
        return key

    def _adopt(self, raw: bytes, tombstones: Mapping[Name, int], adopted: list[Backoff]) -> int:
        """Make a dead letter of an entry in an older worker's `failed` list; note its backoff."""
        item = items.parse(raw)
        if item is None:
            return _NOTHING
        self.oddities += 1  # it must stand elsewhere from now on
        if item.name in tombstones or self._context.inbox.known(item.name) is not None:
            return 0
        take_in_as_dead(self._context, item, self._context.now(), ask=self.may_have_been_sent)
        adopted.append(dead_letters.of_move(item))
        return 1


def accept(
    context: WorkerContext,
    item: Item,
    *,
    ask: bool,
    tombstone: int | None = None,
    shown: bool = True,
) -> tuple[int, bool]:
    """Take a queue entry into the ledger; return its key, and whether it began to wait now.

    `ask`: the server, before it is sent. `tombstone`: the entry's key, if it may have been in the
    file before it was deleted or edited. `shown`: it stands in the queue file. A line of any other
    file may be read once more, as when a backup takes its place: then it brings nothing back.
    """
    now = context.now()
    row = context.inbox.known(item.name)
    if not shown and (former := row or context.inbox.known(item.name, edited=True)) is not None:
        fields = items.load_object(item.raw) or {}
        if items.number(fields.get(items.QUEUED_AT)) <= former.since:
            return former.key, False
    waits = row is not None and row.state in (items.FRESH, items.DEAD)
    if tombstone is not None and not waits:
        return tombstone, False
    if row is None:
        ask = ask or context.inbox.may_be_back(item.name)  # the deletion may have failed
        if item.retries >= context.settings.sync.max_attempts:
            key = take_in_as_dead(context, item, now, ask=ask)
            context.events.emit(events.MovedToDlq(item.project, item.id, item.retries))
            dead_letters.report(context, [dead_letters.of_move(item)])
            return key, False
        return context.inbox.add_fresh(item, now, ask=ask, shown=shown), True
    if waits or row.reason == items.REMOVED or row.is_delivered(context.server):
        return row.key, False
    # The user restored it, or only a former server has it.
    context.inbox.revive(row, item, now, dead=False, gen=None)
    return row.key, True
