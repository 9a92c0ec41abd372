"""What was published: generations of the DLQ file, and the values that stood in them.

A hand edit is understood by what its editor can have seen. For that each
generation is remembered by its `last_update` text, each dead letter with the
generation that first showed it, and each value that has been replaced with
the generations in which it stood.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from mem0tray.ledger.database import Ledger
from mem0tray.ledger.rows import SLIM_COLUMNS, SLIM_RAW, Row, read_raw, row_from

_KEPT_VALUES: Final = 64  # per dead letter; an older one only brings one retry forward
_KEPT_GENERATIONS: Final = 50_000


@dataclass(frozen=True, slots=True)
class PastValue:
    """Values that stood in the generations `first_gen` to `last_gen`."""

    retry_count: int
    last_attempt: float
    body: bytes | None
    first_gen: int
    last_gen: int


@dataclass(frozen=True, slots=True)
class Prepared:
    """A generation about to be written: its number and the items in file order."""

    gen: int
    raws: Sequence[bytes]


def remember_values(db: sqlite3.Connection, key: int, body: bytes | None = None) -> None:
    """Keep the present values of a dead letter, which are about to be replaced."""
    db.execute(
        "INSERT INTO past_values SELECT key, retry_count, last_attempt, ?, g, g2 FROM ("
        " SELECT key, retry_count, last_attempt,"
        " CASE WHEN value_gen > 0 THEN value_gen ELSE coalesce(n, 0) END AS g, coalesce(n, 0) AS g2"
        " FROM items, (SELECT max(gen) AS n FROM generations WHERE settled) WHERE key = ?)",
        (body, key),
    )
    db.execute(
        "DELETE FROM past_values WHERE item = ? AND rowid <= (SELECT rowid FROM past_values"
        f" WHERE item = ? ORDER BY rowid DESC LIMIT 1 OFFSET {_KEPT_VALUES})",
        (key, key),
    )


class Editions:
    """The memory of what was published."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def current(self) -> int:
        """The newest generation that reached the disk; 0 before the first."""
        with self._ledger.reading() as db:
            row = db.execute("SELECT max(gen) FROM generations WHERE settled").fetchone()
        return int(row[0] or 0)

    def named(self, name: str) -> int | None:
        """The newest generation of that `last_update`, or None."""
        with self._ledger.reading() as db:
            row = db.execute(
                "SELECT max(gen) FROM generations WHERE name = ? AND settled", (name,)
            ).fetchone()
        return row[0]  # type: ignore[no-any-return]

    def is_copy(self, name: str, sha: bytes) -> bool:
        """Whether these are exactly the bytes of a generation of ours."""
        with self._ledger.reading() as db:
            row = db.execute(
                "SELECT 1 FROM generations WHERE name = ? AND sha = ?", (name, sha)
            ).fetchone()
        return row is not None

    def past(self, key: int) -> list[PastValue]:
        """The values of a dead letter that others have replaced."""
        with self._ledger.reading() as db:
            rows = db.execute(
                "SELECT retry_count, last_attempt, body, first_gen, last_gen FROM past_values"
                " WHERE item = ?",
                (key,),
            ).fetchall()
        return [PastValue(*row) for row in rows]

    def prepare(self) -> Prepared:
        """Number a generation and mark what it will show; durable before it is written."""
        with self._ledger.transaction(durable=True) as db:
            row = db.execute("SELECT max(gen) FROM generations").fetchone()
            gen = int(row[0] or 0) + 1
            db.execute(
                "UPDATE items SET value_gen = ? WHERE state = 'dead'"
                " AND (value_gen IS NULL OR value_gen < 0)",
                (-gen,),
            )
            raws = self._dead_raws(db)
        return Prepared(gen, raws)

    def _dead_raws(self, db: sqlite3.Connection) -> list[bytes]:
        rows = db.execute(
            f"SELECT key, {SLIM_RAW} FROM items WHERE state = 'dead' ORDER BY dead_seq, key"
        ).fetchall()
        return [read_raw(db, key) if raw is None else raw for key, raw in rows]

    def dead_raws(self) -> list[bytes]:
        """The dead letters in file order, as they should stand in the file."""
        with self._ledger.reading() as db:
            return self._dead_raws(db)

    def dead_rows(self) -> list[Row]:
        """Every dead letter."""
        with self._ledger.reading() as db:
            rows = db.execute(
                f"SELECT {SLIM_COLUMNS} FROM items WHERE state = 'dead' ORDER BY dead_seq, key"
            ).fetchall()
            found = map(row_from, rows)
            return [
                replace(row, raw=read_raw(db, row.key)) if row.raw is None else row for row in found
            ]

    def record(self, gen: int, name: str, sha: bytes) -> None:
        """Note a prepared generation by name and hash; durable, just before it is written."""
        with self._ledger.transaction(durable=True) as db:
            db.execute("INSERT INTO generations VALUES (?, ?, ?, 0)", (gen, name, sha))

    def settle(self, gen: int) -> None:
        """A prepared generation has reached the disk."""
        with self._ledger.transaction() as db:
            db.execute("UPDATE generations SET settled = 1 WHERE gen = ?", (gen,))
            db.execute(
                "UPDATE items SET value_gen = ?, first_gen = coalesce(first_gen, ?)"
                " WHERE state = 'dead' AND value_gen = ?",
                (gen, gen, -gen),
            )
            db.execute("DELETE FROM generations WHERE gen < ?", (gen - _KEPT_GENERATIONS,))
            db.execute("DELETE FROM absences WHERE gen < ?", (gen - _KEPT_GENERATIONS,))

    def settle_seen(self, name: str) -> None:
        """A generation that a file bears, whose settling a crash undid: its editor saw it.

        The name is enough: it is on the disk before the file is written, and never used twice.
        """
        with self._ledger.reading() as db:
            row = db.execute(
                "SELECT gen FROM generations WHERE name = ? AND NOT settled", (name,)
            ).fetchone()
        if row is not None:
            self.settle(row[0])

    def record_foreign(self, name: str, absent: Iterable[int]) -> int:
        """A user's own generation, under the stamp that it bears, and what it did not show."""
        with self._ledger.transaction() as db:
            row = db.execute("SELECT max(gen) FROM generations").fetchone()
            gen = int(row[0] or 0) + 1
            db.execute("INSERT INTO generations VALUES (?, ?, NULL, 1)", (gen, name))
            db.executemany("INSERT INTO absences VALUES (?, ?)", ((gen, key) for key in absent))
        return gen

    def absent(self, gen: int) -> set[int]:
        """Items that a user's own generation did not show."""
        with self._ledger.reading() as db:
            return {key for (key,) in db.execute("SELECT item FROM absences WHERE gen = ?", (gen,))}

    def name_taken(self, name: str) -> bool:
        """Whether a `last_update` was used before."""
        with self._ledger.reading() as db:
            row = db.execute("SELECT 1 FROM generations WHERE name = ? LIMIT 1", (name,)).fetchone()
        return row is not None

    # What stands beside the items ---------------------------------------------------

    def strays(self) -> tuple[list[bytes], dict[str, bytes]]:
        """Items that make no sense to us, and the unknown top-level keys."""
        with self._ledger.reading() as db:
            rows = db.execute("SELECT name, raw FROM strays ORDER BY seq").fetchall()
        return [raw for name, raw in rows if name is None], {n: raw for n, raw in rows if n}

    def set_strays(self, items: Sequence[bytes], keys: dict[str, bytes]) -> None:
        """Remember them as the file shows them now."""
        if (list(items), keys) == self.strays():
            return
        with self._ledger.transaction() as db:
            db.execute("DELETE FROM strays")
            db.executemany(
                "INSERT INTO strays (name, raw) VALUES (?, ?)",
                [*((None, raw) for raw in items), *keys.items()],
            )
