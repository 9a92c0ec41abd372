"""Names that stand in everybody's ledgers stay as they are, whatever a constant is called."""

import pytest

from mem0tray.ledger import names

IN_META = {
    "METRICS_FILE": "metrics", "QUEUE_FILE": "queue", "DLQ_FILE": "DLQ",
    "EMERGENCY_FILE": "emergency file", "NOTES": "notes of Claude Code", "IDENTITY": "identity",
    "OPENINGS": "openings", "CLEAN": "clean", "BOOT": "boot", "DURABLE": "durable",
    "MAY_HAVE_BEEN_SENT": "doubt of the ", "LEFT_UNTIL": "left_until", "QUEUED": "total_queued",
    "SYNCED": "total_synced", "FAILED": "total_failed", "SHOWN": "shown_",
    "LAST_DELIVERY": "last_delivery", "LAST_SYNC": "last_sync", "DLQ_MERGED": "dlq_merged",
    "QUEUE_READ": "queue_read", "EMERGENCY_SOURCES": "emergency_sources",
    "NOTE_DIRECTORIES": "directories of notes", "CANARY": "canary", "DIALECT": "dialect",
    "OTHER_WORKER": "other_worker", "OUR_RUN": "run", "METRICS_AT_START": "metrics_at_start",
}  # fmt: skip


@pytest.mark.parametrize(("name", "value"), IN_META.items())
def test_a_name_that_stands_in_ledgers_stays(name: str, value: str) -> None:
    assert getattr(names, name) == value
