"""One memory, wherever it is: in a file, delivered, deleted, edited away, in quarantine."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

from mem0tray.actions import dead_letters, read_files, restore_sources
from mem0tray.actions.find import FoundItem, Identity, beginning, listing, resolve
from mem0tray.core import item as items
from mem0tray.core.errors import FileUnavailableError, Mem0TrayError
from mem0tray.files import atomic, quarantine
from mem0tray.ledger.known import Attempt, Known
from mem0tray.ledger.reader import Reader
from mem0tray.system.paths import Paths

EMERGENCY: Final = "emergency"
QUARANTINE: Final = "quarantine"
LEDGER: Final = "ledger"  # where no file has it


@dataclass(frozen=True, slots=True)
class Version:
    """One content of a memory.

    `known` is what the ledger has of it, `attempts` those that failed, oldest first;
    `is_discarded_unheard`: it was deleted, and the ledger does not know that yet. `left_in`
    names the files that still hold a text which neither the ledger nor the DLQ or the
    queue has any more. `deliveries` are the servers that have taken it, as the ledger names
    them, with the times (Unix seconds), the first one first.
    """

    found: FoundItem
    known: Known | None
    attempts: Sequence[Attempt]
    left_in: Sequence[str] = ()
    is_discarded_unheard: bool = False
    deliveries: Sequence[tuple[str, float]] = ()

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
        """`dlq`, `queue`, `emergency`, `quarantine`, `delivered`, `deleted`, or `edited` away."""
        state = self.known.state if self.known is not None else ""
        if state == items.DELIVERED:
            return state
        if state == items.DISCARDED and self.found.place not in (
            read_files.DLQ_LIST,
            read_files.QUEUE_LIST,
        ):
            edited = self.known is not None and self.known.reason == items.EDITED
            return items.EDITED if edited else "deleted"
        if self.found.place == LEDGER and self.is_discarded_unheard:
            return "deleted"
        if self.found.place == LEDGER:
            return "dlq" if state == items.DEAD else "queue"
        return "dlq" if self.found.place == read_files.DLQ_LIST else self.found.place


def look_up(paths: Paths, name: str) -> list[Version]:
    """Every content of the memory with this id, or unambiguous prefix; those that wait first.

    Raises NotFoundError.
    """
    with Reader(paths.ledger) as reader:
        there = list(in_files(paths))
        rows = (reader.by_id(name) or reader.by_prefix(name)) if name else []
        ours = {row.name: (row, _from_ledger(reader, row)) for row in rows}
        resolve([name], [*there, *(found for _, found in ours.values())])
        chosen = resolve([name], there) if beginning(name, there) else []
        seen: dict[Identity, Version] = {}
        for found in chosen:
            row = reader.known(*found.identity) if found.item is not None else None
            seen.setdefault(found.identity, _version(reader, found, row))
        out = dead_letters.discarded_unheard(paths, reader) if ours else set()
        for identity, (row, found) in ours.items():
            version = replace(_version(reader, found, row), is_discarded_unheard=identity in out)
            seen.setdefault(identity, version)
    # Of contents that no longer wait, the last one first.
    return sorted(_with_what_is_left(paths, seen), key=_rank)


def _with_what_is_left(paths: Paths, seen: dict[Identity, Version]) -> list[Version]:
    """The versions; a version without a text gets the one that another file still holds."""
    lost = {name for name, each in seen.items() if each.is_over and not each.found.raw}
    left: dict[Identity, list[tuple[str, FoundItem]]] = {}
    if lost:
        for place, raw in left_over(paths):
            for found in listing([raw], LEDGER).found:
                if found.identity in lost:
                    left.setdefault(found.identity, []).append((place, found))
    return [
        replace(each, found=left[name][0][1], left_in=list(dict.fromkeys(p for p, _ in left[name])))
        if name in left
        else each
        for name, each in seen.items()
    ]


def left_over(paths: Paths) -> Iterator[tuple[str, bytes]]:
    """Items that are not waiting, with the file that holds them: last hundred, backups, edits."""
    recent = read_files.look(paths.queue, (read_files.RECENT,)).document.lists
    yield from (
        (f"{read_files.RECENT} in {paths.queue.name}", raw) for raw in recent[read_files.RECENT]
    )
    backups = read_files.look(paths.queue_backup, (*read_files.QUEUE_SECTIONS, read_files.RECENT))
    for raws in backups.document.lists.values():
        yield from ((paths.queue_backup.name, raw) for raw in raws)
    with suppress(Mem0TrayError):
        for source in restore_sources.sources(paths):
            if source.kind in (restore_sources.BACKUP, restore_sources.COPY, restore_sources.EDIT):
                yield from ((source.name, piece.raw) for piece in source.pieces)


def _version(reader: Reader, found: FoundItem, row: Known | None) -> Version:
    if row is None:
        return Version(found, None, [])
    deliveries = reader.former.deliveries(row.key)
    return Version(found, row, reader.attempts(row.key), deliveries=deliveries)


def _rank(version: Version) -> tuple[int, float]:
    waits = version.place in ("dlq", "queue", EMERGENCY)
    closed = version.known.closed if version.known is not None else None
    return (0 if waits else 1, -(closed or 0.0))


def in_files(paths: Paths) -> Iterator[FoundItem]:
    """The items in files; of broken files those that are whole."""
    dead = read_files.look(paths.dlq, read_files.DLQ_SECTIONS).document.lists[read_files.DLQ_LIST]
    yield from listing(dead, read_files.DLQ_LIST).found
    queue = read_files.look(paths.queue, read_files.QUEUE_SECTIONS).document.lists
    yield from listing(
        [*queue[read_files.QUEUE_LIST], *queue[read_files.HELD]], read_files.QUEUE_LIST
    ).found
    with suppress(FileUnavailableError, atomic.TornError):
        data, _ = atomic.read(paths.emergency) or (b"", None)
        yield from listing(data.splitlines(), EMERGENCY).found
    with suppress(FileUnavailableError):
        for path in quarantine.kept(paths.quarantine):
            with suppress(FileUnavailableError):
                pieces = restore_sources.quarantined(path).pieces
                yield from listing((piece.raw for piece in pieces), QUARANTINE).found


def _from_ledger(reader: Reader, row: Known) -> FoundItem:
    raw = reader.raw(row.key)
    item = items.parse(raw) if raw is not None else None
    project = item.project if item is not None else row.project
    return FoundItem(LEDGER, row.id, project, raw or b"", item)


def fields(version: Version) -> items.Object:
    """The item's object as it stands in its file; empty when its text is gone."""
    return items.load_object(version.found.raw) or {}


def waiting(versions: Iterable[Version]) -> list[FoundItem]:
    """The versions that stand in a file and can be changed there."""
    return [
        each.found
        for each in versions
        if each.found.place in (read_files.DLQ_LIST, read_files.QUEUE_LIST)
    ]
