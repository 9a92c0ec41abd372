"""Opening a ledger: its version, its log, what becomes of one that cannot be used."""

import shutil
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
    "tombstones", "notes", "note_texts",
)  # fmt: skip


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    """Write the ledger of a worker that was killed in mid-delivery, with every state."""
    found = tmp_path / "ledger.sqlite3"
    write_sample(found)
    return found


def rows(db: sqlite3.Connection, sql: str) -> list[tuple[Any, ...]]:
    """The rows of a query."""
    return db.execute(sql).fetchall()


def columns(db: sqlite3.Connection) -> dict[str, set[str]]:
    """The columns of each table."""
    return {t: {row[1] for row in rows(db, f"PRAGMA table_info({t})")} for t in TABLES}


def test_the_ledger_of_the_first_release_is_kept_with_every_state(sample: Path) -> None:
    with closing(sqlite3.connect(sample)) as db:
        before = {table: rows(db, f"SELECT * FROM {table}") for table in TABLES}
        assert all(before[table] for table in TABLES)
        states = rows(db, "SELECT DISTINCT state FROM items")
        assert {state for (state,) in states} == {"pending", "dead", "delivered", "discarded"}
        made = columns(db)
    with closing(Ledger(sample)) as ledger, ledger.locked() as db:
        assert {table: rows(db, f"SELECT * FROM {table}") for table in TABLES} == before
    with closing(Ledger(sample.with_name("new"))) as ledger, ledger.locked() as db:
        assert columns(db) == made
    with Reader(sample) as reader:
        assert len(reader.by_prefix("")) == len(before["items"])


@pytest.mark.parametrize("version", [1, 6])
def test_a_ledger_from_before_the_first_release_is_kept_aside_and_rebuilt(
    sample: Path, version: int
) -> None:
    with closing(sqlite3.connect(sample)) as db:
        db.execute(f"PRAGMA user_version = {version}")
    with Reader(sample, needed=True) as reader:
        assert not reader.usable
    with closing(Ledger(sample)) as ledger, ledger.locked() as db:
        assert "before the first release; kept as ledger.sqlite3.kept-" in ledger.rebuilt
        assert rows(db, "SELECT * FROM items") == []
    (kept,) = (each for each in sample.parent.glob("*.kept-*") if each.name[-1].isdecimal())
    with closing(sqlite3.connect(kept)) as db:
        assert rows(db, "SELECT count(*) FROM items") != [(0,)]


def test_a_ledger_of_a_newer_version_is_refused_in_words(tmp_path: Path) -> None:
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


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Name a ledger that is not there yet."""
    return tmp_path / "ledger.sqlite3"


@pytest.mark.row(6)
def test_a_full_disk_has_the_log_taken_in(path: Path, tmp_path: Path) -> None:
    with closing(Ledger(path)) as ledger:
        ledger.set_meta("n", 1)
        with ledger.locked() as db:
            (pages,) = db.execute("PRAGMA page_count").fetchone()
            db.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(LedgerError, match="full"):
            ledger.set_meta("n", "x" * 100_000)
        alone = shutil.copy(path, tmp_path / "without its log")
        assert ledger.meta("n") == 1
    with closing(sqlite3.connect(alone)) as taken_in:
        assert taken_in.execute("SELECT value FROM meta WHERE name = 'n'").fetchone() == (1,)
