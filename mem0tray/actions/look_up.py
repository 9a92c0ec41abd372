"""One memory, wherever it is: waiting, delivered, deleted, edited away, in quarantine."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from msgspec import structs

from mem0tray.actions import backups, waiting
from mem0tray.actions.waiting import DLQ_LIST, QUEUE_LIST, FoundItem, Identity, listing
from mem0tray.config.settings import Settings
from mem0tray.core import item as items
from mem0tray.core.errors import FileUnavailableError, Mem0TrayError
from mem0tray.files import document, private_folders
from mem0tray.files.document import BrokenDocumentError
from mem0tray.ledger.reader import Reader
from mem0tray.ledger.rows import Attempt, Known
from mem0tray.system import regular_file
from mem0tray.system.paths import Paths

QUARANTINE: Final = "quarantine"
LEDGER: Final = "ledger"  # where it no longer waits
_OVER: Final = (items.DELIVERED, items.DISCARDED)
_PLACES: Final = {DLQ_LIST: "dlq", QUEUE_LIST: "queue"}


@dataclass(frozen=True, slots=True)
class Version:
    """One content of a memory.

    `attempts` are those that failed, oldest first. `left_in` names the files that still hold a text
    which neither the ledger nor the DLQ or the queue has any more. `deliveries` are the servers
    that have taken it, as the ledger names them, with the times (Unix seconds), first one first.
    """

    found: FoundItem
    attempts: Sequence[Attempt] = ()
    left_in: Sequence[str] = ()
    deliveries: Sequence[tuple[str, float]] = ()

    @property
    def known(self) -> Known | None:
        """What the ledger has of it."""
        return self.found.known

    @property
    def is_over(self) -> bool:
        """Whether it no longer waits: delivered, deleted or edited away."""
        return self.place in (items.DELIVERED, "deleted", items.EDITED)

    @property
    def content(self) -> str | None:
        """The text of the memory; None when it is gone, or is no text."""
        return self.found.item.content if self.found.item is not None else None

    @property
    def place(self) -> str:
        """`dlq`, `queue`, `quarantine`, `delivered`, `deleted`, or `edited` away."""
        known = self.known
        if known is not None and known.state == items.DELIVERED:
            return known.state
        if known is not None and known.state == items.DISCARDED:
            return items.EDITED if known.reason == items.EDITED else "deleted"
        return _PLACES.get(self.found.place, self.found.place)


def look_up(settings: Settings, name: str) -> list[Version]:
    """Find every content of the memory with this id, or unambiguous prefix; waiting ones first.

    Raises NotFoundError, FileUnavailableError, LedgerError.
    """
    paths = settings.locations()
    seen: dict[Identity, Version] = {}
    with waiting.opened(settings) as waits:
        reader = waits.reader
        rows = (reader.by_id(name) or reader.by_prefix(name)) if name else []
        beside = [
            structs.replace(each, known=reader.known(*each.identity) if each.item else None)
            for each in quarantined(paths)
        ]
        beside += [_from_ledger(reader, row) for row in rows if row.state in _OVER]
        for found in waits.resolve([name], beside=beside):
            seen.setdefault(found.identity, _version(reader, found))
    return sorted(_with_what_is_left(paths, seen), key=_rank)


def _version(reader: Reader, found: FoundItem) -> Version:
    if found.known is None:
        return Version(found)
    key = found.known.key
    return Version(found, reader.attempts(key), deliveries=reader.servers_of(key))


def _from_ledger(reader: Reader, row: Known) -> FoundItem:
    raw = reader.raw(row.key)
    item = items.parse(raw) if raw is not None else None
    return FoundItem(LEDGER, row.id, row.project, raw or b"", item, row)


def _rank(version: Version) -> tuple[int, float]:
    """Put what waits first; of contents that no longer wait, the last one first."""
    closed = version.known.closed if version.known is not None else None
    return 0 if version.place in _PLACES.values() else 1, -(closed or 0.0)


def _with_what_is_left(paths: Paths, seen: dict[Identity, Version]) -> Iterator[Version]:
    """Yield the versions; one without a text gets the one that another file still holds."""
    lost = {name for name, each in seen.items() if each.is_over and not each.found.raw}
    left: dict[Identity, list[tuple[str, FoundItem]]] = {}
    for place, raw in left_over(paths) if lost else ():
        for found in listing([raw], LEDGER):
            left.setdefault(found.identity, []).append((place, found))
    for name, each in seen.items():
        if name not in lost or name not in left:
            yield each
            continue
        found = structs.replace(left[name][0][1], known=each.known)
        yield replace(each, found=found, left_in=list(dict(left[name])))


def left_over(paths: Paths) -> Iterator[tuple[str, bytes]]:
    """Yield items that do not wait, with the file that holds them: last hundred, backups, edits."""
    recent, sections = (document.RECENT,), (*document.QUEUE_SECTIONS, document.RECENT)
    for name, path, lists in (
        (f"{document.RECENT} in {paths.queue.name}", paths.queue, recent),
        (paths.queue_backup.name, paths.queue_backup, sections),
    ):
        yield from ((name, raw) for raw in _items_in(path, lists))
    with suppress(Mem0TrayError):
        for source in backups.sources(paths):
            if source.kind in (backups.BACKUP, backups.COPY, backups.EDIT):
                yield from ((source.name, piece.raw) for piece in source.pieces)


def _items_in(path: Path, sections: Sequence[str]) -> list[bytes]:
    """Read the items in these lists of a file; of a broken one those that are whole."""
    try:
        data = regular_file.read_bytes(path)
    except OSError:
        return []
    try:
        lists = document.parse(data, sections).lists
    except BrokenDocumentError:
        lists = document.salvage(data, sections).lists
    return [raw for raws in lists.values() for raw in raws]


def quarantined(paths: Paths) -> Iterator[FoundItem]:
    """Yield the items in quarantine."""
    with suppress(FileUnavailableError):
        for path in private_folders.quarantined(paths.quarantine):
            with suppress(FileUnavailableError):
                pieces = backups.quarantined(path).pieces
                yield from listing((piece.raw for piece in pieces), QUARANTINE)


def fields(version: Version) -> items.Object:
    """Return the item's object as it stands in its file; empty when its text is gone."""
    return items.load_object(version.found.raw) or {}


def still_waiting(versions: Iterable[Version]) -> list[FoundItem]:
    """Choose the versions that wait, and can be changed."""
    return [each.found for each in versions if each.found.place in _PLACES]
