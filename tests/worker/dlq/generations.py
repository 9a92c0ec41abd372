"""A small ledger in memory, and editions of the DLQ file, for the tests of the merge."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from mem0tray.core import item as items
from mem0tray.core.item import Item
from mem0tray.ledger.generations import PastValue
from mem0tray.ledger.rows import Row
from mem0tray.worker.dlq.merge import Edition, Merge, merge

SERVER = "http://here"


def dead_letter(identity: str, **fields: Any) -> bytes:
    """Write a dead letter."""
    value = {
        "id": identity,
        "project_id": "alpha",
        "content": f"text of {identity}",
        "timestamp": 1,
        "retry_count": 2,
        "last_attempt": 200.0,
        "moved_to_dlq_at": 50.0,
    }
    return json.dumps(value | fields).encode()


def parsed(raw: bytes) -> Item:
    """Read what must be an item."""
    item = items.parse(raw)
    assert item is not None
    return item


def shown(identity: str, **fields: Any) -> Item:
    """Build an item as it stands in the file."""
    return parsed(dead_letter(identity, **fields))


@dataclass
class Ledger:
    """What the ledger knows."""

    rows: list[Row] = field(default_factory=list)
    past: dict[int, list[PastValue]] = field(default_factory=dict)

    def add(
        self,
        identity: str,
        *,
        first: int | None = 1,
        since: int | None = None,
        state: str = items.DEAD,
        server: str | None = None,
        gone: int | None = None,
        **fields: Any,
    ) -> Row:
        """Add a row, published in generation `first`, its value since `since`."""
        item = shown(identity, **fields)
        row = Row(
            key=len(self.rows) + 1,
            item_id=identity,
            digest=item.digest,
            first_digest=item.digest,
            state=state,
            raw=item.raw,
            retry_count=item.retry_count,
            last_attempt=item.last_attempt,
            server=server,
            intent=None,
            first_gen=first,
            value_gen=first if since is None else since,
            gone_gen=gone,
        )
        self.rows.append(row)
        return row

    def stood(self, row: Row, first: int, last: int, raw: bytes, *, body: bool = False) -> None:
        """Remember what stood in the file for `row` from generation `first` to `last`."""
        item = parsed(raw)
        value = PastValue(
            item.retry_count,
            item.last_attempt,
            items.body(raw) if body else None,
            first,
            last,
        )
        self.past.setdefault(row.key, []).append(value)

    def merge(self, found: Sequence[Item], edition: Edition) -> Merge:
        """Merge what was found."""
        return merge(
            found,
            [row for row in self.rows if row.state == items.DEAD],
            lambda ids: {each: [row for row in self.rows if row.item_id == each] for each in ids},
            lambda key: self.past.get(key, []),
            edition,
            SERVER,
        )


def known(gen: int, current: int = 9, **more: Any) -> Edition:
    """Name a generation of ours."""
    return Edition(named=gen, current=current, **more)


def unknown(current: int = 9) -> Edition:
    """Bear a stamp that is not ours."""
    return Edition(named=None, current=current)


EDITIONS = pytest.mark.parametrize("edition", [known(9), unknown()], ids=["known", "unknown"])
