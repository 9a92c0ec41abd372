"""What stands in the tables, for tests that look behind the curtain."""

from typing import Any

from mem0tray.ledger.database import Ledger


def row(ledger: Ledger, key: int) -> dict[str, Any]:
    """Every column of an item that is not NULL, but for its key and what never changes."""
    with ledger.locked() as db:
        cursor = db.execute("SELECT * FROM items WHERE key = ?", (key,))
        names = [column[0] for column in cursor.description]
        found = dict(zip(names, cursor.fetchone(), strict=True))
    return {name: value for name, value in found.items() if value is not None}


def changes(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """What is different in a row, by column; None for what became NULL."""
    names = before.keys() | after.keys()
    return {n: after.get(n) for n in names if before.get(n) != after.get(n)}


def table(ledger: Ledger, sql: str) -> list[tuple[Any, ...]]:
    """The answer to a question."""
    with ledger.locked() as db:
        return db.execute(sql).fetchall()
