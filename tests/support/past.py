"""A ledger with a past."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

from mem0tray.core import item as items
from mem0tray.core.item import Item
from mem0tray.ledger.database import Ledger
from mem0tray.ledger.foreign_claims import ForeignClaims
from mem0tray.ledger.inbox import Inbox
from mem0tray.ledger.outbox import Outbox
from mem0tray.system.paths import Paths
from tests.support.shapes import entry

SERVER = "http://127.0.0.1:9"


def parsed(value: dict[str, object]) -> Item:
    item = items.parse(json.dumps(value).encode())
    assert item is not None
    return item


class Past:
    """Writes what happened, each at its time (Unix seconds); deliveries went to `server`."""

    def __init__(self, ledger: Ledger, server: str) -> None:
        self._server = server
        self._inbox = Inbox(ledger)
        self._outbox = Outbox(ledger)
        self._taken = ForeignClaims(ledger)

    def delivered(self, content: str, at: float) -> None:
        key = self._inbox.add_fresh(parsed(entry(content)), at - 1, ask=False)
        self._outbox.record_delivery(key, self._server, at)

    def taken_in_as(self, value: dict[str, object], at: float) -> int:
        return self._inbox.add_fresh(parsed(value), at, ask=False)

    def taken(self, key: int, at: float) -> None:
        """Have it leave the queue file while another worker is at work."""
        self._taken.vanish([key], at, taken=True, wait_until=0.0)

    def failed(self, key: int, at: float, kind: str = "item failure") -> None:
        self._outbox.record_attempt(key, at, kind, 500, "500 Internal Server Error", 0.1)

    def left_open(self, key: int, at: float) -> None:
        self._outbox.mark_unknown(key, self._server, at, timed_out=False)

    def adopted(self, value: dict[str, object], at: float, due: float | None = None) -> int:
        """Take in a dead letter from the file, tried again when it is `due`; its key."""
        item = parsed(value)
        key = self._inbox.add_dead(item, item.raw, at, ask=False, gen=None)
        if due is not None:
            self._outbox.defer(key, due)
        return key

    def edited(
        self, value: dict[str, object], content: str, at: float
    ) -> tuple[dict[str, object], int]:
        """Give a dead letter that a server may have another text; its object and key from then."""
        item, other = parsed(value), value | {"content": content}
        row = self._inbox.known(item.name)
        assert row is not None
        self._outbox.mark_unknown(row.key, self._server, at, timed_out=False)
        return other, self._inbox.change_content(row, parsed(other), at)

    def restored(self, value: dict[str, object], at: float) -> None:
        row = self._inbox.known(parsed(value).name)
        assert row is not None
        self._inbox.revive(row, parsed(value), at, dead=True, gen=None)

    def recovered(self, key: int, at: float) -> None:
        self._outbox.record_delivery(key, self._server, at)

    def discarded(self, key: int, at: float) -> None:
        self._inbox.discard([key], at, "deleted")


@contextmanager
def past(paths: Paths, server: str = SERVER) -> Iterator[Past]:
    ledger = Ledger(paths.ledger)
    try:
        yield Past(ledger, server)
    finally:
        ledger.close()
