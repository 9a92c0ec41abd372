"""Taking items into the ledger, and what users do to them: edit, discard, restore."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from mem0tray.core import item as items
from mem0tray.core.item import Item
from mem0tray.core.large import LARGE
from mem0tray.ledger.database import Ledger, encode, lingering_name
from mem0tray.ledger.generations import remember_values
from mem0tray.ledger.rows import SLIM_COLUMNS, SLIM_RAW, Row, read_raw, row_from, write_raw

# Of the first content under this id, else of this one.
_FIRST_DIGEST: Final = "coalesce((SELECT first_digest FROM items WHERE id = ? LIMIT 1), ?)"
_NEXT_PLACE: Final = "(SELECT coalesce(max(dead_seq), 0) + 1 FROM items WHERE state = 'dead')"
_LINGER: Final = (
    "INSERT OR REPLACE INTO meta SELECT 'lingers ' || lower(hex(id)) || ' ' || lower(hex(digest)),"
    " key FROM items WHERE key = ?"
)
_LINGERING: Final = "SELECT name FROM meta WHERE name >= 'lingers ' AND name < 'lingers!'"
_AT_ONCE: Final = 500  # ids in a question


class Inbox:
    """The way in."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def by_ids(self, ids: Sequence[str]) -> dict[str, list[Row]]:
        """Every content known under each of these ids, the first one first; no large bytes."""
        found: dict[str, list[Row]] = {}
        with self._ledger.reading() as db:
            for start in range(0, len(ids), _AT_ONCE):
                some = ids[start : start + _AT_ONCE]
                marks = ", ".join("?" * len(some))
                rows = db.execute(
                    f"SELECT {SLIM_COLUMNS} FROM items WHERE id IN ({marks}) ORDER BY key",
                    [encode(each) for each in some],
                )
                for row in map(row_from, rows):
                    found.setdefault(row.item_id, []).append(row)
        return found

    def known(self, item: Item) -> Row | None:
        """The row of exactly this id and content; no large bytes."""
        with self._ledger.reading() as db:
            row = db.execute(
                f"SELECT {SLIM_COLUMNS} FROM items WHERE id = ? AND digest = ?",
                (encode(item.id), item.digest),
            ).fetchone()
        return row_from(row) if row else None

    def add_fresh(self, item: Item, now: float, *, ask: bool, shown: bool = True) -> int:
        """A new entry that waits for its first delivery; its key. `shown`: in the queue file."""
        fields = {
            "retries": item.retries,
            "unknown": now if ask else None,
            "shown": int(shown),
        }
        return self._insert(item, "pending", now, fields)

    def add_dead(self, item: Item, raw: bytes, now: float, *, ask: bool, gen: int | None) -> int:
        """A new dead letter with the counters of `item`; its key."""
        fields = {
            "retry_count": item.retry_count,
            "last_attempt": item.last_attempt,
            "due": items.dead_due(item.last_attempt, item.retry_count, now),
            "unknown": now if ask else None,
            "moved": now,
            "first_gen": gen,
            "value_gen": gen,
            "raw": raw,
        }
        return self._insert(item, "dead", now, fields, _NEXT_PLACE)

    def _insert(
        self, item: Item, state: str, now: float, fields: Mapping[str, Any], place: str = "NULL"
    ) -> int:
        values: dict[str, Any] = {
            "id": encode(item.id),
            "digest": item.digest,
            "project": encode(item.project),
            "ts": item.timestamp,
            "raw": item.raw,
            "state": state,
            "accepted": now,
            **fields,
        }
        raw = values["raw"]
        if len(raw) >= LARGE:
            values["raw"] = None
        names = ", ".join([*values, "dead_seq", "first_digest"])
        given = ", ".join([*("?" * len(values)), place, _FIRST_DIGEST])
        with self._ledger.transaction() as db:
            cursor = db.execute(
                f"INSERT INTO items ({names}) VALUES ({given})",
                (*values.values(), values["id"], item.digest),
            )
            key = int(cursor.lastrowid or 0)
            if values["raw"] is None:
                write_raw(db, key, [raw])
        return key

    def bury(self, key: int, parts: Sequence[bytes], now: float, error: str | None = None) -> None:
        """A fresh entry becomes a dead letter: retry_count 0, last attempt now."""
        with self._ledger.transaction() as db:
            db.execute(
                "UPDATE items SET state = 'dead', raw = NULL, retry_count = 0, last_attempt = ?,"
                f" moved = ?, due = ?, dead_seq = {_NEXT_PLACE}, intent = NULL,"
                " unknown = CASE WHEN taken IS NULL THEN NULL ELSE unknown END,"
                " taken = NULL, held = NULL, first_gen = NULL, value_gen = NULL,"
                " last_error = coalesce(?, last_error) WHERE key = ?",
                (now, now, now + items.backoff(0), error, key),
            )
            write_raw(db, key, parts)

    def revive(self, row: Row, item: Item, now: float, *, dead: bool, gen: int | None) -> None:
        """An item that was discarded, or that only another server has, waits again.

        A waiting entry that another hand moved to the DLQ file becomes a dead letter so.
        """
        due = items.dead_due(item.last_attempt, item.retry_count, now) if dead else 0.0
        with self._ledger.transaction() as db:
            db.execute(
                "UPDATE items SET state = ?, project = ?, retries = ?, retry_count = ?,"
                " last_attempt = ?, due = ?, closed = NULL, server = NULL, reason = NULL,"
                f" gone_gen = NULL, revived = ?, dead_seq = {_NEXT_PLACE if dead else 'NULL'},"
                f" {'vanished = NULL, taken = NULL, held = NULL,' if dead else ''}"
                " first_gen = ?, value_gen = ?, moved = iif(?, ?, moved)"
                " WHERE key = ?",
                (
                    "dead" if dead else "pending", encode(item.project), item.retries,
                    item.retry_count, item.last_attempt, due, now, gen, gen, dead, now, row.key,
                ),
            )  # fmt: skip
            write_raw(db, row.key, [item.raw])

    def put_back(self, names: Iterable[tuple[str, bytes]], at: float) -> None:
        """These ids and digests were deleted and put back by `at`, unseen by the ledger."""
        with self._ledger.transaction(durable=True) as db:
            db.executemany(
                "UPDATE items SET revived = max(coalesce(revived, 0), ?)"
                " WHERE id = ? AND digest = ?",
                [(at, encode(name), digest) for name, digest in names],
            )

    def discard(self, keys: Iterable[int], now: float, reason: str, gen: int | None = None) -> None:
        """Set items aside, restorable, with one time for all of one deletion."""
        with self._ledger.transaction() as db:
            for key in keys:
                db.execute(
                    "UPDATE items SET state = 'discarded', closed = ?, reason = ?, gone_gen = ?"
                    " WHERE key = ? AND state IN ('pending', 'dead')",
                    (now, reason, gen, key),
                )
                db.execute(_LINGER, (key,))

    def lingering(self, item: Item) -> int | None:
        """The key of what was discarded, or edited away, since the queue file was published.

        That file may still show it, and means nothing by it.
        """
        return self._ledger.meta(lingering_name(item.id, item.digest))  # type: ignore[no-any-return]

    def waiting_raws(self, keys: Sequence[int]) -> dict[int, bytes]:
        """The bytes of those of these entries that wait, by key."""
        found: dict[int, bytes] = {}
        with self._ledger.reading() as db:
            for start in range(0, len(keys), _AT_ONCE):
                some = keys[start : start + _AT_ONCE]
                marks = ", ".join("?" * len(some))
                rows = db.execute(
                    f"SELECT key, {SLIM_RAW} FROM items"
                    f" WHERE state = 'pending' AND key IN ({marks})",
                    list(some),
                ).fetchall()
                for key, raw in rows:
                    found[key] = read_raw(db, key) if raw is None else raw
        return found

    def all_lingering(self) -> list[str]:
        """The names of all of that."""
        with self._ledger.reading() as db:
            return [name for (name,) in db.execute(_LINGERING)]

    def settle_lingering(self, names: Sequence[str]) -> None:
        """The queue file was published: what it shows from now on was put there since."""
        if not names:
            return
        with self._ledger.transaction() as db:
            db.executemany("DELETE FROM meta WHERE name = ?", ((name,) for name in names))

    def change_content(self, row: Row, item: Item, now: float, gen: int) -> None:
        """The user changed project or content of a dead letter: the same item, a new hash.

        While a request with the old content is under way, that one keeps its
        row (and stays discarded unless it arrives) and the edit gets its own.
        """
        with self._ledger.transaction() as db:
            place = db.execute("SELECT dead_seq FROM items WHERE key = ?", (row.key,)).fetchone()[0]
            if row.intent is not None or self.known(item) is not None:
                self.discard([row.key], now, items.EDITED, gen)
                if self.known(item) is None:
                    key = self.add_dead(item, item.raw, now, ask=False, gen=None)
                    db.execute(
                        "UPDATE items SET dead_seq = ?, first_gen = ? WHERE key = ?",
                        (place, row.first_gen, key),
                    )
                return
            remember_values(db, row.key, items.body(row.raw or b""))
            db.execute(_LINGER, (row.key,))
            db.execute(
                "UPDATE items SET digest = ?, project = ?, ts = ?, unknown = NULL, timeouts = 0"
                " WHERE key = ?",
                (item.digest, encode(item.project), item.timestamp, row.key),
            )

    def change_values(self, key: int, item: Item, old: bytes | None, now: float) -> None:
        """The user's own counters, times or further fields win; `old` was its raw before."""
        with self._ledger.transaction() as db:
            remember_values(db, key, items.body(old) if old else None)
            changed = db.execute(
                "UPDATE items SET raw = NULL, retry_count = ?, last_attempt = ?, due = ?,"
                " value_gen = NULL WHERE key = ? AND state = 'dead'",
                (
                    item.retry_count, item.last_attempt,
                    items.dead_due(item.last_attempt, item.retry_count, now), key,
                ),
            )  # fmt: skip
            if changed.rowcount:
                write_raw(db, key, [item.raw])

    def ask_about_everything(self, now: float) -> None:
        """Nobody knows what was sent: what waits is asked about before it is sent again."""
        with self._ledger.transaction() as db:
            db.execute("UPDATE items SET unknown = ? WHERE state IN ('pending', 'dead')", (now,))

    def forget_requests_under_way(self, now: float, wait: float) -> int:
        """After a start: an intent without an outcome is an unknown outcome.

        The server may be at work on it still, and would say that it has nothing:
        as after every failure it is asked `wait` seconds after the request at the soonest.
        """
        with self._ledger.transaction() as db:
            return db.execute(
                "UPDATE items SET unknown = intent, due = max(due, min(intent, ?) + ?),"
                " intent = NULL WHERE intent IS NOT NULL",
                (now, wait),
            ).rowcount

    def erase(self, keys: Iterable[int]) -> None:
        """Forget the text of discarded items for good (`delete --forget`)."""
        with self._ledger.transaction(durable=True) as db:
            db.execute("PRAGMA secure_delete = ON")
            for key in keys:
                db.execute(
                    "UPDATE items SET raw = NULL, last_error = NULL, state = 'discarded',"
                    " reason = 'forgotten' WHERE key = ? AND state != 'delivered'",
                    (key,),
                )
                db.execute("DELETE FROM attempts WHERE item = ?", (key,))

    def expire(self, before: float) -> int:
        """Erase what was discarded before that time; how many."""
        with self._ledger.transaction() as db:
            return db.execute(
                "UPDATE items SET raw = NULL, last_error = NULL WHERE state = 'discarded'"
                " AND closed < ? AND raw IS NOT NULL",
                (before,),
            ).rowcount
