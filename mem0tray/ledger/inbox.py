"""Taking items into the ledger, and what users do to them: edit, discard, restore.

Every change is a transaction, part of the caller's where one is under way. Raises LedgerError.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from sqlite3 import Connection
from typing import Any, Final

from msgspec import Struct

from mem0tray.core import item as items
from mem0tray.core.due import dead_due
from mem0tray.core.item import Item, Name
from mem0tray.ledger.database import Ledger, decode, encode
from mem0tray.ledger.names import SQL
from mem0tray.ledger.rows import Row, row_from

_NOT_HELD: Final = "vanished = NULL, taken = NULL, held = NULL"
_RETRY_NOW: Final = {"last_attempt": 0}
_AT_ONCE: Final = 500  # ids in one query


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
        found: dict[str, list[Row]] = {}
        for start in range(0, len(ids), _AT_ONCE):
            some = [encode(each) for each in ids[start : start + _AT_ONCE]]
            marks = ", ".join("?" * len(some))
            sql = f"SELECT {SQL['row']} FROM items WHERE id IN ({marks}) ORDER BY key"
            for row in map(row_from, self._ledger.rows(sql, *some)):
                found.setdefault(row.item_id, []).append(row)
        return found

    def known(self, name: Name, *, edited: bool = False) -> Row | None:
        """Return the row of this id and content.

        `edited`: that in which another content took the place of this one, the id's first.
        """
        column = "first_digest" if edited else "digest"
        sql = f"SELECT {SQL['row']} FROM items WHERE id = ? AND {column} = ?"
        rows = self._ledger.rows(sql, encode(name[0]), name[1])
        return row_from(rows[0]) if rows else None

    def named(self, key: int) -> tuple[str, str]:
        sql = "SELECT project, id FROM items WHERE key = ?"
        ((project, item_id),) = self._ledger.rows(sql, key)
        return decode(project), decode(item_id)

    def attempted(self, key: int) -> tuple[bool, bool]:
        ((claimed, unknown),) = self._ledger.rows(SQL["attempted"], key)
        return bool(claimed), bool(unknown)

    def newest(self) -> int:
        return int(self._ledger.value("SELECT coalesce(max(key), 0) FROM items"))

    def came_since(self, newest: int) -> set[int]:
        """Find the items that came after `newest`; a new text for an old item is not one."""
        return {int(key) for (key,) in self._ledger.rows(SQL["came_since"], newest)}

    def fresh_entries(self) -> dict[int, FreshEntry]:
        return {key: FreshEntry(*rest) for key, *rest in self._ledger.rows(SQL["fresh_entries"])}

    def fresh_by(self, fingerprint: Callable[[bytes], bytes]) -> dict[bytes, int]:
        """Return the key of each fresh entry by its bytes' fingerprint."""
        with self._ledger.locked() as db:
            return {fingerprint(raw): key for key, raw in db.execute(SQL["fresh_texts"])}

    def add_fresh(self, item: Item, now: float, *, ask: bool, shown: bool = True) -> int:
        """Add a fresh entry, which waits; return its key. `shown`: it stands in the queue file."""
        unknown = now if ask else None
        return self._add(
            item, items.FRESH, item.raw, now, retries=item.retries, unknown=unknown, shown=shown
        )

    def add_dead(self, item: Item, raw: bytes, now: float, *, ask: bool, gen: int | None) -> int:
        """Add a dead letter; return its key. `gen`: the user's own generation that shows it."""
        body = None if gen is None else items.body(raw)
        found = (items.load_object(raw) or {}).get("last_error")
        error = found.encode("utf-8", "replace").decode() if isinstance(found, str) else None
        with self._ledger.transaction() as db:
            key = self._add(
                item, items.DEAD, raw, now,
                retry_count=item.retry_count,
                last_attempt=item.last_attempt,
                due=dead_due(item.last_attempt, item.retry_count, now),
                unknown=now if ask else None,
                moved=items.moved_to_dlq(raw, now),
                last_error=error,
                body=body,
            )  # fmt: skip
            if gen is not None:
                db.execute(SQL["show"], (gen, body, key))
        return key

    def _add(self, item: Item, state: str, raw: bytes, now: float, **fields: Any) -> int:
        fields |= {"project": encode(item.project), "ts": item.timestamp}
        with self._ledger.transaction() as db:
            key = _insert(db, item.name, state, now, fields)
            self._ledger.set_raw(key, raw)
        return key

    def add_unread(self, names: Iterable[Name], now: float) -> None:
        """Take in by id and digest alone what is not known: its text is gone."""
        with self._ledger.transaction() as db:
            for name in names:
                if self.known(name) is None:
                    _insert(db, name, items.FRESH, now, {"project": b"", "ts": now})

    def move_to_dlq(
        self, key: int, raw: bytes, now: float, due: float, error: str | None = None
    ) -> None:
        with self._ledger.transaction() as db:
            db.execute(SQL["move_to_dlq"], (now, due, error, key))
            self._ledger.set_raw(key, raw)

    def revive(self, row: Row, item: Item, now: float, *, dead: bool, gen: int | None) -> None:
        """Make an item wait again that was discarded, or that only another server has.

        Also an entry that another hand moved to the DLQ file. `gen`: as in `add_dead`.
        """
        state, due, more = items.FRESH, 0.0, "dead_seq = NULL"
        values: list[Any] = []
        if dead:
            state, due = items.DEAD, dead_due(item.last_attempt, item.retry_count, now)
            more = f"{_NOT_HELD}, moved = ?, dead_seq = {SQL['next_place']}"
            values = [items.moved_to_dlq(item.raw, now)]
        values = [
            state, encode(item.project), item.retries, item.retry_count, item.last_attempt, due,
            now, *values, row.key,
        ]  # fmt: skip
        with self._ledger.transaction() as db:
            db.execute(f"{SQL['revive']}, {more} WHERE key = ?", values)
            self._ledger.set_raw(row.key, item.raw)
            if gen is not None:
                db.execute(SQL["show"], (gen, items.body(item.raw), row.key))

    def note_not_shown(self, key: int) -> None:
        sql = "UPDATE items SET shown = 0 WHERE key = ? AND state = 'pending'"
        self._ledger.write(sql, key)

    # Discarding ---------------------------------------------------------------------

    def discard(self, keys: Iterable[int], now: float, reason: str) -> None:
        with self._ledger.transaction() as db:
            for key in keys:
                db.execute(SQL["discard"], (now, reason, key))
                db.execute(SQL["add_tombstone"], (key,))

    def discard_elsewhere(self, key: int, server: str, now: float, reason: str) -> bool:
        """Discard an item if it was delivered, but not to `server`; return whether it was."""
        return bool(self._ledger.write(SQL["discard_elsewhere"], now, reason, key, server))

    def remove(self, name: Name, server: str, now: float) -> None:
        """Discard a memory that `server` is about to delete: whether it has it is unknown now.

        Its id is used up, as servers remember keys: no file brings it back, and it is restored
        under the next id.
        """
        row = self.known(name)
        if row is not None:
            with self._ledger.transaction() as db:
                db.execute(SQL["remove"], (now, items.REMOVED, row.key, items.FORGOTTEN))
                db.execute(SQL["doubt_delivery"], (row.key, server))

    def may_be_back(self, name: Name) -> bool:
        """Return whether a server was to delete this text, which is to be sent once more."""
        is_again = items.id_before(name[0]) != ""
        return is_again and bool(self._ledger.value(SQL["text_removed"], name[1]))

    def keep(self, row: Row, server: str) -> None:
        """Undo `remove`, as the server has not deleted the memory."""
        with self._ledger.transaction() as db:
            found = db.execute(SQL["trust_delivery"], (row.key, server)).fetchone()
            if found is not None:
                change = "UPDATE items SET state = 'delivered', closed = ?, reason = NULL"
                db.execute(f"{change} WHERE key = ?", (found[0], row.key))
                return
            # What was not known before is not known again; else a command had deleted it.
            db.execute("DELETE FROM items WHERE key = ? AND accepted = closed", (row.key,))
            db.execute("UPDATE items SET reason = ? WHERE key = ?", (items.DELETED, row.key))

    def tombstones(self) -> dict[Name, int]:
        """Find what was discarded or edited away while the queue file may still show it."""
        rows = self._ledger.rows("SELECT id, digest, item FROM tombstones")
        return {(decode(name), digest): key for name, digest, key in rows}

    def clear_tombstones(self, names: Iterable[Name]) -> None:
        for name, digest in names:
            sql = "DELETE FROM tombstones WHERE id = ? AND digest = ?"
            self._ledger.write(sql, encode(name), digest)

    def erase(self, keys: Iterable[int]) -> None:
        with self._ledger.transaction(durable=True) as db:
            db.execute("PRAGMA secure_delete = ON")
            for key in keys:
                if db.execute(SQL["erase"], (key,)).rowcount:
                    db.execute("DELETE FROM texts WHERE key = ?", (key,))
                # That it was sent stays known; what the server answered may quote the text.
                db.execute("UPDATE attempts SET message = '', request = '' WHERE item = ?", (key,))

    def expire(self, before: float) -> int:
        with self._ledger.transaction() as db:
            gone = db.execute(SQL["expire"], (before,)).fetchall()
            db.executemany("UPDATE items SET last_error = NULL WHERE key = ?", gone)
        return len(gone)

    def change_content(self, row: Row, item: Item, now: float) -> int:
        """Replace project or content of a dead letter; return the edit's key.

        It is the same item with a new hash. But where a server has the old content, or may have it,
        the old row stays (discarded unless it arrives) and the edit gets a row of its own: what is
        known of that text is not known of the new one.
        """
        with self._ledger.transaction() as db:
            there = self.known(item.name)
            *place, was_sent = db.execute(SQL["place"], (*_waiting(item, now), row.key)).fetchone()
            if there is not None or was_sent:
                self.discard([row.key], now, items.EDITED)
                if there is not None:
                    return there.key
                key = self.add_dead(item, item.raw, now, ask=False, gen=None)
                db.execute(
                    "UPDATE items SET dead_seq = ?, accepted = ?, due = ? WHERE key = ?",
                    (*place, key),
                )
                db.execute(SQL["copy_showings"], (key, row.key))
                db.execute(SQL["copy_attempts"], (key, row.key))
                return key
            db.execute(SQL["add_tombstone"], (row.key,))
            values = (item.digest, encode(item.project), item.timestamp, row.key)
            db.execute(SQL["change_content"], values)
        return row.key

    def change_values(self, key: int, item: Item, now: float) -> None:
        with self._ledger.transaction() as db:
            if db.execute(SQL["change_values"], (*_waiting(item, now), key)).rowcount:
                self._ledger.set_raw(key, item.raw)

    def make_due(self, key: int, now: float) -> None:
        with self._ledger.transaction():
            item = items.parse(items.with_fields(self._ledger.raw(key), _RETRY_NOW))
            if item is not None:
                self.change_values(key, item, now)

    # Claude Code's notes: known by path and mark, which changes whenever the file does ---

    def note_marks(self) -> dict[str, str]:
        rows = self._ledger.rows("SELECT path, mark FROM notes")
        return {decode(path): mark for path, mark in rows}

    def mark_note(self, path: str, mark: str) -> None:
        """Note that nothing of this note is left to take in; of a folder the project it had."""
        self._ledger.write("INSERT OR REPLACE INTO notes VALUES (?, ?)", encode(path), mark)

    def add_note_text(self, name: Name) -> bool:
        """Note that a text is queued; return whether its digest, and its id, are new."""
        with self._ledger.transaction() as db:
            known = db.execute(SQL["has_note"], (encode(name[0]), name[1])).fetchone()[0]
            db.execute("INSERT OR IGNORE INTO note_texts VALUES (?)", (name[1],))
        return not known


def _insert(db: Connection, name: Name, state: str, now: float, fields: Mapping[str, Any]) -> int:
    item_id, digest = encode(name[0]), name[1]
    values = {"id": item_id, "digest": digest, "state": state, "accepted": now, **fields}
    place = SQL["next_place"] if state == items.DEAD else "NULL"
    sql = (
        f"INSERT INTO items ({', '.join(values)}, dead_seq, first_digest)"
        f" VALUES ({', '.join('?' * len(values))}, {place}, {SQL['first_digest']})"
    )
    return int(db.execute(sql, (*values.values(), item_id)).lastrowid or 0)


def _waiting(item: Item, now: float) -> tuple[int, float, float]:
    due = dead_due(item.last_attempt, item.retry_count, now)
    return item.retry_count, item.last_attempt, due
