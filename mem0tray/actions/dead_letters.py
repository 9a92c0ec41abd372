"""What is a dead letter: one answer for all who count them, and all who list them.

The DLQ file alone does not tell. Where it could not be written for a while it shows what has been
delivered since, and does not show what has failed since.
"""

from collections.abc import Sequence

from mem0tray.actions import read_files
from mem0tray.actions.read_files import SeenFile
from mem0tray.core import item as items
from mem0tray.files.atomic import Signature
from mem0tray.files.receipts import mark
from mem0tray.ledger.reader import Reader
from mem0tray.system.paths import Paths


def look(paths: Paths, reader: Reader, server: str) -> Sequence[bytes]:
    """The dead letters, as by `of`. Raises FileUnavailableError where the file cannot be read."""
    found = read_files.load(paths.dlq, read_files.DLQ_SECTIONS)
    if found is None:
        return reader.dead_raws()
    document, signature, _ = found
    return _undelivered(document.lists[read_files.DLQ], signature, reader, server)


def of(file: SeenFile, reader: Reader, server: str) -> Sequence[bytes]:
    """The dead letters and what makes no sense to us, by the DLQ file and the ledger.

    A file that is gone says nothing, and of one that is broken the ledger knows more. `server`:
    what the ledger calls the one that deliveries go to, empty for none.
    """
    found = file.document.lists[read_files.DLQ]
    if not file.is_there:
        return reader.dead_raws()
    if file.trouble:
        return reader.dead_raws() or found
    return _undelivered(found, file.signature, reader, server)


def _undelivered(
    found: Sequence[bytes], signature: Signature | None, reader: Reader, server: str
) -> Sequence[bytes]:
    """What is still to be delivered of a whole file, by what is known.

    Where nobody has saved it since the worker merged or published it, the ledger has it all. A
    save that the worker has not seen is the worker's to judge, and one thing of it is certain: what
    the server has is taken out again, also where the user has put it back.
    """
    as_merged = reader.dlq_as_merged(mark(signature)) if signature is not None else None
    if as_merged is not None:
        return as_merged
    dead = reader.dead_names()
    return [raw for raw in found if not _is_delivered(raw, dead, reader, server)]


def _is_delivered(raw: bytes, dead: set[items.Name], reader: Reader, server: str) -> bool:
    item = items.parse(raw)
    if item is None or item.name in dead:
        return False
    row = reader.known(*item.name)
    if row is None or row.state != items.DELIVERED:
        return False
    return not server or reader.has(*item.name, server)
