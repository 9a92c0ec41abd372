"""Changing queue and DLQ file as a careful person would: whole, or not at all.

The DLQ file is changed under a lock that only our own writers share, the queue file under the
producers' lock. A save that came in between is never overwritten. `last_update` stays: it tells the
worker which generation of the file was edited, and a receipt tells it that this was no hand edit.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mem0tray.actions import read_files
from mem0tray.core.errors import FileUnavailableError
from mem0tray.core.item import Name
from mem0tray.core.reasons import Reason
from mem0tray.files import atomic, document, quarantine, receipts
from mem0tray.files.lock import FileLock
from mem0tray.ledger.reader import Reader
from mem0tray.system.paths import Paths

if TYPE_CHECKING:
    from mem0tray.files.atomic import Signature

LOCK_WAIT: Final = 10.0  # seconds
_TRIES: Final = 20
_WAIT: Final = 0.05


@dataclass(slots=True)
class DlqEdit:
    """The DLQ file as read. Change `items`; `data` are its bytes (None: no file).

    `backup` names the file that keeps what is removed; `due` are the memories that
    the user wants retried now, even if they are waiting for that already.
    """

    items: list[bytes]
    data: bytes | None
    wanted: bool = True  # whether the file is to be written
    backup: str = ""
    due: list[Name] = field(default_factory=list)


@dataclass(slots=True)
class QueueEdit:
    """The queue file as read, with the producers' lock held. Change the lists.

    `announce` is called when the new file is on the disk, just before it takes its place.
    """

    queue: list[bytes]
    failed: list[bytes]
    held: list[bytes] = field(default_factory=list)
    rest: dict[str, bytes] = field(default_factory=dict)
    announce: Callable[[], None] = lambda: None


def change_dlq(
    paths: Paths, change: Callable[[DlqEdit], None], *, verb: str = receipts.EDIT
) -> None:
    """Apply `change` to the DLQ file; again if somebody saved it in between.

    `verb` is what the user did (one of `files.receipts`): the worker reports it as that.
    Raises FileUnavailableError when the file is broken, cannot be written or is saved by others all
    the time, LedgerError when it is gone and the ledger cannot tell what stood there; the file then
    stays as they left it.
    """
    with FileLock(paths.files_lock).held(LOCK_WAIT):
        for _ in range(_TRIES):
            if _try_dlq(paths, change, verb):
                return
            time.sleep(_WAIT)
    raise FileUnavailableError(
        Reason("Another program keeps saving {path}.", path=paths.dlq),
        Reason("End that program, or try later."),
    )


def _try_dlq(paths: Paths, change: Callable[[DlqEdit], None], verb: str) -> bool:
    found = read_files.load(paths.dlq, read_files.DLQ_SECTIONS)
    before: Signature | None = None
    if found is None:
        # A missing file is no deletion: take it as the worker would write it again.
        with Reader(paths.ledger, needed=True) as reader:
            edit = DlqEdit(reader.dead_raws(), None)
        rest = {document.STAMP: document.dump(now_iso())}
    else:
        parsed, before, data = found
        edit = DlqEdit(list(parsed.lists[read_files.DLQ_LIST]), data)
        rest = parsed.rest
        _quarantine(paths, paths.dlq, parsed.rejected)
    items = list(edit.items)
    change(edit)
    if not edit.wanted:
        return True
    receipts.clear_up(paths.receipts, before)
    changed = receipts.difference(items, edit.items, edit.due)
    receipt = receipts.Writer(paths.receipts, verb, changed, edit.backup, before)
    shown = [document.pretty(raw, 2) for raw in edit.items]
    data = document.compose({read_files.DLQ_LIST: shown, **rest})
    written = atomic.replace(
        paths.dlq,
        data,
        still_valid=lambda: atomic.signature(paths.dlq) == before,
        announce=receipt.announce,
    )
    receipt.finish(replaced=written is not None)
    return written is not None


@contextmanager
def queue_file(paths: Paths) -> Iterator[QueueEdit]:
    """The queue file under the producers' lock; written back on leaving if it was changed.

    Raises LockTimeoutError, or FileUnavailableError when it is broken.
    """
    with FileLock(paths.queue_lock).held(LOCK_WAIT):
        # Nobody writes while we hold the lock: no need to wait for a whole file.
        found = read_files.load(paths.queue, read_files.QUEUE_SECTIONS, wait=0.001)
        parsed = found[0] if found else read_files.queue_again(paths)
        edit = QueueEdit(
            list(parsed.lists[read_files.QUEUE_LIST]),
            list(parsed.lists[read_files.FAILED]),
            list(parsed.lists[read_files.HELD]),
            dict(parsed.rest),
        )
        before = (list(edit.queue), list(edit.failed), list(edit.held), dict(edit.rest))
        yield edit
        if (edit.queue, edit.failed, edit.held, edit.rest) == before:
            return
        _quarantine(paths, paths.queue, parsed.rejected)
        if found:
            atomic.keep_link(paths.queue, paths.queue_backup)
        atomic.replace(paths.queue, composed_queue(edit), announce=lambda _: edit.announce())


def composed_queue(edit: QueueEdit) -> bytes:
    """The queue file's bytes, its keys in the order that producers know."""
    rest = dict(edit.rest)
    top: dict[str, document.Value] = {
        read_files.QUEUE_LIST: [document.pretty(raw, 2) for raw in edit.queue],
        read_files.RECENT: rest.pop(read_files.RECENT, b"[]"),
        read_files.FAILED: [document.pretty(raw, 2) for raw in edit.failed],
        "stats": rest.pop("stats", document.NEW_STATS),
        **({read_files.HELD: [document.pretty(raw, 2) for raw in edit.held]} if edit.held else {}),
        **rest,
    }
    return document.compose(top)


def _quarantine(paths: Paths, source: Path, rejected: list[bytes]) -> None:
    """Keep what `json.tool` could not load before the file is written without it."""
    for raw in rejected:
        quarantine.keep(paths.quarantine, source, raw, time.time())


def now_iso() -> str:
    """The local time in the form that everybody writes into these files."""
    return datetime.now().isoformat(timespec="microseconds")  # noqa: DTZ005
