"""Putting memories back into the files that they were deleted from."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from mem0tray.actions import change_files, dead_letters, ledger_writer, read_files
from mem0tray.actions.change_files import DlqEdit
from mem0tray.actions.find import Identity, identity
from mem0tray.actions.restore_sources import Piece, RestoreSource
from mem0tray.core import item as items
from mem0tray.core.errors import FileUnavailableError
from mem0tray.core.reasons import Reason
from mem0tray.files import document, orders, receipts
from mem0tray.ledger.reader import Reader
from mem0tray.system.paths import Paths

_ROUNDS: Final = 3
_PUBLISHING: Final = 5.0  # seconds for the worker to write the files of a deletion
_MERGING: Final = 2.0  # seconds for the worker to see what was put back
_LOOK: Final = 0.02


@dataclass(slots=True)
class Restored:
    """What became of each memory of a source; no JSON program can load `hopeless` ones.

    `beside` are those of `dead` and `fresh` that now stand beside another text with the same id:
    the user had edited it.
    """

    dead: list[Piece] = field(default_factory=list)
    fresh: list[Piece] = field(default_factory=list)
    beside: list[Piece] = field(default_factory=list)
    there: list[Piece] = field(default_factory=list)
    delivered: list[Piece] = field(default_factory=list)
    hopeless: list[Piece] = field(default_factory=list)


def restore(paths: Paths, source: RestoreSource, server: str) -> Restored:
    """Put back what is neither there nor delivered to `server` (as the ledger names it).

    Raises FileUnavailableError, LockTimeoutError.
    """
    there = _there(paths)
    with Reader(paths.ledger, needed=True) as reader:
        result, wanted = _sorted_out(reader, there, source.pieces, server)
    if not wanted:
        return result
    names = [name for name in wanted if name[0]]
    dead = {name: piece for name, piece in wanted.items() if piece.place == read_files.DLQ_LIST}
    fresh = {name: piece for name, piece in wanted.items() if piece.place == read_files.QUEUE_LIST}
    for _ in range(_ROUNDS):
        _wait_until_published(paths, names)
        if dead:
            _into_dlq(paths, dead)
        if fresh:
            _into_queue(paths, fresh)
        # The worker may merge the deletion only now, and take our write for an old save.
        if not ledger_writer.worker_runs(paths) or _has_taken(paths, names):
            break
    result.dead += dead.values()
    result.fresh += fresh.values()
    return result


def restorable(paths: Paths, found: Iterable[RestoreSource], server: str) -> list[set[Identity]]:
    """The memories of each source that `restore` would put back. Raises FileUnavailableError."""
    there = _there(paths)
    with Reader(paths.ledger, needed=True) as reader:
        return [set(_sorted_out(reader, there, each.pieces, server)[1]) for each in found]


def _there(paths: Paths) -> set[Identity]:
    there = {identity(raw) for raw in dead_letters.to_act_on(paths)}
    return there | {identity(raw) for raw in read_files.fresh_entries(paths)}


def _sorted_out(
    reader: Reader, there: set[Identity], pieces: Sequence[Piece], server: str
) -> tuple[Restored, dict[Identity, Piece]]:
    """The memories that need nothing, and, by identity, those to put back."""
    result = Restored()
    wanted: dict[Identity, Piece] = {}
    ids = {item_id for item_id, _ in there if item_id}
    for piece in pieces:
        name = identity(piece.raw)
        if not document.loadable(piece.raw):
            result.hopeless.append(piece)
        elif name in there or name in wanted:
            result.there.append(piece)
        elif reader.is_delivered(reader.known(*name) if name[0] else None, server):
            result.delivered.append(piece)
        else:
            wanted[name] = piece
            if name[0] in ids:
                result.beside.append(piece)
    return result, wanted


def _wait_until_published(paths: Paths, names: Iterable[Identity]) -> None:
    """Wait: until a deletion has reached the files, what is put back looks like an old save."""
    names = list(names)
    end = time.monotonic() + _PUBLISHING
    while True:
        with Reader(paths.ledger, needed=True) as reader:
            if not reader.still_shown(names):
                return
        if not ledger_writer.worker_runs(paths) or time.monotonic() > end:
            raise FileUnavailableError(
                Reason("The deletion has not been written to the files yet."),
                Reason("Run `mem0tray run --once`, or `mem0tray run`, then restore again."),
            )
        time.sleep(_LOOK)


def _has_taken(paths: Paths, names: Iterable[Identity]) -> bool:
    """Whether the worker sees within a moment that these memories are back."""
    left = set(names)
    end = time.monotonic() + _MERGING
    while left:
        with Reader(paths.ledger, needed=True) as reader:
            known = {name: reader.known(*name) for name in left}
        left = {name for name, row in known.items() if row is None or row.state == items.DISCARDED}
        if left and time.monotonic() > end:
            return False
        time.sleep(_LOOK if left else 0)
    return True


def _tell(paths: Paths, wanted: Iterable[Identity]) -> None:
    """Tell the worker what comes back, before the file is written, and withdraw its deletion."""
    names = [name for name in wanted if name[0]]
    ledger_writer.note_restored(paths, names)
    orders.withdraw(paths.orders, names)


def _into_dlq(paths: Paths, wanted: dict[Identity, Piece]) -> None:
    def change(file: DlqEdit) -> None:
        there = {identity(raw) for raw in file.items}
        missing = [piece.raw for name, piece in wanted.items() if name not in there]
        _tell(paths, wanted)
        file.items += missing
        file.wanted = bool(missing)

    change_files.change_dlq(paths, change, verb=receipts.RESTORE)


def _into_queue(paths: Paths, wanted: dict[Identity, Piece]) -> None:
    with change_files.queue_file(paths) as file:
        _tell(paths, wanted)
        there = {identity(raw) for raw in (*file.queue, *file.held)}
        file.queue += [piece.raw for name, piece in wanted.items() if name not in there]
