"""The dead letters: one answer for all who count them, and all who list them.

The DLQ file alone does not tell. If it could not be written for a while, it still shows what has
been delivered since, and lacks what has failed since.
"""

from collections.abc import Sequence

from mem0tray.actions import read_files
from mem0tray.actions.read_files import SeenFile
from mem0tray.core import item as items
from mem0tray.files import orders
from mem0tray.files.atomic import Signature
from mem0tray.ledger.reader import Reader
from mem0tray.system.paths import Paths


def look(paths: Paths, reader: Reader, server: str) -> Sequence[bytes]:
    """The dead letters as `of` gives them. Raises FileUnavailableError for an unreadable file."""
    found = read_files.load(paths.dlq, read_files.DLQ_SECTIONS)
    if found is None:
        return _kept(reader.dead_raws(), paths)
    document, signature, _ = found
    there = document.lists[read_files.DLQ_LIST]
    return _kept(_undelivered(there, signature, paths, reader, server), paths)


def of(file: SeenFile, paths: Paths, reader: Reader, server: str) -> Sequence[bytes]:
    """The dead letters, and things that make no sense to us, from DLQ file and ledger.

    A missing file tells nothing, and the ledger knows more than a broken one. `server`:
    what the ledger calls the server that deliveries go to, empty for none.
    """
    found: Sequence[bytes] = file.document.lists[read_files.DLQ_LIST]
    if not file.is_there:
        found = reader.dead_raws()
    elif file.trouble:
        found = reader.dead_raws() or found
    else:
        found = _undelivered(found, file.signature, paths, reader, server)
    return _kept(found, paths)


def count(file: SeenFile, paths: Paths, reader: Reader, server: str) -> int:
    """How many there are, as by `of`; as nearly always they are counted without being read."""
    if file.signature is not None and not orders.discarded(paths.orders):
        number = reader.many.dead_as_merged(file.signature)
        if number is not None:
            return number
    return len(of(file, paths, reader, server))


def to_act_on(paths: Paths) -> list[bytes]:
    """The items that a command finds by id: the DLQ file's, and those it does not show yet.

    Raises FileUnavailableError where the file is there but cannot be read.
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


def discarded_unheard(paths: Paths, reader: Reader) -> set[items.Name]:
    """What files and orders say is deleted, though the ledger does not know that yet.

    In the DLQ file: what it once showed and lacks now; a missing or broken file tells nothing.
    """
    gone = orders.discarded(paths.orders)
    file = read_files.look(paths.dlq, read_files.DLQ_SECTIONS)
    signature = file.signature
    if signature is None or reader.dlq_as_merged(signature) is not None:
        return gone
    there = {item.id for item in map(items.parse, file.document.lists[read_files.DLQ_LIST]) if item}
    unshown = set(map(_name, reader.unshown_dead()))
    return gone | {name for name in reader.dead_names() - unshown if name[0] not in there}


def _kept(raws: Sequence[bytes], paths: Paths) -> Sequence[bytes]:
    """The items that no order is to delete."""
    gone = orders.discarded(paths.orders)
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
    """What of a whole file is still to be delivered, as far as is known.

    If nobody has saved the file since the worker merged or published it, the ledger has it all.
    The worker has to judge a save that it has not seen, but two things are certain:
    what the server has is taken out again, even if the user has put it back, and what no file
    has shown yet stays.
    """
    as_merged = reader.dlq_as_merged(signature) if signature is not None else None
    if as_merged is not None:
        return as_merged
    if not reader.usable:
        return found
    strangers = items.by_name(found).keys() - reader.dead_names()
    known = reader.many.heard_of(strangers)
    delivered = {name for name in known if reader.is_delivered(reader.known(*name), server)}
    left = [raw for raw in found if _name(raw) not in delivered] if delivered else found
    return [*left, *unshown(paths, reader, found)]
