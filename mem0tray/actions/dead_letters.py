"""What is a dead letter: one answer for all who count them, and all who list them.

The DLQ file alone does not tell. Where it could not be written for a while it shows what has been
delivered since, and does not show what has failed since.
"""

from collections.abc import Sequence

from mem0tray.actions import read_files
from mem0tray.actions.read_files import SeenFile
from mem0tray.core import item as items
from mem0tray.files import orders
from mem0tray.files.atomic import Signature
from mem0tray.files.receipts import mark
from mem0tray.ledger.reader import Reader
from mem0tray.system.paths import Paths


def look(paths: Paths, reader: Reader, server: str) -> Sequence[bytes]:
    """The dead letters, as by `of`. Raises FileUnavailableError where the file cannot be read."""
    found = read_files.load(paths.dlq, read_files.DLQ_SECTIONS)
    if found is None:
        return _kept(reader.dead_raws(), paths)
    document, signature, _ = found
    there = document.lists[read_files.DLQ]
    return _kept(_undelivered(there, signature, paths, reader, server), paths)


def of(file: SeenFile, paths: Paths, reader: Reader, server: str) -> Sequence[bytes]:
    """The dead letters and what makes no sense to us, by the DLQ file and the ledger.

    A file that is gone says nothing, and of one that is broken the ledger knows more. `server`:
    what the ledger calls the one that deliveries go to, empty for none.
    """
    found: Sequence[bytes] = file.document.lists[read_files.DLQ]
    if not file.is_there:
        found = reader.dead_raws()
    elif file.trouble:
        found = reader.dead_raws() or found
    else:
        found = _undelivered(found, file.signature, paths, reader, server)
    return _kept(found, paths)


def to_act_on(paths: Paths) -> list[bytes]:
    """What a command finds by an id: the DLQ file's, and those that it does not show yet.

    Raises FileUnavailableError where that file is there and cannot be read.
    """
    found = read_files.dead_letters(paths)
    with Reader(paths.ledger) as reader:
        return [*found, *unshown(paths, reader, found)]


def unshown(paths: Paths, reader: Reader, found: Sequence[bytes]) -> list[bytes]:
    """The dead letters that only the ledger has: no file has shown them, nor are they `found`."""
    raws = reader.unshown_dead()
    if not raws:
        return []
    there = {item.name for item in map(items.parse, found) if item is not None}
    return [raw for raw in _kept(raws, paths) if _name(raw) not in there]


def taken_out(paths: Paths, reader: Reader) -> set[items.Name]:
    """What is deleted as the files and orders say, of which the ledger has still to hear.

    Of the DLQ file that is what it has shown and lacks; one that is gone or broken says nothing.
    """
    gone = orders.given_up(paths.orders)
    file = read_files.look(paths.dlq, read_files.DLQ_SECTIONS)
    signature = file.signature
    if signature is None or reader.dlq_as_merged(mark(signature)) is not None:
        return gone
    there = {item.id for item in map(items.parse, file.document.lists[read_files.DLQ]) if item}
    unshown = set(map(_name, reader.unshown_dead()))
    return gone | {name for name in reader.dead_names() - unshown if name[0] not in there}


def _kept(raws: Sequence[bytes], paths: Paths) -> Sequence[bytes]:
    """Those that no order is to delete."""
    gone = orders.given_up(paths.orders)
    return [raw for raw in raws if _name(raw) not in gone] if gone else raws


def _name(raw: bytes) -> items.Name | None:
    item = items.parse(raw)
    return item.name if item is not None else None


def _undelivered(
    found: Sequence[bytes],
    signature: Signature | None,
    paths: Paths,
    reader: Reader,
    server: str,
) -> Sequence[bytes]:
    """What is still to be delivered of a whole file, by what is known.

    Where nobody has saved it since the worker merged or published it, the ledger has it all. A
    save that the worker has not seen is the worker's to judge, and two things of it are certain:
    what the server has is taken out again, also where the user has put it back, and what no file
    has shown yet stays.
    """
    as_merged = reader.dlq_as_merged(mark(signature)) if signature is not None else None
    if as_merged is not None:
        return as_merged
    dead = reader.dead_names()
    left = [raw for raw in found if not _is_delivered(raw, dead, reader, server)]
    return [*left, *unshown(paths, reader, found)]


def _is_delivered(raw: bytes, dead: set[items.Name], reader: Reader, server: str) -> bool:
    item = items.parse(raw)
    if item is None or item.name in dead:
        return False
    row = reader.known(*item.name)
    if row is None or row.state != items.DELIVERED:
        return False
    return not server or reader.has(*item.name, server)
