"""Memories of a megabyte and more, whose bytes stand beside their rows."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from mem0tray.core import item as items
from mem0tray.core.item import Item
from mem0tray.core.large import LARGE
from mem0tray.ledger.database import Ledger
from mem0tray.ledger.inbox import Inbox
from mem0tray.ledger.outbox import Outbox
from mem0tray.ledger.reader import Reader

_NOW = 1_700_000_000.0


def _item(letter: str, size: int = LARGE) -> Item:
    value = {"id": letter, "project_id": "p", "content": letter * size, "timestamp": 1}
    found = items.parse(json.dumps(value).encode())
    assert found is not None
    return found


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """Open one."""
    with closing(Ledger(tmp_path / "ledger.sqlite3")) as opened:
        yield opened


def _sizes(ledger: Ledger) -> list[int]:
    with ledger.locked() as db:
        return [size for (size,) in db.execute("SELECT length(raw) FROM texts ORDER BY key")]


def test_a_large_memory_stays_whole(ledger: Ledger) -> None:
    """From intake to dead letter, retry, deletion and restoring, its bytes are those given last."""
    inbox, outbox, item = Inbox(ledger), Outbox(ledger), _item("a")
    key = inbox.add_fresh(item, _NOW, ask=False)
    job = outbox.claim(key, _NOW)
    outbox.count_fresh_failure(job, _NOW, "500", [item.raw])
    assert outbox.raw(key) == item.raw
    inbox.move_to_dlq(key, [item.raw[:-1], b', "moved": 1}'], _NOW, _NOW)
    assert outbox.raw(key) == item.raw[:-1] + b', "moved": 1}'
    job = outbox.claim(key, _NOW)
    outbox.count_dead_failure(job, 1, _NOW, "500", [item.raw], _NOW)
    inbox.discard([key], _NOW, "deleted")
    row = inbox.known(item.name)
    assert row is not None
    inbox.revive(row, item, _NOW, dead=False, gen=None)
    assert _sizes(ledger) == [len(item.raw)]


def test_no_text_outlives_its_use(ledger: Ledger) -> None:
    """Delivered, forgotten and expired memories leave none; one that is small now, a small one."""
    inbox, outbox = Inbox(ledger), Outbox(ledger)
    delivered, forgotten, expired, shrunk, kept = (
        inbox.add_fresh(_item(letter), _NOW, ask=False) for letter in "abcde"
    )
    outbox.record_delivery(delivered, "server", _NOW)
    inbox.discard([expired], _NOW, "deleted")
    inbox.expire(_NOW + 1)
    inbox.discard([forgotten], _NOW, "deleted")
    inbox.erase([forgotten])
    inbox.move_to_dlq(shrunk, [_item("d", 9).raw], _NOW, _NOW)
    assert _sizes(ledger) == [len(_item("d", 9).raw), len(_item("e").raw)]
    assert outbox.raw(kept) == _item("e").raw


def test_commands_read_a_large_memory(ledger: Ledger) -> None:
    """Whether it is dead or deleted."""
    inbox, item = Inbox(ledger), _item("a")
    key = inbox.add_dead(item, item.raw, _NOW, ask=False, gen=None)
    with Reader(ledger.path) as reader:
        assert reader.raw(key) == item.raw
        assert [raw for _, raw in reader.waiting.listed("dead", limit=1)] == [item.raw]
    inbox.discard([key], _NOW, "deleted")
    with Reader(ledger.path) as reader:
        assert [list(batch.raws) for batch in reader.discarded()] == [[item.raw]]
