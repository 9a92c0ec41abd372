"""A ledger by which a server has taken memories, without the time that it takes to send them."""

from collections.abc import Iterable
from pathlib import Path

from mem0tray.ledger.database import Ledger
from mem0tray.ledger.inbox import Inbox
from mem0tray.ledger.outbox import Outbox
from tests.support.past import parsed
from tests.support.shapes import Item


def deliver(path: Path, server: str, entries: Iterable[Item], at: float = 1e9) -> None:
    """Have the ledger at `path` know these as delivered to `server`, as it names that."""
    path.parent.mkdir(parents=True, exist_ok=True)
    ledger = Ledger(path)
    inbox, outbox = Inbox(ledger), Outbox(ledger)
    with ledger.transaction():
        for entry in entries:
            item = parsed(entry)
            row = inbox.known(item.name)
            key = inbox.add_fresh(item, at, ask=False) if row is None else row.key
            outbox.record_delivery(key, server, at)
    ledger.close()
