"""Back up, then delete: dead letters and fresh entries."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mem0tray.actions import backup, change_files, dead_letters, ledger_writer
from mem0tray.actions.change_files import DlqEdit
from mem0tray.actions.find import FoundItem, Identity, identity
from mem0tray.core.errors import FileUnavailableError
from mem0tray.core.reasons import Reason
from mem0tray.files import orders, receipts
from mem0tray.ledger.reader import Reader
from mem0tray.system.paths import Paths


@dataclass(slots=True)
class Deleted:
    """What a deletion did: `items` are deleted, the others are not.

    `delivered`: the server has them. `in_flight`: they are being sent, and are deleted if the
    server does not take them. `perhaps` (among `items`) were being sent, and nobody knows whether
    the server has them. `gone` had left the files already. `heard`: the worker, if
    one runs, knows of the deletion.
    """

    backup: Path
    items: list[FoundItem] = field(default_factory=list)
    gone: list[FoundItem] = field(default_factory=list)
    delivered: list[FoundItem] = field(default_factory=list)
    in_flight: list[FoundItem] = field(default_factory=list)
    perhaps: list[FoundItem] = field(default_factory=list)
    heard: bool = True


def delete(paths: Paths, chosen: Sequence[FoundItem], *, for_good: bool = False) -> Deleted:
    """Write all of `chosen` to a backup of their own, then delete them from the files.

    `for_good`: `forget` follows, and no restoring is offered. If a worker runs, this waits until it
    has heard of the deletion and knows what became of the items that it was sending, two seconds at
    most.
    Raises FileUnavailableError, also when no backup can be made: then nothing is
    deleted; and LockTimeoutError, when dead letters may be gone already.
    """
    fresh = [each for each in chosen if not each.is_dead]
    backups = _Backups(paths, fresh, for_good=for_good)
    left = _from_dlq(paths, {each.identity for each in chosen if each.is_dead}, backups)
    if fresh:
        moved = _from_queue(paths, fresh, backups)
        # An entry's last failure may have made a dead letter of it in between.
        left |= _from_dlq(paths, moved, backups, keep=False) if moved else set()
    if backups.dated is None:
        raise FileUnavailableError(
            Reason("There is no backup."), Reason("Nothing was deleted; try again.")
        )
    heard = ledger_writer.let_hear(paths, backups.orders, [each.identity for each in chosen])
    delivered = heard.delivered | ledger_writer.has_delivered(paths, left)
    result = Deleted(backups.dated, heard=heard.answers)
    for each in chosen:
        name = each.identity
        if name in delivered:
            result.delivered.append(each)
        elif name in heard.in_flight:
            result.in_flight.append(each)
        else:
            (result.gone if name in left else result.items).append(each)
            if name in heard.perhaps:
                result.perhaps.append(each)
    if len(result.delivered) == len(chosen):
        backups.dated.unlink(missing_ok=True)  # what is delivered cannot be put back
    return result


class _Backups:
    """Makes the backups of one deletion; again if the DLQ file changed before it was written."""

    def __init__(self, paths: Paths, fresh: Sequence[FoundItem], *, for_good: bool) -> None:
        self.verb = receipts.FORGET if for_good else receipts.DELETE
        self._paths = paths
        self._fresh = [each.raw for each in fresh]
        self._now = time.time()
        self._written: list[bytes] = []
        self.dated: Path | None = None
        self.orders: list[Path | None] = []  # orders left for the worker

    @property
    def name(self) -> str:
        """The name to give `restore`; empty where nothing can be restored."""
        if self.dated is None or self.verb == receipts.FORGET:
            return ""
        return self.dated.name

    def make(self, removed: Sequence[bytes], before: bytes | None) -> None:
        """Keep the items about to go, and the bytes of the DLQ file before that."""
        raws = [*removed, *self._fresh]
        if self.dated is not None and raws != self._written:
            self.dated.unlink(missing_ok=True)  # from an attempt that deleted nothing
            self.dated = None
        if self.dated is None:
            self.dated = backup.write_dated(self._paths, raws, self._now)
            self._written = raws
        if before is not None:
            backup.keep_last_state(self._paths, before)


def _from_dlq(
    paths: Paths, wanted: set[Identity], backups: _Backups, *, keep: bool = True
) -> set[Identity]:
    """Delete dead letters; return those that were not there. `keep`: make a backup first.

    An old copy may also lack what somebody has just put into the file, and cannot take out
    what no file shows yet: so the worker must be told of the deletion.
    """
    found: set[Identity] = set()
    told: list[Identity] = []

    def change(file: DlqEdit) -> None:
        found.clear()
        kept: list[bytes] = []
        removed: list[bytes] = []
        for raw in file.items:
            name = identity(raw) if wanted else None
            if name in wanted:
                found.add(name)
                removed.append(raw)
            else:
                kept.append(raw)
        file.wanted = bool(removed)
        with Reader(paths.ledger, needed=True) as reader:
            for raw in dead_letters.unshown(paths, reader, file.items):
                if identity(raw) in wanted:
                    found.add(identity(raw))
                    removed.append(raw)
            told[:] = reader.unshown(found)
        if keep:
            backups.make(removed, file.data)
        file.backup = backups.name
        file.items = kept

    change_files.change_dlq(paths, change, verb=backups.verb)
    backups.orders.append(orders.give(paths, orders.DISCARD, told, backups.verb, backups.name))
    if found and ledger_writer.worker_runs(paths):
        backups.orders.append(orders.ask_to_merge(paths))
    return wanted - found


def _from_queue(paths: Paths, fresh: Sequence[FoundItem], backups: _Backups) -> set[Identity]:
    """Delete fresh entries; return those that were not there.

    The worker delivers an entry that merely vanishes from the file: it must be told that the
    user wants it gone before it can see the file without the entry.
    """
    wanted = {each.identity for each in fresh}
    named = [each.item.name for each in fresh if each.item is not None]
    there: set[Identity] = set()
    order: Path | None = None
    try:
        with change_files.queue_file(paths) as file:
            order = orders.give(paths, orders.DISCARD, named, backups.verb, backups.name)
            there = {identity(raw) for raw in (*file.queue, *file.held)}
            file.queue = [raw for raw in file.queue if identity(raw) not in wanted]
            file.held = [raw for raw in file.held if identity(raw) not in wanted]
    except FileUnavailableError:
        # What the worker has carried out already is deleted, whether or not the file could be
        # written: the worker takes the entries out as soon as it can.
        if order is None or orders.take_back(order):
            raise
    backups.orders.append(order)
    return wanted - there
