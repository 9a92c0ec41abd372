"""A row of the ledger, as intake and merge see it."""

import sqlite3
from dataclasses import dataclass
from typing import Any, Final

from mem0tray.large import LARGE
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
# The same without what is large: who looks up an id seldom needs the bytes.
SLIM_RAW: Final = f"CASE WHEN length(raw) < {LARGE} THEN raw END"
SLIM_COLUMNS: Final = COLUMNS.replace(" raw,", f" {SLIM_RAW} AS raw,")


def read_raw(db: sqlite3.Connection, key: int) -> bytes:
    """The bytes of an item that has some; a large one comes into memory once, not twice."""
    size = db.execute("SELECT length(raw) FROM items WHERE key = ?", (key,)).fetchone()[0]
    if size is not None and size >= LARGE:
        with db.blobopen("items", "raw", key, readonly=True) as blob:
            return blob.read()
    found: bytes = db.execute("SELECT raw FROM items WHERE key = ?", (key,)).fetchone()[0]
    return found


def write_raw(db: sqlite3.Connection, key: int, raw: bytes) -> None:
    """Give an item other bytes (within a transaction)."""
    if len(raw) < LARGE:
        db.execute("UPDATE items SET raw = ? WHERE key = ?", (raw, key))
        return
    db.execute("UPDATE items SET raw = zeroblob(?) WHERE key = ?", (len(raw), key))
    with db.blobopen("items", "raw", key) as blob:
        blob.write(raw)


def row_from(values: tuple[Any, ...]) -> Row:
    """A Row from the columns above."""
    key, item_id, *rest = values
    return Row(key, decode(item_id), *rest)
