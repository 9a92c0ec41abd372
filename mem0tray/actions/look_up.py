"""One memory, wherever it is: waiting, delivered, deleted, edited away, in quarantine."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Final, NamedTuple

from msgspec import structs

from mem0tray.actions import backups, waiting
from mem0tray.actions.waiting import FoundItem, WaitingItems, as_found
from mem0tray.config.server_choice import in_words
from mem0tray.config.settings import Settings
from mem0tray.core import item as items
from mem0tray.core import text
from mem0tray.core.errors import FileUnavailableError, Mem0TrayError, NotFoundError
from mem0tray.files import document, private_folders
from mem0tray.files.document import BrokenDocumentError
from mem0tray.ledger.reader import Reader
from mem0tray.ledger.rows import Known
from mem0tray.system import regular_file
from mem0tray.system.paths import Paths

LEDGER: Final = "ledger"  # the place of a memory that no longer waits


def look_up(settings: Settings, name: str) -> list[FoundItem]:
    """Find every content of the memory with this id or prefix, waiting ones first; else raise."""
    paths = settings.locations()
    seen: dict[items.Name, FoundItem] = {}
    with waiting.opened(settings) as waits:
        reader = waits.reader
        beside = [
            structs.replace(each, known=reader.known(*each.identity) if each.item else None)
            for each in quarantined(paths)
        ]
        for row in _over(reader, name):
            raw = reader.raw(row.key) or b""
            beside.append(FoundItem(LEDGER, row.id, row.project, raw, items.parse(raw), row))
        for found in waits.resolve([name], [*waits.candidates([name]), *beside]):
            servers = () if found.known is None else reader.servers_of(found.known.key)
            whole = structs.replace(waits.with_attempts(found), deliveries=servers)
            seen.setdefault(found.identity, whole)
    textless = {each for each, version in seen.items() if version.is_over and not version.raw}
    for place, raw in left_over(paths) if textless else ():  # other files may still hold the text
        found = as_found(raw, LEDGER)
        known = seen.get(found.identity) if found.identity in textless else None
        if known is not None and place not in known.left_in:
            text = known if known.raw else found
            seen[found.identity] = structs.replace(
                known, raw=text.raw, item=text.item, left_in=(*known.left_in, place)
            )
    closed = {name: each.known.closed or 0.0 for name, each in seen.items() if each.known}
    order = sorted(seen, key=lambda name: (not seen[name].waits, -closed.get(name, 0.0)))
    return [seen[name] for name in order]


def left_over(paths: Paths) -> Iterator[tuple[str, bytes]]:
    """Yield items that do not wait, with the file that holds them: last hundred, backups, edits."""
    recent, sections = (document.RECENT,), (*document.QUEUE_SECTIONS, document.RECENT)
    for name, path, lists in (
        (f"{document.RECENT} in {paths.queue.name}", paths.queue, recent),
        (paths.queue_backup.name, paths.queue_backup, sections),
    ):
        with suppress(OSError):
            data = regular_file.read_bytes(path)
            try:
                found = document.parse(data, lists).lists
            except BrokenDocumentError:
                found = document.salvage(data, lists).lists
            yield from ((name, raw) for raws in found.values() for raw in raws)
    with suppress(Mem0TrayError):
        for source in backups.sources(paths):
            if source.kind in (backups.BACKUP, backups.COPY, backups.EDIT):
                yield from ((source.name, piece.raw) for piece in source.pieces)


def quarantined(paths: Paths) -> Iterator[FoundItem]:
    """Yield the items in quarantine."""
    with suppress(FileUnavailableError):
        for path in private_folders.quarantined(paths.quarantine):
            with suppress(FileUnavailableError):
                for each in backups.quarantined(path).pieces:
                    yield structs.replace(each, place=backups.QUARANTINE)


# What no longer waits ---------------------------------------------------------------------------


class Fate(NamedTuple):
    """What became of a memory that no longer waits, when and where, and what can be done."""

    name: str
    detail: str
    remedy: str


def fate(known: Known) -> Fate:
    """Say what became of it, `delivered` or `deleted`, and what can be done."""
    when = text.moment(known.closed)
    if known.state == items.DELIVERED:
        return Fate("delivered", f"on {when} to {in_words(known.server)}", "Nothing to do.")
    if known.reason == items.FORGOTTEN:
        return Fate("deleted", f"for good, on {when}", "It cannot be put back.")
    remedy = "`mem0tray restore --list` shows what can be put back."
    why = f" ({known.reason})" if known.reason not in (None, "", items.DELETED) else ""
    return Fate("deleted", f"on {when}{why}", remedy)


class Here(NamedTuple):
    """What this computer knows of one id: what waits under it, and what no longer does."""

    id: str
    waits: Sequence[FoundItem]
    over: Sequence[Known]

    def refuse_over(self) -> None:
        """Raise NotFoundError, with what became of it, where nothing of it waits any more."""
        if not self.waits:
            last = max(self.over, key=lambda known: known.closed or 0.0)
            what = fate(last)
            gone = f"{text.one_line(last.id, 80)} no longer waits: {what.name} {what.detail}."
            raise NotFoundError(gone, what.remedy)


def here(seen: WaitingItems, name: str, project: str | None = None) -> Here:
    """Find the one memory with this id, or else the one whose id begins so; of a project, or any.

    Raises NotFoundError where several begin so, UnknownIdError where none does, and
    FileUnavailableError where it may stand in a file that is unread.
    """
    over = _over(seen.reader, name)
    among = [FoundItem(LEDGER, each.id, each.project, b"", None, each) for each in over]
    among = [*seen.candidates([name]), *among]
    found = seen.resolve([name], [each for each in among if project in (None, each.project)])
    item_id = found[0].id
    waits = [each for each in found if each.waits]
    return Here(item_id, waits, [each for each in over if each.id == item_id])


def _over(reader: Reader, name: str) -> list[Known]:
    """Find the delivered and deleted memories whose id is `name`, or else begins with it."""
    known = (reader.by_id(name) or reader.by_prefix(name)) if name else []
    return [each for each in known if each.state in (items.DELIVERED, items.DISCARDED)]
