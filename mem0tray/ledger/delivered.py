"""What the ledger knows of the memories that one server has taken: enough to ask for them there."""

import sqlite3
from array import array
from collections.abc import Sequence
from contextlib import closing
from typing import Final, NamedTuple, Self

from mem0tray.core import item as items
from mem0tray.ledger.database import decode, encode
from mem0tray.ledger.reader import Reader

# Without memories that were deleted or edited while being sent, or queued again since: of such a
# memory only the last item counts that this server took, or that is to go there.
_TAKEN: Final = (
    "SELECT project, items.key FROM outcomes JOIN items ON items.key = item"
    " WHERE server = (SELECT key FROM servers WHERE name = ?) AND has"
    " AND state = 'delivered' AND reason IS NULL AND NOT EXISTS"
    " (SELECT 1 FROM items AS later WHERE later.id = id_again(items.id)"
    " AND items.digest IN (later.digest, later.first_digest) AND (later.state != 'delivered'"
    " OR EXISTS (SELECT 1 FROM outcomes AS its WHERE its.item = later.key"
    " AND its.server = outcomes.server AND its.has))) ORDER BY items.key"
)
_ROWS: Final = (
    "SELECT id, project, digest, coalesce(first_digest, digest), at FROM items"
    " JOIN outcomes ON item = items.key WHERE has AND items.key IN ({marks})"
    " AND server = (SELECT key FROM servers WHERE name = ?) ORDER BY items.key"
)
_AT_ONCE: Final = 500  # rows of one query
_WAITING: Final = "SELECT DISTINCT digest FROM items WHERE state IN ('pending', 'dead')"
_DISCARDED: Final = (
    "SELECT DISTINCT digest FROM items WHERE state = 'discarded' AND coalesce(reason, '') != ?"
)


class TakenMemory(NamedTuple):
    """A memory that a server took at `at` (Unix seconds) under an idempotency key."""

    id: str
    project: str
    digest: bytes
    key: str
    at: float


class DeliveredReader(Reader):
    """A Reader of what was delivered; use it in a `with` statement, as `Reader`."""

    def __enter__(self) -> Self:
        """Open the ledger."""
        super().__enter__()
        if self._db is not None:
            self._db.create_function("id_again", 1, _id_again, deterministic=True)
        return self

    def taken(self, server: str) -> dict[str, "array[int]"]:
        """The keys of the items that a server has taken, by project, in the order of intake."""
        found: dict[bytes, array[int]] = {}
        if self._db is not None:
            try:
                with closing(self._db.execute(_TAKEN, (server,))) as rows:
                    for project, key in rows:
                        found.setdefault(project, array("q")).append(key)
            except sqlite3.Error as error:
                self._cannot(error)
        return {decode(project): keys for project, keys in found.items()}

    def memories(self, keys: Sequence[int], server: str) -> list[TakenMemory]:
        """The memories with these keys."""
        rows = self._rows(_ROWS.format(marks=", ".join("?" * len(keys))), (*keys, server))
        return [
            TakenMemory(
                decode(name), decode(project), digest,
                items.idempotency_key(decode(name), digest, first), at,
            )
            for name, project, digest, first, at in rows
        ]  # fmt: skip

    def ids_by_digest(self, keys: Sequence[int], server: str) -> dict[bytes, list[str]]:
        """The ids of the memories with these keys, by the digest of their texts."""
        found: dict[bytes, list[str]] = {}
        for begin in range(0, len(keys), _AT_ONCE):
            for each in self.memories(keys[begin : begin + _AT_ONCE], server):
                found.setdefault(each.digest, []).append(each.id)
        return found

    def waiting_digests(self) -> set[bytes]:
        """The digests of all memories that wait here."""
        return {digest for (digest,) in self._rows(_WAITING)}

    def discarded_digests(self) -> set[bytes]:
        """The digests of all memories that the user has deleted."""
        return {digest for (digest,) in self._rows(_DISCARDED, (items.EDITED,))}


def _id_again(item_id: bytes) -> bytes:
    return encode(items.id_again(decode(item_id)))
