"""A row of the ledger, as intake and merge see it."""

from dataclasses import dataclass
from typing import Any, Final

from mem0tray.ledger.database import decode


@dataclass(frozen=True, slots=True)
class Row:
    """What the ledger knows of one (id, content)."""

    key: int
    item_id: str
    digest: bytes
    first_digest: bytes
    state: str
    raw: bytes | None
    retry_count: int
    last_attempt: float
    server: str | None
    intent: float | None
    first_gen: int | None
    value_gen: int | None
    gone_gen: int | None


COLUMNS: Final = (
    "key, id, digest, first_digest, state, raw, retry_count, last_attempt, server,"
    " intent, first_gen, value_gen, gone_gen"
)


def row_from(values: tuple[Any, ...]) -> Row:
    """A Row from the columns above."""
    key, item_id, *rest = values
    return Row(key, decode(item_id), *rest)
