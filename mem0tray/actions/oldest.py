"""The oldest dead letters, for a menu."""

from dataclasses import dataclass

from mem0tray.core import item as items
from mem0tray.core.reasons import Reason
from mem0tray.ledger.reader import Reader
from mem0tray.server import answers


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A dead letter: its id and project, when it became one (Unix seconds), why it failed last."""

    item_id: str
    digest: bytes
    project: str
    since: float
    reason: Reason


def oldest(reader: Reader, limit: int) -> tuple[DeadLetter, ...]:
    """The first `limit` dead letters in the file's order."""
    letters = []
    for known, raw in reader.first_dead(limit):
        value = items.load_object(raw) or {}
        since = items.number(value.get("moved_to_dlq_at")) or known.accepted
        text = known.last_error or _text(value, "last_error")
        letters.append(
            DeadLetter(
                known.id,
                known.digest,
                _text(value, "project_id"),
                since,
                answers.retold(text),
            )
        )
    return tuple(letters)


def _text(value: items.Object, name: str) -> str:
    found = value.get(name)
    return found if isinstance(found, str) else ""
