"""A row of the ledger, as intake and merge see it."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from mem0tray.core.large import LARGE
from mem0tray.ledger.database import decode


@dataclass(frozen=True, slots=True)
class Row:
    """What the ledger knows of one (id, content)."""

    key: int
    item_id: str
    digest: bytes
    first_digest: bytes
    state: str
    raw: bytes | None
    retry_count: int
    last_attempt: float
    server: str | None
    intent: float | None
    first_gen: int | None
    value_gen: int | None
    gone_gen: int | None


COLUMNS: Final = (
    "key, id, digest, first_digest, state, raw, retry_count, last_attempt, server,"
    " intent, first_gen, value_gen, gone_gen"
)
# The bytes of what is large stand in a table of their own, and the row says so with none: SQLite
# reads and writes all of a row for a change of any of its fields.
ELSEWHERE: Final = b""
# NULL for what is large: who looks up an id seldom needs the bytes.
SLIM_RAW: Final = "nullif(raw, x'')"
SLIM_COLUMNS: Final = COLUMNS.replace(" raw,", f" {SLIM_RAW} AS raw,")


def read_raw(db: sqlite3.Connection, key: int) -> bytes:
    """The bytes of an item that has some; a large one comes into memory once, not twice."""
    found: bytes = db.execute("SELECT raw FROM items WHERE key = ?", (key,)).fetchone()[0]
    if found != ELSEWHERE:
        return found
    with db.blobopen("large", "raw", key, readonly=True) as blob:
        return blob.read()


def write_raw(db: sqlite3.Connection, key: int, parts: Sequence[bytes]) -> None:
    """Give an item other bytes, the parts one behind the other (within a transaction)."""
    size = sum(map(len, parts))
    raw = b"".join(parts) if size < LARGE else ELSEWHERE
    db.execute("UPDATE items SET raw = ? WHERE key = ?", (raw, key))
    if size >= LARGE:
        db.execute("INSERT OR REPLACE INTO large VALUES (?, zeroblob(?))", (key, size))
        with db.blobopen("large", "raw", key) as blob:
            for part in parts:
                blob.write(part)


def row_from(values: tuple[Any, ...]) -> Row:
    """A Row from the columns above."""
    key, item_id, *rest = values
    return Row(key, decode(item_id), *rest)
