"""Taking items into the ledger, and what users do to them: edit, discard, restore."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from sqlite3 import Connection
from typing import Any, Final

from msgspec import Struct

from mem0tray.core import item as items
from mem0tray.core.due import dead_due
from mem0tray.core.item import Item, Name
from mem0tray.ledger.database import Ledger, decode, encode
from mem0tray.ledger.rows import COLUMNS, SET_ASIDE, UNKNOWN, Row, read_raw, row_from, write_raw

_FIRST_DIGEST: Final = "(SELECT coalesce(first_digest, digest) FROM items WHERE id = ? LIMIT 1)"
_NEXT_PLACE: Final = "(SELECT coalesce(max(dead_seq), 0) + 1 FROM items WHERE state = 'dead')"
_TOMBSTONE: Final = (
    "INSERT OR REPLACE INTO tombstones SELECT id, digest, key FROM items WHERE key = ?"
)
_DISCARD_ELSEWHERE: Final = (
    "UPDATE items SET state = 'discarded', closed = ?, reason = ? WHERE key = ?"
    " AND state = 'delivered' AND NOT EXISTS (SELECT 1 FROM outcomes JOIN servers"
    " ON servers.key = server WHERE item = items.key AND name = ? AND has)"
)
_SHOW: Final = (
    "INSERT INTO showings SELECT key, ?, NULL, retry_count, last_attempt, ?, 0 FROM items"
    " WHERE key = ?"
)
_COPY_SHOWINGS: Final = (
    "INSERT INTO showings SELECT ?, first_gen, last_gen, retry_count, last_attempt, body, saved"
    " FROM showings WHERE item = ? ORDER BY rowid"
)
_COPY_ATTEMPTS: Final = (
    "INSERT INTO attempts SELECT ?, at, class, status, message, duration, request FROM attempts"
    " WHERE item = ? ORDER BY rowid"
)
# When a dead letter is due that has ?1 retries and ?2 as its last attempt in the file: at ?3. Where
# neither has changed, its wait has not, which the server may have made longer.
_EDITED_DUE: Final = (
    f"iif(?2 > 0 AND (retry_count, last_attempt) = (?1, ?2) AND NOT {SET_ASIDE}, due, ?3)"
)
_PLACE: Final = (
    f"SELECT dead_seq, accepted, {_EDITED_DUE}, claimed IS NOT NULL OR unknown IS NOT NULL"
    " OR EXISTS (SELECT 1 FROM outcomes WHERE item = items.key) FROM items WHERE key = ?4"
)
# What a new ledger found in a file is asked about from its intake on: no attempt is known.
_ATTEMPTED: Final = (
    "SELECT claimed IS NOT NULL, sent IS NOT NULL AND sent IS NOT accepted"
    f" FROM (SELECT claimed, accepted, {UNKNOWN} AS sent FROM items WHERE key = ?)"
)
_RETRY_NOW: Final = {"last_attempt": 0}
_AT_ONCE: Final = 500  # ids in one query
_FRESH_ENTRIES: Final = (
    "SELECT key, retries, taken, vanished FROM items WHERE state = 'pending' ORDER BY key"
)


@cache
def _insertion(columns: tuple[str, ...], place: str) -> str:
    """The statement for an item with these columns, their values and its id last."""
    names = ", ".join([*columns, "dead_seq", "first_digest"])
    given = ", ".join([*("?" * len(columns)), place, _FIRST_DIGEST])
    return f"INSERT INTO items ({names}) VALUES ({given})"


def _insert_row(
    db: Connection, name: Name, state: str, now: float, fields: Mapping[str, Any], place: str
) -> int:
    """Insert an item, without its bytes; its key."""
    item_id, digest = encode(name[0]), name[1]
    values = {"id": item_id, "digest": digest, "state": state, "accepted": now, **fields}
    cursor = db.execute(_insertion((*values,), place), (*values.values(), item_id))
    return int(cursor.lastrowid or 0)


def _waiting(item: Item, now: float) -> tuple[int, float, float]:
    """Give count, last attempt and due time of a dead letter, as it stands in the file."""
    due = dead_due(item.last_attempt, item.retry_count, now)
    return item.retry_count, item.last_attempt, due


class FreshEntry(Struct, frozen=True):
    """A fresh entry, for the queue file; see `ledger.foreign_claims` for the times."""

    retries: int
    taken: float | None
    vanished: float | None


class Inbox:
    """Puts items into the ledger: what was read, edited, discarded, restored."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def by_ids(self, ids: Sequence[str]) -> dict[str, list[Row]]:
        """Every content known under each of these ids, the first one first; without bytes."""
        found: dict[str, list[Row]] = {}
        with self._ledger.locked() as db:
            for start in range(0, len(ids), _AT_ONCE):
                some = ids[start : start + _AT_ONCE]
                marks = ", ".join("?" * len(some))
                rows = db.execute(
                    f"SELECT {COLUMNS} FROM items WHERE id IN ({marks}) ORDER BY key",
                    [encode(each) for each in some],
                )
                for row in map(row_from, rows):
                    found.setdefault(row.item_id, []).append(row)
        return found

    def known(self, name: Name, *, edited: bool = False) -> Row | None:
        """The row of exactly this id and content; without bytes.

        `edited`: the row in which another content took the place of this one, the id's first.
        """
        column = "first_digest" if edited else "digest"
        with self._ledger.locked() as db:
            row = db.execute(
                f"SELECT {COLUMNS} FROM items WHERE id = ? AND {column} = ?",
                (encode(name[0]), name[1]),
            ).fetchone()
        return row_from(row) if row else None

    def attempted(self, key: int) -> tuple[bool, bool]:
        """Whether a request with an item is under way; whether a server may have it from before."""
        with self._ledger.locked() as db:
            claimed, unknown = db.execute(_ATTEMPTED, (key,)).fetchone()
        return bool(claimed), bool(unknown)

    def newest(self) -> int:
        """The key of the item that came last, in whatever way; 0 for none."""
        with self._ledger.locked() as db:
            return int(db.execute("SELECT coalesce(max(key), 0) FROM items").fetchone()[0])

    def came_since(self, newest: int) -> set[int]:
        """The keys of items that came after `newest`; a new text for an old item is not one."""
        sql = (
            "SELECT key FROM items WHERE key > ?1 AND NOT EXISTS"
            " (SELECT 1 FROM items AS former WHERE former.id = items.id AND former.key <= ?1)"
        )
        with self._ledger.locked() as db:
            return {int(key) for (key,) in db.execute(sql, (newest,))}

    def states(self, names: Iterable[Name]) -> dict[int, str]:
        """The state of each known item among these ids and digests, by its key."""
        with self._ledger.locked() as db:
            return {
                key: state
                for name, digest in names
                for key, state in db.execute(
                    "SELECT key, state FROM items WHERE id = ? AND digest = ?",
                    (encode(name), digest),
                )
            }

    def drop_from_queue(self, name: Name) -> bool:
        """Note that something in the queue file that is no item is to go; whether that is news."""
        with self._ledger.transaction() as db:
            sql = "INSERT OR IGNORE INTO tombstones VALUES (?, ?, 0)"
            return bool(db.execute(sql, (encode(name[0]), name[1])).rowcount)

    def named(self, key: int) -> tuple[str, str]:
        """The project and the id of an item."""
        with self._ledger.locked() as db:
            found = db.execute("SELECT project, id FROM items WHERE key = ?", (key,)).fetchone()
        return decode(found[0]), decode(found[1])

    def add_fresh(self, item: Item, now: float, *, ask: bool, shown: bool = True) -> int:
        """Add a fresh entry, which waits; return its key. `shown`: it stands in the queue file."""
        fields = {
            "retries": item.retries,
            "unknown": now if ask else None,
            "shown": int(shown),
        }
        return self._insert(item, "pending", now, fields, raw=item.raw)

    def add_dead(self, item: Item, raw: bytes, now: float, *, ask: bool, gen: int | None) -> int:
        """Add a dead letter with the counters of `item`; return its key.

        `gen`: the user's own generation that shows it.
        """
        fields = {
            "retry_count": item.retry_count,
            "last_attempt": item.last_attempt,
            "due": dead_due(item.last_attempt, item.retry_count, now),
            "unknown": now if ask else None,
            "moved": items.moved_to_dlq(raw, now),
            "body": None if gen is None else items.body(raw),
        }
        with self._ledger.transaction() as db:
            key = self._insert(item, "dead", now, fields, raw=raw, place=_NEXT_PLACE)
            if gen is not None:
                db.execute(_SHOW, (gen, fields["body"], key))
        return key

    def _insert(
        self,
        item: Item,
        state: str,
        now: float,
        fields: Mapping[str, Any],
        *,
        raw: bytes,
        place: str = "NULL",
    ) -> int:
        fields = {"project": encode(item.project), "ts": item.timestamp, **fields}
        with self._ledger.transaction() as db:
            key = _insert_row(db, item.name, state, now, fields, place)
            write_raw(db, key, raw)
        return key

    def add_unread(self, names: Iterable[Name], now: float) -> list[int]:
        """Take in by id and digest alone what is not known: its text is gone. Return the keys."""
        fields = {"project": encode(""), "ts": now}
        with self._ledger.transaction() as db:
            return [
                _insert_row(db, name, items.FRESH, now, fields, "NULL")
                for name in names
                if not self.states([name])
            ]

    def move_to_dlq(
        self,
        key: int,
        raw: bytes,
        now: float,
        due: float,
        error: str | None = None,
    ) -> None:
        """Make a fresh entry a dead letter: retry_count 0, last attempt now."""
        with self._ledger.transaction() as db:
            db.execute(
                "UPDATE items SET state = 'dead', retry_count = 0, last_attempt = ?, body = NULL,"
                f" moved = ?, due = ?, dead_seq = {_NEXT_PLACE}, claimed = NULL,"
                " taken = NULL, held = NULL, last_error = coalesce(?, last_error) WHERE key = ?",
                (now, now, due, error, key),
            )
            write_raw(db, key, raw)

    def revive(self, row: Row, item: Item, now: float, *, dead: bool, gen: int | None) -> None:
        """Have an item wait again that was discarded, or that only another server has.

        A waiting entry that another hand moved to the DLQ file becomes a dead letter by this.
        `gen`: the user's own generation that shows it.
        """
        due = dead_due(item.last_attempt, item.retry_count, now) if dead else 0.0
        with self._ledger.transaction() as db:
            db.execute(
                "UPDATE items SET state = ?, project = ?, retries = ?, retry_count = ?,"
                " last_attempt = ?, due = ?, body = NULL, closed = NULL, reason = NULL,"
                f" revived = ?, dead_seq = {_NEXT_PLACE if dead else 'NULL'},"
                f" {'vanished = NULL, taken = NULL, held = NULL,' if dead else ''}"
                " moved = iif(?, ?, moved) WHERE key = ?",
                (
                    "dead" if dead else "pending", encode(item.project), item.retries,
                    item.retry_count, item.last_attempt, due, now,
                    dead, items.moved_to_dlq(item.raw, now), row.key,
                ),
            )  # fmt: skip
            write_raw(db, row.key, item.raw)
            if gen is not None:
                db.execute(_SHOW, (gen, items.body(item.raw), row.key))

    def note_not_shown(self, key: int) -> None:
        """Note that the queue file has still to show a fresh entry."""
        with self._ledger.transaction() as db:
            db.execute("UPDATE items SET shown = 0 WHERE key = ? AND state = 'pending'", (key,))

    def discard(self, keys: Iterable[int], now: float, reason: str) -> None:
        """Discard items; all items of one deletion get the same time."""
        with self._ledger.transaction() as db:
            for key in keys:
                db.execute(
                    "UPDATE items SET state = 'discarded', closed = ?, reason = ?"
                    " WHERE key = ? AND state IN ('pending', 'dead')",
                    (now, reason, key),
                )
                db.execute(_TOMBSTONE, (key,))

    def discard_elsewhere(
        self, keys: Iterable[int], server: str, now: float, reason: str
    ) -> frozenset[int]:
        """Discard what only servers other than `server` have; return the keys of that."""
        with self._ledger.transaction() as db:
            values = ((now, reason, key, server) for key in keys)
            done = (each[2] for each in values if db.execute(_DISCARD_ELSEWHERE, each).rowcount)
            return frozenset(done)

    def tombstones(self) -> dict[Name, int]:
        """What was discarded or edited away while the queue file may still show it, with its key.

        Such an entry in that file is not a new one.
        """
        with self._ledger.locked() as db:
            rows = db.execute("SELECT id, digest, item FROM tombstones")
            return {(decode(name), digest): key for name, digest, key in rows}

    def clear_tombstones(self, names: Iterable[Name]) -> None:
        """Forget tombstones, as the queue file is published: what it shows from now on is new."""
        pairs = [(encode(name), digest) for name, digest in names]
        if pairs:
            with self._ledger.transaction() as db:
                db.executemany("DELETE FROM tombstones WHERE id = ? AND digest = ?", pairs)

    def fresh_entries(self) -> dict[int, FreshEntry]:
        """Every fresh entry by its key, in the order of intake."""
        with self._ledger.locked() as db:
            return {key: FreshEntry(*rest) for key, *rest in db.execute(_FRESH_ENTRIES)}

    def change_content(self, row: Row, item: Item, now: float) -> int:
        """Give a dead letter the project or content that the user wrote; return the edit's key.

        It is the same item with a new hash. But while a request with the old content is under
        way, the old row stays (discarded unless it arrives) and the edit gets a row of its own. So
        it is where a server has or may have the old content: what is known of that text is not
        known of the new one.
        """
        with self._ledger.transaction() as db:
            there = self.known(item.name)
            *place, was_sent = db.execute(_PLACE, (*_waiting(item, now), row.key)).fetchone()
            if there is not None or was_sent:
                self.discard([row.key], now, items.EDITED)
                if there is not None:
                    return there.key
                key = self.add_dead(item, item.raw, now, ask=False, gen=None)
                db.execute(
                    "UPDATE items SET dead_seq = ?, accepted = ?, due = ? WHERE key = ?",
                    (*place, key),
                )
                db.execute(_COPY_SHOWINGS, (key, row.key))
                db.execute(_COPY_ATTEMPTS, (key, row.key))
                return key
            db.execute(_TOMBSTONE, (row.key,))
            db.execute(
                "UPDATE items SET first_digest = coalesce(first_digest, digest), digest = ?,"
                " project = ?, ts = ?, timeouts = 0 WHERE key = ?",
                (item.digest, encode(item.project), item.timestamp, row.key),
            )
        return row.key

    def change_values(self, key: int, item: Item, now: float) -> None:
        """Give a dead letter the counters, times or further fields that the user wrote."""
        with self._ledger.transaction() as db:
            changed = db.execute(
                f"UPDATE items SET retry_count = ?1, last_attempt = ?2, due = {_EDITED_DUE},"
                " body = NULL WHERE key = ?4 AND state = 'dead'",
                (*_waiting(item, now), key),
            )
            if changed.rowcount:
                write_raw(db, key, item.raw)

    def make_due(self, key: int, now: float) -> None:
        """Have a dead letter retried now, as by a `last_attempt` of 0 in the file."""
        with self._ledger.transaction() as db:
            item = items.parse(items.with_fields(read_raw(db, key), _RETRY_NOW))
            if item is not None:
                self.change_values(key, item, now)

    def erase(self, keys: Iterable[int]) -> None:
        """Forget the text of discarded items for good (`delete --forget`)."""
        with self._ledger.transaction(durable=True) as db:
            db.execute("PRAGMA secure_delete = ON")
            for key in keys:
                erased = db.execute(
                    "UPDATE items SET last_error = NULL, state = 'discarded',"
                    " reason = 'forgotten' WHERE key = ? AND state != 'delivered'",
                    (key,),
                )
                if erased.rowcount:
                    db.execute("DELETE FROM texts WHERE key = ?", (key,))
                # That it was sent stays known; what the server answered may quote the text.
                db.execute("UPDATE attempts SET message = '', request = '' WHERE item = ?", (key,))

    def expire(self, before: float) -> int:
        """Erase what was discarded before that time; return how many items."""
        with self._ledger.transaction() as db:
            gone = db.execute(
                "DELETE FROM texts WHERE key IN"
                " (SELECT key FROM items WHERE state = 'discarded' AND closed < ?) RETURNING key",
                (before,),
            ).fetchall()
            db.executemany("UPDATE items SET last_error = NULL WHERE key = ?", gone)
        return len(gone)


_NOTE: Final = "INSERT OR REPLACE INTO notes VALUES (?, ?)"
_NOTE_TEXT: Final = "INSERT OR IGNORE INTO note_texts VALUES (?)"
_IS_KNOWN: Final = (
    "SELECT EXISTS (SELECT 1 FROM items WHERE id = ?)"
    " OR EXISTS (SELECT 1 FROM note_texts WHERE digest = ?)"
)


class NoteRecords:
    """Remembers the notes that were taken in, or hold nothing to be taken in."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def marks(self) -> dict[str, str]:
        """The mark of each note by its path, when it was last looked at. Raises LedgerError."""
        with self._ledger.locked() as db:
            rows = db.execute("SELECT path, mark FROM notes")
            return {decode(path): mark for path, mark in rows}

    def note(self, path: str, mark: str) -> None:
        """Note that nothing of this note is left to take in. Raises LedgerError."""
        with self._ledger.transaction() as db:
            db.execute(_NOTE, (encode(path), mark))

    def add_text(self, name: Name) -> bool:
        """Note that a text is queued; return whether that is new. Raises LedgerError.

        The id, of the note's path and text alone, tells also where its project was another.
        """
        with self._ledger.transaction() as db:
            known = db.execute(_IS_KNOWN, (encode(name[0]), name[1])).fetchone()[0]
            db.execute(_NOTE_TEXT, (name[1],))
        return not known
