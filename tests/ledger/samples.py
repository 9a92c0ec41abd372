"""Items and ledgers to put into tests, and what stands in the tables."""

import json
from typing import Any, Final

from mem0tray.core import item as items
from mem0tray.core.item import Item
from mem0tray.ledger.database import Ledger
from mem0tray.ledger.inbox import Inbox
from mem0tray.ledger.rows import Row

NOW: Final = 1_800_000_000.0
HERE, ELSEWHERE = "http://here.test", "http://elsewhere.test"


def fresh(name: str, **fields: Any) -> Item:
    value = {"timestamp": 1, "id": name, "project_id": "p", "content": f"text of {name}"}
    found = items.parse(json.dumps(value | fields).encode())
    assert found is not None
    return found


def letter(name: str, **fields: Any) -> Item:
    """Make a dead letter whose id is `name`, tried twice, the last time at `NOW`."""
    values = {"retry_count": 2, "last_attempt": NOW, "moved_to_dlq_at": NOW - 100}
    return fresh(name, **(values | fields))


def put(inbox: Inbox, *entries: Item, ask: bool = False) -> list[int]:
    """Take entries in; dead letters are those with a last attempt."""
    return [
        inbox.add_dead(entry, entry.raw, NOW, ask=ask, gen=None)
        if entry.last_attempt
        else inbox.add_fresh(entry, NOW, ask=ask)
        for entry in entries
    ]


def known(inbox: Inbox, item: Item) -> Row:
    found = inbox.known(item.name)
    assert found is not None
    return found


def row(ledger: Ledger, key: int) -> dict[str, Any]:
    """Every column of an item that is not NULL, and its bytes."""
    with ledger.locked() as db:
        cursor = db.execute("SELECT * FROM items LEFT JOIN texts USING (key) WHERE key = ?", (key,))
        names = [column[0] for column in cursor.description]
        found = dict(zip(names, cursor.fetchone(), strict=True))
    return {name: value for name, value in found.items() if value is not None}


def changes(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """What is different in a row, by column; None for what became NULL."""
    names = before.keys() | after.keys()
    return {n: after.get(n) for n in names if before.get(n) != after.get(n)}


def table(ledger: Ledger, sql: str) -> list[tuple[Any, ...]]:
    with ledger.locked() as db:
        return db.execute(sql).fetchall()
