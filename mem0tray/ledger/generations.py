"""What was published: generations of the DLQ file, and what each of them showed.

To understand a hand edit one must know what its editor can have seen.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from mem0tray.core import item as items
from mem0tray.core.item import Item
from mem0tray.ledger.database import Ledger
from mem0tray.ledger.names import SQL
from mem0tray.ledger.rows import Row, row_from

_KEPT_SHOWINGS: Final = 64  # of an item; an older value only brings one retry forward
_KEPT_GENERATIONS: Final = 50_000
_LATEST: Final = "SELECT coalesce(max(gen), 0) FROM generations"
_PUBLISHED: Final = f"{_LATEST} WHERE published"
_IS_COPY: Final = "SELECT 1 FROM generations WHERE name = ? AND sha = ?"
_CLOSE_ONE: Final = "UPDATE showings SET last_gen = ? WHERE last_gen IS NULL AND item = ?"
_NO_BODY: Final = "SELECT key FROM items WHERE state = 'dead' AND body IS NULL"
_CROWDED: Final = "SELECT item FROM showings GROUP BY item HAVING count(*) > ?"


@dataclass(frozen=True, slots=True)
class Showing:
    """Generations `first` to `last` showed an item alike; `last` is None while the newest does.

    `body` is a hash of the user's part of it, None where that is no longer known. `saved`: a
    user saved the item so under that generation's name, which itself showed something else.
    """

    first: int
    last: int | None
    retry_count: int
    last_attempt: float
    body: bytes | None = None
    saved: bool = False

    def covers(self, gen: int) -> bool:
        return self.first <= gen and (self.last is None or gen <= self.last)


@dataclass(frozen=True, slots=True)
class Shown:
    """Everything that the DLQ file has shown of an item."""

    showings: Sequence[Showing]

    def stood_in(self, gen: int) -> bool:
        return any(each.covers(gen) for each in self._ours())

    def first(self) -> int | None:
        return min((each.first for each in self.showings), default=None)

    def last(self, current: int) -> int | None:
        ends = (current if each.last is None else each.last for each in self._ours())
        return max(ends, default=None)

    def had_count(self, retry_count: int) -> bool:
        return any(each.retry_count == retry_count for each in self.showings)

    def had_time(self, last_attempt: float) -> bool:
        return any(each.last_attempt == last_attempt for each in self.showings)

    def had_body(self, body: bytes) -> bool:
        return any(each.body == body for each in self.showings)

    def with_values(self, retry_count: int, last_attempt: float) -> list[Showing]:
        value = (retry_count, last_attempt)
        return [each for each in self.showings if (each.retry_count, each.last_attempt) == value]

    def _ours(self) -> list[Showing]:
        return [each for each in self.showings if not each.saved]


class Generations:
    """Remembers what was published. Raises LedgerError."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def current(self) -> int:
        return int(self._ledger.value(_PUBLISHED))

    def named(self, name: str) -> int | None:
        """Return our newest generation with that `last_update`, or None.

        A generation of the user's own is found only as long as it is the newest of all.
        """
        gen: int | None = self._ledger.value(SQL["named"], name)
        return gen

    def is_copy(self, name: str, sha: bytes) -> bool:
        return bool(self._ledger.rows(_IS_COPY, name, sha))

    def shown(self, keys: Iterable[int]) -> dict[int, Shown]:
        found: dict[int, list[Showing]] = {key: [] for key in keys}
        for key, *values in self._ledger.rows(SQL["showings"], json.dumps(list(found))):
            found[key].append(Showing(*values))
        return {key: Shown(showings) for key, showings in found.items()}

    def dead_rows(self) -> list[Row]:
        return list(map(row_from, self._ledger.rows(SQL["dead_rows"])))

    def prepare(self, name: str) -> tuple[int, list[bytes]]:
        """Begin the generation of that `last_update`; return its number, and the items in order."""
        with self._ledger.transaction() as db:
            gen = int(db.execute(_LATEST).fetchone()[0]) + 1
            db.execute("INSERT INTO generations VALUES (?, ?, NULL, 0)", (gen, name))
            for (key,) in db.execute(_NO_BODY).fetchall():
                body = items.body(self._ledger.raw(key))
                db.execute("UPDATE items SET body = ? WHERE key = ?", (body, key))
            db.execute(SQL["close_showings"], (gen - 1,))
            db.execute(SQL["open_showings"], (gen,))
            return gen, [raw for (raw,) in db.execute(SQL["dead_raws"])]

    def record(self, gen: int, sha: bytes) -> None:
        """Note its hash durably before the file is written: no generation is ever forgotten."""
        with self._ledger.transaction(durable=True) as db:
            db.execute("UPDATE generations SET sha = ? WHERE gen = ?", (sha, gen))

    def note_published(self, gen: int) -> None:
        with self._ledger.transaction() as db:
            db.execute("UPDATE generations SET published = 1 WHERE gen = ?", (gen,))
            db.execute("DELETE FROM generations WHERE gen < ?", (gen - _KEPT_GENERATIONS,))

    def note_name(self, name: str) -> None:
        """Note as published what a file names: a crash may have undone that note."""
        sql = "UPDATE generations SET published = 1 WHERE name = ? AND NOT published"
        self._ledger.write(sql, name)

    def name_taken(self, name: str) -> bool:
        return bool(self._ledger.rows("SELECT 1 FROM generations WHERE name = ?", name))

    def thin_out(self) -> None:
        """Forget some showings of items that have very many, but not the first, nor the latest."""
        with self._ledger.transaction() as db:
            for (key,) in db.execute(_CROWDED, (_KEPT_SHOWINGS,)).fetchall():
                (oldest, _, end), *rows = db.execute(SQL["showings_of_one"], (key,)).fetchall()
                gone = rows[: -(_KEPT_SHOWINGS - 1)]
                for _, first, last in gone:  # the item stood there all the while
                    end = max(end, last) if first <= end + 1 else end
                db.execute("UPDATE showings SET last_gen = ? WHERE rowid = ?", (end, oldest))
                db.executemany("DELETE FROM showings WHERE rowid = ?", ((row[0],) for row in gone))

    def record_foreign(self, name: str, absent: Iterable[int]) -> int:
        """Record a user's own generation under its stamp, and which items it does not show."""
        with self._ledger.transaction() as db:
            gen = int(db.execute(_LATEST).fetchone()[0]) + 1
            db.execute("INSERT INTO generations VALUES (?, ?, NULL, 1)", (gen, name))
            db.execute(SQL["close_gone"], (gen - 1,))
            db.executemany(_CLOSE_ONE, ((gen - 1, key) for key in absent))
        return gen

    def record_save(self, key: int, item: Item, gen: int) -> None:
        values = (key, gen, gen, item.retry_count, item.last_attempt, items.body(item.raw))
        self._ledger.write("INSERT INTO showings VALUES (?, ?, ?, ?, ?, ?, 1)", *values)

    def strays(self) -> tuple[list[bytes], dict[str, bytes]]:
        rows = self._ledger.rows("SELECT name, raw FROM strays ORDER BY seq")
        return [raw for name, raw in rows if name is None], {n: raw for n, raw in rows if n}

    def set_strays(self, odd: Sequence[bytes], keys: dict[str, bytes]) -> None:
        if (list(odd), keys) == self.strays():
            return
        with self._ledger.transaction() as db:
            db.execute("DELETE FROM strays")
            db.executemany(
                "INSERT INTO strays (name, raw) VALUES (?, ?)",
                [*((None, raw) for raw in odd), *keys.items()],
            )
