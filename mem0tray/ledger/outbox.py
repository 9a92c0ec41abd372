"""What is due, and what became of it: the lanes' heads, intent, outcome, history."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from mem0tray import item as items
from mem0tray.ledger.database import Ledger, decode, encode
from mem0tray.ledger.editions import remember_values

FRESH: Final = items.PENDING
DEAD: Final = items.DEAD
_HISTORY: Final = 50  # failed attempts kept for an item

# One statement a lane: within each, the oldest first. A dead letter's age is how
# long it has been due, so that none starves behind others that fail again and again.
_HEAD: Final = {
    FRESH: "SELECT key FROM items WHERE state = 'pending' AND intent IS NULL AND due <= ?"
    " ORDER BY ts, key",
    DEAD: "SELECT key FROM items WHERE state = 'dead' AND intent IS NULL AND due <= ?"
    " ORDER BY due, ts, key",
}
_JOB: Final = (
    "SELECT key, state, id, digest, first_digest, raw, retries, retry_count, unknown, timeouts"
    " FROM items WHERE key = ?"
)


@dataclass(frozen=True, slots=True)
class Job:
    """One delivery: the item as it was when its intent was recorded."""

    key: int
    lane: str
    item_id: str
    project: str
    content: str
    idempotency_key: str
    raw: bytes
    retries: int
    retry_count: int
    unknown: float | None
    timeouts: int


class Outbox:
    """The way out."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def head(
        self, lane: str, now: float, skip: Collection[int] = (), avoid_project: str | None = None
    ) -> int | None:
        """The key of the oldest item of a lane that is due, not one of `skip`."""
        sql, values = _HEAD[lane], [now]
        with self._ledger.reading() as db:
            if avoid_project is not None:
                sql = sql.replace(" ORDER", " AND project != ? ORDER")
                row = db.execute(sql + " LIMIT 1", (now, encode(avoid_project))).fetchone()
                if row is not None and row[0] not in skip:
                    return int(row[0])
            for (key,) in db.execute(_HEAD[lane] + f" LIMIT {len(skip) + 1}", values):
                if key not in skip:
                    return int(key)
        return None

    def claim(self, key: int, now: float) -> Job:
        """Record the intent to send an item (in the caller's transaction)."""
        with self._ledger.transaction() as db:
            row = db.execute(_JOB, (key,)).fetchone()
            db.execute("UPDATE items SET intent = ? WHERE key = ?", (now, key))
        _, state, item_id, digest, first, raw, retries, retry_count, unknown, timeouts = row
        item = items.parse(raw)
        assert item is not None, "only items with text content enter the ledger"
        name = decode(item_id)
        return Job(
            key, state, name, item.project, item.content,
            items.idempotency_key(name, digest, first), raw, retries, retry_count, unknown,
            timeouts,
        )  # fmt: skip

    def release(self, key: int) -> None:
        """The intent came to nothing: the request was never made, or nothing is counted."""
        with self._ledger.transaction() as db:
            db.execute("UPDATE items SET intent = NULL WHERE key = ?", (key,))

    def delivered(self, key: int, server: str, now: float) -> str:
        """The server has it; the state that this ended (`discarded`: delivery beat a deletion)."""
        with self._ledger.transaction() as db:
            state = db.execute("SELECT state FROM items WHERE key = ?", (key,)).fetchone()[0]
            db.execute(
                "UPDATE items SET state = 'delivered', intent = NULL, unknown = NULL, raw = NULL,"
                " last_error = NULL, closed = ?, server = ? WHERE key = ?",
                (now, server, key),
            )
            self.count(db_name="total_synced")
        return str(state)

    def count(self, db_name: str, by: int = 1) -> None:
        """Add to one of the counters that the files show."""
        with self._ledger.transaction() as db:
            db.execute(
                "INSERT INTO meta VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = value + ?",
                (db_name, by, by),
            )

    def failed_fresh(self, job: Job, due: float, error: str, raw: bytes) -> None:
        """One more consecutive failure of a fresh entry."""
        with self._ledger.transaction() as db:
            db.execute(
                "UPDATE items SET intent = NULL, retries = retries + 1, due = ?, last_error = ?,"
                " raw = ?, value_gen = NULL WHERE key = ?",
                (due, error, raw, job.key),
            )

    def failed_dead(self, job: Job, count: int, due: float, error: str, raw: bytes, now: float) -> None:
        """One more failed retry of a dead letter."""
        with self._ledger.transaction() as db:
            remember_values(db, job.key)
            db.execute(
                "UPDATE items SET intent = NULL, retry_count = ?, last_attempt = ?, due = ?,"
                " last_error = ?, raw = ?, value_gen = NULL WHERE key = ?",
                (count, now, due, error, raw, job.key),
            )

    def mark_unknown(self, key: int, now: float, *, timed_out: bool) -> None:
        """The request got lost half-way: ask before it is sent again."""
        with self._ledger.transaction() as db:
            db.execute(
                "UPDATE items SET unknown = ?, timeouts = timeouts + ? WHERE key = ?",
                (now, int(timed_out), key),
            )

    def mark_absent(self, key: int) -> None:
        """The server was asked and does not have it."""
        with self._ledger.transaction() as db:
            db.execute("UPDATE items SET unknown = NULL WHERE key = ?", (key,))

    def record_attempt(
        self, key: int, at: float, kind: str, status: int | None, message: str, duration: float
    ) -> None:
        """Add to the history of an item, which is cut to the last fifty."""
        with self._ledger.transaction() as db:
            db.execute(
                "INSERT INTO attempts VALUES (?, ?, ?, ?, ?, ?)",
                (key, at, kind, status, message, duration),
            )
            db.execute(
                "DELETE FROM attempts WHERE item = ? AND at < (SELECT at FROM attempts"
                f" WHERE item = ? ORDER BY at DESC LIMIT 1 OFFSET {_HISTORY - 1})",
                (key, key),
            )

    def next_due(self) -> float | None:
        """When the next waiting item falls due; None when nothing waits."""
        with self._ledger.reading() as db:
            row = db.execute(
                "SELECT min(due) FROM (SELECT min(due) AS due FROM items WHERE state = 'pending'"
                " AND intent IS NULL UNION ALL SELECT min(due) FROM items WHERE state = 'dead'"
                " AND intent IS NULL)"
            ).fetchone()
        return None if row[0] is None else float(row[0])

    def limit_waits(self, now: float, retry_interval: float) -> None:
        """After the clock was set back nothing waits longer than one delay from now."""
        with self._ledger.transaction() as db:
            db.execute(
                "UPDATE items SET due = ? WHERE state = 'pending' AND due > ?",
                (now + retry_interval, now + max(retry_interval, items.BACKOFF_MAX)),
            )
            db.execute(
                "UPDATE items SET due = ? + min(30.0 * (1 << min(retry_count, 7)), 3600)"
                " WHERE state = 'dead' AND due > ? + min(30.0 * (1 << min(retry_count, 7)), 3600)",
                (now, now),
            )
