"""The DLQ file as we published it, with what its editors save and what is told of that."""

import json
import os
import time
from typing import Any

from mem0tray.core.item import Item
from mem0tray.ledger.names import SOURCES
from mem0tray.ledger.rows import Row
from mem0tray.worker.context import WorkerContext
from mem0tray.worker.dlq.hand_edits import HandEdits
from mem0tray.worker.dlq.publish import DlqPublisher
from tests.ledger.samples import HERE, NOW, known, letter
from tests.worker.ground import told_on

A, B, C = (letter(name) for name in "abc")


class Editing:
    """Two dead letters, `a` and `b`, in a file that we have published; `told` are the events."""

    def __init__(self, context: WorkerContext) -> None:
        self.context = context
        self.told = told_on(context)
        with context.ledger.transaction():
            for name in SOURCES:
                context.ledger.trust(name)
        self.wishes: list[None] = []  # to retry
        self.edits = HandEdits(self.context, lambda: self.wishes.append(None))
        self.publisher = DlqPublisher(self.context, self.edits)
        self.publish(A, B)

    @property
    def stamp(self) -> str:
        found: str = json.loads(self.context.paths.dlq.read_bytes())["last_update"]
        return found

    def save(self, *items: Any, stamp: str | None = None, **keys: Any) -> None:
        name = self.stamp if stamp is None else stamp
        self.put(json.dumps({"items": items, "last_update": name, **keys}).encode())
        self.edits.run()

    def put(self, data: bytes, age: float = 60.0) -> None:
        self.context.paths.dlq.write_bytes(data)
        self.age(age)

    def age(self, seconds: float = 60.0) -> None:
        os.utime(self.context.paths.dlq, (time.time() - seconds,) * 2)

    def add(self, item: Item) -> None:
        self.context.inbox.add_dead(item, item.raw, NOW, ask=False, gen=None)

    def publish(self, *new: Item) -> None:
        for each in new:
            self.add(each)
        assert self.publisher.run()

    def edit_b(self) -> Item:
        """Let a command give `b` another text, and show it."""
        row, edit = self.known(B), letter("b", content="better")
        self.context.inbox.change_content(row, edit, NOW)
        self.context.inbox.change_values(row.key, edit, NOW)
        self.publish()
        return edit

    def dead(self) -> set[str]:
        rows = self.context.generations.dead_rows()
        return {json.loads(row.raw or b"")["id"] for row in rows}

    def known(self, item: Item) -> Row:
        return known(self.context.inbox, item)

    def state(self, item: Item) -> str:
        return self.known(item).state

    def holds_up(self) -> tuple[bool, bool]:
        return self.edits.torn, self.edits.awaited

    def needs(self) -> bool:
        return self.publisher.needed

    def unknown(self, item: Item) -> float | None:
        """Since when a dead letter or an entry is to be asked about; None: it is not."""
        return self.context.outbox.claim(self.known(item).key, NOW, HERE).unknown


def shown(item: Item, **fields: Any) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(item.raw) | fields
    return value
