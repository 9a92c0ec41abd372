"""The database: private, durable, and clear about what it cannot open."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from mem0tray.core.errors import Mem0TrayError
from mem0tray.localserver.store import Filter, KeyReusedError, Store, StoredMemory
from tests.localserver.support import everything
from tests.support import needs


@needs.MODES
def test_the_files_are_private(store: Store, database: Path) -> None:
    store.save(StoredMemory("p", "text"))
    modes = {path.name: path.stat().st_mode & 0o777 for path in database.parent.iterdir()}
    assert len(modes) == 3
    assert set(modes.values()) == {0o600}


def test_each_commit_reaches_the_disk(store: Store) -> None:
    pragma = store._connection.execute
    assert pragma("PRAGMA journal_mode").fetchone() == ("wal",)
    assert pragma("PRAGMA synchronous").fetchone() == (2,)


def test_an_interrupted_save_leaves_nothing(store: Store) -> None:
    store._connection.execute(
        "CREATE TEMP TRIGGER broken BEFORE INSERT ON memories"
        " BEGIN SELECT RAISE(ABORT, 'no space'); END"
    )
    with pytest.raises(sqlite3.Error):
        store.save(StoredMemory("p", "text", "key", b"digest"))
    store._connection.execute("DROP TRIGGER broken")
    store.save(StoredMemory("p", "text", "key", b"digest"))
    assert everything(store) == ["text"]


def test_an_id_is_never_given_twice(store: Store) -> None:
    store.save(StoredMemory("p", "first"))
    ((first,), _) = store.newest(Filter("p"), 1000)
    assert store.delete("p", first.id)
    store.save(StoredMemory("p", "second"))
    assert not store.delete("p", first.id)
    assert everything(store) == ["second"]


def test_a_damaged_database_is_named_and_kept(database: Path) -> None:
    database.write_bytes(b"not a database, but perhaps precious" * 100)
    before = database.read_bytes()
    with pytest.raises(Mem0TrayError, match=r"memories\.sqlite3 cannot be opened") as caught:
        Store(database)
    assert "move it away" in caught.value.remedy
    assert database.read_bytes() == before


def test_a_newer_database_is_left_alone(database: Path) -> None:
    with closing(Store(database)) as store:
        store._connection.execute("PRAGMA journal_mode = DELETE")
        store._connection.execute("PRAGMA user_version = 99")
    before = database.read_bytes()
    with pytest.raises(Mem0TrayError, match="another version"):
        Store(database)
    assert database.read_bytes() == before


def test_several_are_stored_together_or_not_at_all(store: Store) -> None:
    store.save(StoredMemory("p", "first", "key", b"digest"))
    with pytest.raises(KeyReusedError):
        store.save(StoredMemory("p", "second"), StoredMemory("p", "third", "key", b"another"))
    assert everything(store) == ["first"]


def test_an_error_of_python_s_own_is_not_the_index_s_fault(store: Store) -> None:
    with pytest.raises(sqlite3.ProgrammingError) as caught:
        store._connection.execute("SELECT ?")
    store.mend(caught.value)
