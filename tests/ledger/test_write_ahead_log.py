"""The write-ahead log: how long it may become, and what becomes of it on a full disk."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest

from mem0tray.core.errors import LedgerError
from mem0tray.ledger.database import Ledger


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Name a ledger that is not there yet."""
    return tmp_path / "ledger.sqlite3"


def longest(ledger: Ledger) -> int:
    """How long its log may become, in bytes."""
    with ledger.locked() as db:
        (pages,) = db.execute("PRAGMA wal_autocheckpoint").fetchone()
        (page,) = db.execute("PRAGMA page_size").fetchone()
    return int(pages * page)


@pytest.mark.parametrize("page", [2048, 4096], ids=["new", "of a former version"])
def test_the_log_is_as_long_whatever_the_pages(path: Path, page: int) -> None:
    """It is taken in at sixteen megabytes."""
    Ledger(path).close()
    with closing(sqlite3.connect(path)) as former:
        former.execute("PRAGMA journal_mode = DELETE")
        former.execute(f"PRAGMA page_size = {page}")
        former.execute("VACUUM")
    with closing(Ledger(path)) as ledger:
        with ledger.locked() as db:
            assert db.execute("PRAGMA page_size").fetchone() == (page,)
        assert longest(ledger) == 16_384_000


@pytest.mark.parametrize(
    ("room", "most"), [(4_096_000, 1_024_000), (0, 2048)], ids=["small", "full"]
)
def test_the_log_fills_no_small_disk(
    path: Path, monkeypatch: pytest.MonkeyPatch, room: int, most: int
) -> None:
    """It is taken in at a quarter of what room there was at the start; where none was, at once."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=room))
    with closing(Ledger(path)) as ledger:
        assert longest(ledger) == most


def test_a_disk_that_tells_no_room_is_taken_for_a_large_one(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That the room cannot be told keeps no ledger from being opened."""

    def fail(_: Path) -> None:
        raise OSError

    monkeypatch.setattr(shutil, "disk_usage", fail)
    with closing(Ledger(path)) as ledger:
        assert longest(ledger) == 16_384_000


@pytest.mark.row(6)
def test_a_full_disk_has_the_log_taken_in(path: Path, tmp_path: Path) -> None:
    """What is written next needs no more room than there is."""
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
