"""The ledger's tables: the version of the first release is kept, an older one is not read."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from mem0tray.core.errors import LedgerError
from mem0tray.ledger import opening
from mem0tray.ledger.database import Ledger
from mem0tray.ledger.reader import Reader
from tests.ledger.samples import write_sample

TABLES = (
    "items", "texts", "outcomes", "attempts", "servers", "showings", "generations", "tickets",
    "tombstones", "outages", "notes", "note_texts",
)  # fmt: skip


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Write the ledger of a worker that was killed in mid-delivery, with every state."""
    found = tmp_path / "ledger.sqlite3"
    write_sample(found)
    return found


def rows(db: sqlite3.Connection, sql: str) -> list[tuple[Any, ...]]:
    """The rows of a query."""
    return db.execute(sql).fetchall()


def shape(db: sqlite3.Connection) -> set[tuple[str, str]]:
    """What the tables and indexes are called, and what they are made of."""
    made = rows(db, "SELECT name, sql FROM sqlite_schema WHERE sql != ''")
    return {(name, "".join(sql.split()).replace('"', "")) for name, sql in made}


def columns(db: sqlite3.Connection) -> dict[str, set[str]]:
    """The columns of each table."""
    return {t: {row[1] for row in rows(db, f"PRAGMA table_info({t})")} for t in TABLES}


def test_the_ledger_of_the_first_release_is_kept_with_every_state(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        before = {table: rows(db, f"SELECT * FROM {table}") for table in TABLES}
        assert all(before[table] for table in TABLES if table != "outages")
        states = rows(db, "SELECT DISTINCT state FROM items")
        assert {state for (state,) in states} == {"pending", "dead", "delivered", "discarded"}
        made = columns(db)
    with closing(Ledger(path)) as ledger, ledger.locked() as db:
        assert {table: rows(db, f"SELECT * FROM {table}") for table in TABLES} == before
    with closing(Ledger(path.with_name("new"))) as ledger, ledger.locked() as db:
        assert columns(db) == made
    with Reader(path) as reader:
        assert len(reader.by_prefix("")) == len(before["items"])


@pytest.mark.parametrize("version", [1, 6])
def test_a_ledger_from_before_the_first_release_is_kept_aside_and_rebuilt(
    path: Path, version: int
) -> None:
    """Who only reads takes it for none; the worker says what it has done with it."""
    with closing(sqlite3.connect(path)) as db:
        db.execute(f"PRAGMA user_version = {version}")
    with Reader(path, needed=True) as reader:
        assert not reader.usable
    with closing(Ledger(path)) as ledger, ledger.locked() as db:
        assert "before the first release; kept as ledger.sqlite3.kept-" in ledger.rebuilt
        assert rows(db, "SELECT * FROM items") == []
    (kept,) = (each for each in path.parent.glob("*.kept-*") if each.name[-1].isdecimal())
    with closing(sqlite3.connect(kept)) as db:
        assert rows(db, "SELECT count(*) FROM items") != [(0,)]


def test_a_ledger_of_a_newer_version_is_refused_in_words(tmp_path: Path) -> None:
    """An older program does not touch it; who must read it is told, who need not knows nothing."""
    path = tmp_path / "ledger.sqlite3"
    Ledger(path).close()
    with closing(sqlite3.connect(path)) as db:
        db.execute(f"PRAGMA user_version = {opening.VERSION + 1}")
    with pytest.raises(LedgerError, match="was written by a newer mem0tray") as refused:
        Ledger(path)
    assert refused.value.remedy == "Update mem0tray."
    with pytest.raises(LedgerError, match="newer"), Reader(path, needed=True):
        pass
    with Reader(path) as reader:
        assert not reader.usable
