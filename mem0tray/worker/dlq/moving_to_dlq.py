"""Moving to the DLQ: how an item of the queue becomes a dead letter by us.

The item leaves the queue file and stands in the DLQ file with the fields of the contract (section
1): `retry_count` 0, and the time of the move in `last_attempt` and `moved_to_dlq_at`. Each move
counts in `total_failed`. Two ways into the DLQ are no move of ours and lead through `hand_edits`;
what comes on them keeps its own fields, and `total_failed` its count:
* a letter that a user writes into the file never was in our queue;
* what another worker moves there has been counted by that worker, in the queue file.
"""

import msgspec

from mem0tray.core import item as items
from mem0tray.core.due import dead_wait
from mem0tray.core.item import Item
from mem0tray.ledger.names import FAILED
from mem0tray.worker.context import WorkerContext


def move_fresh_to_dlq(
    context: WorkerContext, key: int, now: float, error: str, asked: float | None = None
) -> float:
    """Make a dead letter of a fresh entry in the ledger; return how many seconds it waits.

    `error` is why it failed last, `asked` the wait that the server asked for then.
    """
    wait = dead_wait(0, asked)
    raw = _as_dead(context.outbox.raw(key), now, error)
    context.inbox.move_to_dlq(key, raw, now, now + wait, error)
    context.counters.add(FAILED)
    return wait


def take_in_as_dead(context: WorkerContext, item: Item, now: float, *, ask: bool) -> int:
    """Take in as a dead letter an item that was never fresh in our ledger; return its key."""
    raw = _as_dead(item.raw, now)
    dead = msgspec.structs.replace(item, raw=raw, retry_count=0, last_attempt=now)
    key = context.inbox.add_dead(dead, raw, now, ask=ask, gen=None)
    context.counters.add(FAILED)
    return key


def _as_dead(raw: bytes, now: float, error: str | None = None) -> bytes:
    """Put a queue entry into the form that it has in the DLQ file from its move on."""
    fields: items.Object = {"retry_count": 0, "last_attempt": now, "moved_to_dlq_at": now}
    if error is not None:
        fields["last_error"] = error
    return items.with_fields(raw, fields, drop=("retries",))
