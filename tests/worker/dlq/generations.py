"""A small ledger in memory, and what the DLQ file showed of it, for the tests of the merge."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from mem0tray.core import item as items
from mem0tray.core.item import Item
from mem0tray.ledger.generations import Showing, Shown
from mem0tray.ledger.rows import Row
from mem0tray.worker.dlq.merge import Base, Decisions, Ours, merge
from tests.ledger.samples import letter

SERVER = "http://here"


def shown(identity: str, **fields: Any) -> Item:
    """Make a dead letter as the file shows it, last tried at 200."""
    return letter(identity, **{"project_id": "alpha", "last_attempt": 200.0} | fields)


def dead_letter(identity: str, **fields: Any) -> bytes:
    return shown(identity, **fields).raw


def parsed(raw: bytes) -> Item:
    item = items.parse(raw)
    assert item is not None
    return item


@dataclass(frozen=True)
class Seen:
    """Which generation a file names (None: none of ours), and which is the newest."""

    named: int | None
    current: int = 9
    exact: bool = False


@dataclass
class Ledger:
    """What the ledger knows."""

    rows: list[Row] = field(default_factory=list)
    showings: dict[int, list[Showing]] = field(default_factory=dict)

    def add(
        self,
        identity: str,
        *,
        first: int | None = 1,
        last: int | None = None,
        state: str = items.DEAD,
        servers: Iterable[str] = (),
        reason: str | None = None,
        **fields: Any,
    ) -> Row:
        """Add a row that stood in the file with these values, if at all, from `first` on."""
        item = shown(identity, **fields)
        row = Row(
            key=len(self.rows) + 1,
            item_id=identity,
            digest=item.digest,
            state=state,
            retry_count=item.retry_count,
            last_attempt=item.last_attempt,
            since=0.0,
            servers=frozenset(servers),
            raw=item.raw,
            reason=reason,
        )
        self.rows.append(row)
        if first is not None:
            self.stood(row, first, last, item.raw)
        return row

    def stood(
        self, row: Row, first: int, last: int | None, raw: bytes, *, saved: bool = False
    ) -> None:
        """Remember what stood in the file for `row` from generation `first` to `last`."""
        item = parsed(raw)
        showing = Showing(first, last, item.retry_count, item.last_attempt, items.body(raw), saved)
        self.showings.setdefault(row.key, []).append(showing)

    def merge(self, found: Sequence[Item], seen: Seen, *, whole: bool = True) -> Decisions:
        base = Base(
            seen.named,
            seen.current,
            lambda keys: {key: Shown(self.showings.get(key, ())) for key in keys},
            exact=seen.exact,
        )
        ours = Ours(
            [row for row in self.rows if row.state == items.DEAD],
            lambda ids: {each: [row for row in self.rows if row.item_id == each] for each in ids},
            SERVER,
        )
        return merge(base, found, ours, whole=whole)


SEEN = pytest.mark.parametrize("seen", [Seen(9), Seen(None)], ids=["known", "unknown"])
