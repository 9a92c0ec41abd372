"""What waits for its first delivery: one answer for all who count it, and all who list it.

The queue file alone does not tell. It may show what was delivered since it could last be
written, and it lacks what waits in the emergency file, or what another hand took out of it
and is delivered all the same.
"""

from collections.abc import Iterable

from msgspec import Struct, field

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


class WhatWaits(Struct):
    """The entries that wait, first those of the queue file.

    `known` is what the ledger has of them; it need not know them all. `brought` are those that
    only other servers have, and that the worker has not taken in yet for this one.
    """

    listing: FileListing
    known: dict[Identity, Known]
    brought: set[Identity] = field(default_factory=set)

    @property
    def count(self) -> int:
        """How many memories wait."""
        return sum(each.item is not None for each in self.listing.found)

    @property
    def held(self) -> int:
        """How many of them another worker has perhaps delivered."""
        return sum(row.is_held for row in self.known.values())


def look(paths: Paths, reader: Reader, server: str) -> WhatWaits:
    """What waits, as `of` gives it. Raises FileUnavailableError where a file cannot be read."""
    found = read_files.load(paths.queue, read_files.QUEUE_SECTIONS)
    lines, trouble = emergency_lines(paths)
    if trouble:
        raise FileUnavailableError(trouble)
    return of(paths, reader, found[0] if found else None, lines, server)


def of(
    paths: Paths, reader: Reader, queue: Document | None, lines: Iterable[Item], server: str
) -> WhatWaits:
    """What waits, from the queue file, the lines of the emergency file and the ledger.

    `server`: what the ledger calls the server that deliveries go to, empty for none.
    """
    pending = reader.fresh_entries()
    for name in orders.given_up(paths.orders):
        pending.pop(name, None)
    lists = queue.lists if queue is not None else {}
    there = listing(
        [*lists.get(read_files.QUEUE, ()), *lists.get(read_files.HELD, ())], read_files.QUEUE
    )
    result = WhatWaits(FileListing(nonsense=there.nonsense), pending)
    seen: set[Identity] = set()
    for found in (*there.found, *map(_found, lines)):
        name = found.identity
        if found.item is not None:
            if name in seen:
                continue
            if name not in pending:
                row = reader.known(*name)
                if row is not None and not _comes_back(reader, row, server):
                    continue
                if row is not None and row.state == items.DELIVERED:
                    result.brought.add(name)
            seen.add(name)
        result.listing.found.append(found)
    vanished = (_in_ledger(reader, row) for name, row in pending.items() if name not in seen)
    result.listing.found += [each for each in vanished if each is not None]
    return result


def _comes_back(reader: Reader, row: Known, server: str) -> bool:
    """Whether the worker will take in again an entry whose memory is closed in the ledger."""
    name = row.id, row.digest
    if row.state == items.DISCARDED:  # put back, unless its deletion has not reached the file
        return not reader.still_shown([name])
    return row.state == items.DELIVERED and bool(server) and not reader.has(*name, server)


def _found(item: Item) -> FoundItem:
    return FoundItem(read_files.QUEUE, item.id, item.project, item.raw, item)


def _in_ledger(reader: Reader, row: Known) -> FoundItem | None:
    raw = reader.raw(row.key)
    item = items.parse(raw) if raw is not None else None
    return _found(item) if item is not None else None


def emergency_lines(paths: Paths) -> tuple[list[Item], Reason]:
    """The items in the emergency file, and why it cannot be read."""
    try:
        signature = atomic.signature(paths.emergency)
        if signature is None:
            return [], reasons.NONE
        source = emergency.EmergencySource(paths.emergency.name, signature.inode)
        lines = emergency.read(paths.claude_dir, source, final=True)
    except FileUnavailableError as error:
        return [], error.reason
    except OSError as error:
        return [], atomic.unavailable(paths.emergency, error).reason
    return (lines.items if lines is not None else []), reasons.NONE
