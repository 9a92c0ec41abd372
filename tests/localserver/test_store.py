"""The database: private, durable, and clear about what it cannot open."""

import sqlite3
from contextlib import closing
from pathlib import Path
from uuid import UUID

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


@pytest.mark.parametrize("key", ["", "7", "é", "...", "with blank", "x" * 513, "k\0" + "1"])
def test_a_memory_without_a_key_that_can_be_an_id_has_a_uuid(store: Store, key: str) -> None:
    (name,) = store.save(StoredMemory("p", "text", key, b"digest"))
    assert UUID(name).version == 8
    assert store.save(StoredMemory("p", "text", key, b"digest"))[0] == name or not key
    found = store.one(name)
    assert found is not None
    assert (found.memory, found.id) == ("text", name)
    store.change(found._replace(memory="changed"))
    assert (store.one(name) or found).memory == "changed"
    assert store.one(name[:-12] + "0" * 12) is None
    assert store.delete("p", name)
    assert store.one(name) is None
    assert store.row_of(name) == found.row  # a listing goes on behind it


def test_a_memory_has_its_key_for_an_id_and_its_number_stays_known(store: Store) -> None:
    (name,) = store.save(StoredMemory("p", "text", "a-key", b"digest"))
    assert name == "a-key"
    for known in ("a-key", "1"):
        assert (store.one(known) or StoredMemory("", "")).id == "a-key"
    assert store.one("a-ke") is None
    assert store.delete("p", "a-key")
    assert store.save(StoredMemory("p", "text", "a-key", b"digest")) == ["a-key"]
    assert store.one("a-key") is None


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
