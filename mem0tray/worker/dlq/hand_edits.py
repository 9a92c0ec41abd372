"""Intake of the DLQ file: the user edits it at any time, without a lock."""

import hashlib
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from mem0tray.core import events
from mem0tray.core import item as items
from mem0tray.core.item import Item
from mem0tray.core.state import PERHAPS
from mem0tray.files import atomic, document
from mem0tray.files.atomic import Signature, TornError
from mem0tray.files.document import STAMP, BrokenDocumentError, Document
from mem0tray.ledger.names import DLQ_FILE, DLQ_MERGED
from mem0tray.worker.context import WorkerContext
from mem0tray.worker.dlq import dead_letters
from mem0tray.worker.dlq.merge import Base, Decisions, Ours, merge, moved
from mem0tray.worker.faults import READING_DLQ, is_stable

SECTION: Final = ("items",)


@dataclass(frozen=True, slots=True)
class _Save:
    items: list[Item]
    strays: list[bytes]
    keys: dict[str, bytes]
    name: str
    sha: bytes


class HandEdits:
    """Reads the DLQ file and merges what its editors meant. One save is merged once.

    It calls `on_retry` when a save asks for retries.
    """

    def __init__(self, context: WorkerContext, on_retry: Callable[[], None] = lambda: None) -> None:
        self._context = context
        self._on_retry = on_retry
        self.signature: Signature | None = None
        self.may_have_been_sent = context.ledger.may_have_been_sent(DLQ_FILE)  # what is there
        self.oddities = 0  # saves that differ from what the ledger would write
        self.missing = False  # the file is gone, and must be written again
        self.torn = False  # the file is being written, or broken: look again soon
        self.again = False  # look even if the file has not changed
        self._broken: int | None = None  # the inode of a broken file whose edits were merged

    def run(self) -> None:
        """Merge a new save, if there is one."""
        path = self._context.paths.dlq
        found = atomic.signature(path)
        self.missing = found is None
        torn = False
        if found is None or (found == self.signature and not self.again):
            self._trust()
            self.may_have_been_sent = False
        else:
            try:
                self._read(found)
            except TornError:
                torn = True
        self.torn = torn  # others ask at any moment: never in between
        self._context.faults.note_file(READING_DLQ, path, unstable=torn)

    def _read(self, found: Signature) -> None:
        data, signature = atomic.read(self._context.paths.dlq) or (b"", found)
        if self._context.ledger.meta(DLQ_MERGED) != json.dumps(signature.lasting):
            self.take_in(data, signature)
            self.note(signature)
        elif self.again:
            with suppress(BrokenDocumentError):  # it is then about to be written anew
                raws = document.parse(data, SECTION).lists["items"]
                self._adopt_moved([item for raw in raws if (item := items.parse(raw))])
        self.signature, self.again = signature, False

    @property
    def awaited(self) -> bool:
        return self.torn and not self._context.faults.is_unstable(READING_DLQ)

    def note(self, signature: Signature) -> None:
        self.signature = signature
        with self._context.ledger.transaction():
            self._context.ledger.set_meta(DLQ_MERGED, json.dumps(signature.lasting))

    def take_in(self, data: bytes, signature: Signature) -> None:
        """Merge one save. Raises TornError if it may still be written."""
        context, path = self._context, self._context.paths.dlq
        broken = ""
        try:
            parsed = document.parse(data, SECTION)
        except BrokenDocumentError as error:
            if not is_stable(signature, context.now()):
                raise TornError(path) from error
            parsed, broken = document.salvage(data, SECTION), str(error)
            context.quarantine_file(path, data, signature, broken)
        context.quarantine_items(path, parsed.rejected)
        whole = not broken and not parsed.rejected
        save = _taken_apart(data, parsed)
        # One transaction: nothing that the decision rests on may be sent or published in between.
        with context.ledger.transaction(durable=True):
            base = self._base(save, rest=signature.inode == self._broken)
            ours = Ours(context.generations.dead_rows(), context.inbox.by_ids, context.server)
            decided = merge(base, save.items, ours, whole=whole)
            self._apply(save, decided, base, whole=whole)
            self._adopt_moved(save.items)
            is_edit = not self.may_have_been_sent
            self._trust()
        self.may_have_been_sent = False  # after the commit, which may fail
        self._broken = signature.inode if decided.is_edit and not whole else None
        self._report(decided, is_edit=is_edit)
        if not whole or decided != Decisions():
            self.oddities += 1
        if decided.forced:
            self._on_retry()

    def _trust(self) -> None:
        if self.may_have_been_sent:
            self._context.ledger.trust(DLQ_FILE)

    def _base(self, save: _Save, *, rest: bool) -> Base:
        generations = self._context.generations
        generations.note_name(save.name)
        named = generations.named(save.name)
        exact = named is not None and generations.is_copy(save.name, save.sha)
        return Base(named, generations.current(), generations.shown, exact, rest)

    def _apply(self, save: _Save, decided: Decisions, base: Base, *, whole: bool) -> None:
        context, now = self._context, self._context.now()
        own: int | None = None  # the user's own generation
        if whole and base.named is None:  # nobody knows what a broken file would have shown
            absent = [row.key for row in (*decided.show_again, *decided.discard)]
            own = context.generations.record_foreign(save.name, absent)
        gone = [row.key for row in decided.discard]
        # Another worker takes out what it has delivered, just as a user what is not wanted.
        context.inbox.discard(gone, now, PERHAPS if context.other_at_work else "hand edit")
        for key in gone if context.other_at_work else ():
            context.foreign_claims.ask(key, now)  # in case it is restored
        written: list[tuple[int, Item]] = []
        for pair in [*decided.edits, *decided.forced]:
            key = pair.row.key
            if pair.item.digest != pair.row.digest:
                key = context.inbox.change_content(pair.row, pair.item, now)
            context.inbox.change_values(pair.row.key, pair.item, now)
            written.append((key, pair.item))
        for pair in decided.restore:
            context.inbox.revive(pair.row, pair.item, now, dead=True, gen=own)
            if own is None:  # else the user's own generation shows it, values and all
                written.append((pair.row.key, pair.item))
        for item in decided.adopt:
            raw = item.raw if item.has_id else items.with_fields(item.raw, {"id": item.id})
            key = context.inbox.add_dead(item, raw, now, ask=self.may_have_been_sent, gen=own)
            if own is None:
                written.append((key, item))
        gen = decided.seen if own is None else own
        for key, item in written:
            context.generations.record_save(key, item, gen)
        context.generations.set_strays(save.strays, save.keys)

    def _adopt_moved(self, found: list[Item]) -> None:
        """Make dead letters of what another worker moved here; the server is asked first."""
        context, now = self._context, self._context.now()
        theirs = moved(found, context.foreign_claims.vanished())
        if not theirs:
            return
        with context.ledger.transaction(durable=True):
            for item in theirs:
                row = context.inbox.known(item.name)
                if row is not None:
                    context.inbox.revive(row, item, now, dead=True, gen=None)
                    context.foreign_claims.ask(row.key, now)
        context.events.emit(events.AdoptedToDlq(len(theirs), context.paths.dlq.name))
        dead_letters.report(context, dead_letters.of_letters(theirs, now))

    def _report(self, decided: Decisions, *, is_edit: bool) -> None:
        emit = self._context.events.emit
        if not is_edit:  # the first reading with a new ledger: what stands there is no edit
            if decided.adopt:
                emit(events.AdoptedToDlq(len(decided.adopt), self._context.paths.dlq.name))
        elif decided.is_edit:
            found = events.HandEdit(
                len(decided.discard),
                len(decided.edits),
                # A wish that the file showed before may be an order's, which is reported as that.
                sum(pair.row.last_attempt > 0 for pair in decided.forced),
                len(decided.adopt),
                len(decided.restore),
            )
            is_known = found == events.HandEdit()
            emit(events.HandEdit(forced=len(decided.forced)) if is_known else found)
        begun = dead_letters.begun(decided, self._context.now())
        dead_letters.report(self._context, begun)
        for pair in decided.delivered:
            file = self._context.paths.dlq.name
            emit(events.AlreadyDelivered(pair.item.project, pair.item.id, file))


def _taken_apart(data: bytes, parsed: Document) -> _Save:
    found = [(raw, items.parse(raw)) for raw in parsed.lists["items"]]
    keys = {name: raw for name, raw in parsed.rest.items() if name != STAMP}
    stamp = None
    with suppress(ValueError, RecursionError):
        stamp = json.loads(parsed.rest.get(STAMP, b"null"))
    return _Save(
        [item for _, item in found if item is not None],
        [raw for raw, item in found if item is None],
        keys,
        stamp if isinstance(stamp, str) else json.dumps(stamp),
        hashlib.sha256(data).digest(),
    )
