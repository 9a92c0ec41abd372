"""Names that stand in everybody's ledgers stay as they are, whatever a constant is called."""

from mem0tray.core import item as items
from mem0tray.core.item import Kind
from mem0tray.ledger import names


def test_former_ledgers_are_read() -> None:
    assert [value for name, value in vars(names).items() if _is_text(name, value)] == [
        "metrics", "queue", "DLQ", "emergency file", "notes of Claude Code", "identity",
        "openings", "clean", "boot", "durable", "doubt of the ", "left_until", "total_queued",
        "total_synced", "total_failed", "shown_", "last_delivery", "last_sync", "dlq_merged",
        "queue_read", "emergency_sources", "directories of notes", "canary", "dialect",
        "other_worker", "run", "metrics_at_start",
    ]  # fmt: skip


def test_former_rows_mean_the_same() -> None:
    states = (items.FRESH, items.DEAD, items.DELIVERED, items.DISCARDED)
    assert states == ("pending", "dead", "delivered", "discarded")
    reasons = (items.FORGOTTEN, items.DELETED, items.REMOVED, items.EDITED)
    assert reasons == ("forgotten", "deleted", "removed from the server", "edited")
    assert [*map(str, Kind)] == [
        "delivered", "found", "outage", "slow down", "item failure", "unauthorized", "refused",
        "unknown", "unanswered", "not sendable", "held", "not sent", "at work",
    ]  # fmt: skip


def _is_text(name: str, value: object) -> bool:
    return name.isupper() and isinstance(value, str)
