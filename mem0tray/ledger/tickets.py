"""Tickets: each is a server's name for its work on a memory that it took in.

By the ticket the server can be asked what became of the memory, after a restart too. It stands
beside the unknown outcome (`outbox.py`) of the same item and server. Times are Unix seconds.
"""

import sqlite3
from typing import Final

from msgspec import Struct

from mem0tray.core import item as items
from mem0tray.ledger.database import Ledger

_NOTE: Final = (
    "INSERT INTO tickets SELECT ?, key, ?, ? FROM servers WHERE name = ?"
    " ON CONFLICT DO UPDATE SET name = excluded.name, at = excluded.at"
    " WHERE name != excluded.name"
)
_DROP: Final = (
    "DELETE FROM tickets WHERE item = ? AND server = (SELECT key FROM servers WHERE name = ?)"
)
_NEWEST: Final = (
    "SELECT max(at) FROM tickets JOIN items ON items.key = item"
    f" WHERE state IN ('{items.FRESH}', '{items.DEAD}')"
)


class Ticket(Struct, frozen=True):
    """A server's name for its work on a memory, and when it gave that name."""

    name: str
    at: float


class Tickets:
    """Keeps the ticket of an item at a server, until the server has told the item's outcome."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def note(self, key: int, server: str, name: str, now: float) -> None:
        """Keep the ticket that `server` gave for an item; the same one keeps its time.

        The ledger already has an outcome of that server. Raises LedgerError.
        """
        with self._ledger.transaction() as db:
            db.execute(_NOTE, (key, name, now, server))

    def drop(self, key: int, server: str) -> None:
        """Forget the ticket, once the server has told the outcome. Raises LedgerError."""
        with self._ledger.transaction() as db:
            db.execute(_DROP, (key, server))

    def newest(self) -> float | None:
        """When the last ticket was given for an item that still waits. Raises LedgerError."""
        with self._ledger.locked() as db:
            found = db.execute(_NEWEST).fetchone()[0]
        return None if found is None else float(found)


def find_ticket(db: sqlite3.Connection, key: int, server: int) -> Ticket | None:
    """The ticket of an item at the server with this key."""
    sql = "SELECT name, at FROM tickets WHERE item = ? AND server = ?"
    found = db.execute(sql, (key, server)).fetchone()
    return None if found is None else Ticket(*found)
