"""Which files the ledger has outdated: it alone knows what changes."""

import sqlite3
from pathlib import Path
from typing import Final

# The files as the ledger names them, `meta` included.
METRICS_FILE: Final = "metrics"
QUEUE_FILE, DLQ_FILE, EMERGENCY_FILE = "queue", "DLQ", "emergency file"
_FILES: Final = (QUEUE_FILE, DLQ_FILE, METRICS_FILE)
_TRIGGERS: Final = Path(__file__).with_name("triggers.sql")


class Outdated:
    """Counts how often commits have changed what each file shows; a publisher compares two counts.

    So nothing has to be undone when publishing fails, or when a change comes while it goes on.
    The ledger counts under its lock; anybody may look.
    """

    def __init__(self) -> None:
        self._noted: set[str] = set()
        self._times = dict.fromkeys(_FILES, 0)

    def watch(self, db: sqlite3.Connection) -> None:
        """Note what changes on this connection."""
        db.create_function("outdates", 1, self._noted.add)
        db.executescript(_TRIGGERS.read_text(encoding="utf-8"))

    def times(self, file: str) -> int:
        """How often a file (of queue, DLQ and metrics) has been outdated so far."""
        return self._times[file]

    def commit(self) -> None:
        """Count the files that the transaction has changed."""
        for file in self._noted:
            self._times[file] += 1
        self._noted.clear()

    def roll_back(self) -> None:
        """Drop the changes of a transaction that is rolled back."""
        self._noted.clear()
