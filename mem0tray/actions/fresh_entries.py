"""The fresh entries: one answer for all who count them, and all who list them.

The queue file alone does not tell. It may show what was delivered since it could last be
written, and it lacks what waits in the emergency file, or what another hand took out of it
and is delivered all the same.
"""

from collections.abc import Collection, Iterable

from msgspec import Struct

from mem0tray.actions import read_files
from mem0tray.actions.find import FileListing, FoundItem, Identity, listing
from mem0tray.core import item as items
from mem0tray.core import reasons
from mem0tray.core.errors import FileUnavailableError
from mem0tray.core.item import Item
from mem0tray.core.reasons import Reason
from mem0tray.files import atomic, emergency, orders
from mem0tray.files.document import Document
from mem0tray.ledger.known import Known
from mem0tray.ledger.reader import Reader
from mem0tray.system.paths import Paths


class FreshEntries(Struct):
    """The fresh entries, first those of the queue file.

    `known` is what the ledger has of them; it need not know them all.
    """

    listing: FileListing
    known: dict[Identity, Known]

    @property
    def count(self) -> int:
        """How many there are."""
        return sum(each.item is not None for each in self.listing.found)

    @property
    def held(self) -> int:
        """How many of them another worker has perhaps delivered."""
        return sum(row.is_held for row in self.known.values())


class FreshCount(Struct, frozen=True):
    """How many fresh entries there are, how many of them another worker has perhaps delivered.

    `oldest`: since when one waits, Unix seconds; None where none tells. `brought` are those that
    only other servers have, and that the worker has not taken in yet for this one.
    """

    count: int = 0
    held: int = 0
    oldest: float | None = None
    brought: Collection[Identity] = ()


def look(paths: Paths, reader: Reader, server: str) -> FreshEntries:
    """The fresh entries, as `of` gives them. Raises FileUnavailableError for an unreadable file."""
    found = read_files.load(paths.queue, read_files.QUEUE_SECTIONS)
    lines, trouble = emergency_lines(paths, reader)
    if trouble:
        raise FileUnavailableError(trouble)
    return of(paths, reader, found[0] if found else None, lines, server)


def of(
    paths: Paths, reader: Reader, queue: Document | None, lines: Iterable[Item], server: str
) -> FreshEntries:
    """The fresh entries, by the queue file, the lines of the emergency file and the ledger.

    `server`: what the ledger calls the server that deliveries go to, empty for none.
    """
    fresh = reader.fresh_entries()
    discarded = orders.discarded(paths.orders)
    for name in discarded:
        fresh.pop(name, None)
    lists = queue.lists if queue is not None else {}
    there = listing(
        [*lists.get(read_files.QUEUE_LIST, ()), *lists.get(read_files.HELD, ())],
        read_files.QUEUE_LIST,
    )
    everything = [*there.found, *map(_found, lines)]
    strangers = {each.identity for each in everything if each.item is not None} - fresh.keys()
    seen, _ = _closed(reader, strangers, server)
    seen |= discarded
    result = FreshEntries(FileListing(nonsense=there.nonsense), fresh)
    for found in everything:
        if found.item is not None:
            if found.identity in seen:
                continue
            seen.add(found.identity)
        result.listing.found.append(found)
    vanished = (_in_ledger(reader, row) for name, row in fresh.items() if name not in seen)
    result.listing.found += [each for each in vanished if each is not None]
    return result


def count(
    paths: Paths, reader: Reader, queue: Document, lines: Iterable[Item], server: str
) -> FreshCount:
    """How many there are, as by `of`, without making an item of each entry."""
    raws, lines = [*queue.lists[read_files.QUEUE_LIST], *queue.lists[read_files.HELD]], list(lines)
    discarded = orders.discarded(paths.orders)
    if not (lines or discarded or reader.usable):  # nothing to compare with
        alone = items.by_id(raws)
        if alone is not None:
            return FreshCount(len(alone), 0, min(_sensible(alone.values()), default=None))
    fresh = reader.many.fresh()
    for name in discarded:
        fresh.pop(name, None)
    there = items.by_name(raws)
    for line in lines:
        there.setdefault(line.name, line.timestamp)
    strangers = there.keys() - fresh.keys() - discarded
    over, brought = _closed(reader, strangers, server)
    strangers -= over
    made = (there[name] for name in strangers)
    since = [*(since for since, _ in fresh.values()), *_sensible(made)]
    held = sum(is_held for _, is_held in fresh.values())
    return FreshCount(len(fresh) + len(strangers), held, min(since, default=None), brought)


def _sensible(timestamps: Iterable[float]) -> list[float]:
    return [each for each in timestamps if each >= items.EARLIEST]


def _closed(
    reader: Reader, names: set[Identity], server: str
) -> tuple[set[Identity], set[Identity]]:
    """Of these, which are not fresh in the ledger: those that wait no more; see `brought`."""
    over, brought = set[Identity](), set[Identity]()
    for name in reader.many.heard_of(names):
        row = reader.known(*name)
        if row is not None and not _comes_back(reader, row, server):
            over.add(name)
        elif row is not None and row.state == items.DELIVERED:
            brought.add(name)
    return over, brought


def _comes_back(reader: Reader, row: Known, server: str) -> bool:
    """Whether the worker will take in again an entry whose memory is closed in the ledger."""
    if row.state == items.DISCARDED:  # restored, unless its deletion has not reached the file
        return not reader.still_shown([row.name])
    return row.state == items.DELIVERED and not reader.is_delivered(row, server)


def _found(item: Item) -> FoundItem:
    return FoundItem(read_files.QUEUE_LIST, item.id, item.project, item.raw, item)


def _in_ledger(reader: Reader, row: Known) -> FoundItem | None:
    raw = reader.raw(row.key)
    item = items.parse(raw) if raw is not None else None
    return _found(item) if item is not None else None


def emergency_lines(paths: Paths, reader: Reader | None = None) -> tuple[list[Item], Reason]:
    """The items in the emergency file, and why it cannot be read.

    With a `reader` only those that the worker has not read: what became of the others, the
    ledger alone tells.
    """
    try:
        signature = atomic.signature(paths.emergency)
        if signature is None:
            return [], reasons.NONE
        source = emergency.EmergencySource(paths.emergency.name, signature.inode)
        kept = reader.emergency_sources() if reader is not None else None
        for known in emergency.sources(kept) if kept else ():
            if (known.name, known.inode) == (source.name, source.inode):
                source = known
        lines = emergency.read(paths.claude_dir, source, final=True)
    except FileUnavailableError as error:
        return [], error.reason
    except OSError as error:
        return [], atomic.unavailable(paths.emergency, error).reason
    return (lines.items if lines is not None else []), reasons.NONE
