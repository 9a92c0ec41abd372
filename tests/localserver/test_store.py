"""The database: private, durable, and clear about what it cannot open."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from mem0tray.core.errors import Mem0TrayError
from mem0tray.localserver.details import Details
from mem0tray.localserver.store import _SCHEMA, Arrival, KeyReusedError, Store
from tests.localserver.support import arrival
from tests.support import needs


def everything(store: Store, project: str) -> list[str]:
    """List a project's texts, newest first."""
    return [each.memory for page in store.newest(project) for each in page]


def test_memories_and_keys_are_there_after_reopening(tmp_path: Path) -> None:
    """What was saved, and under which key, outlives the process."""
    path = tmp_path / "memories.sqlite3"
    with closing(Store(path)) as store:
        store.save(arrival("p", "text \udc80", b"key", b"digest"))
    with closing(Store(path)) as store:
        store.save(arrival("p", "text \udc80", b"key", b"digest"))
        with pytest.raises(KeyReusedError):
            store.save(arrival("p", "other", b"key", b"another digest"))
        assert everything(store, "p") == ["text \udc80"]


@needs.MODES
def test_the_files_are_private(tmp_path: Path) -> None:
    """Database, log and index are 0600 whatever the umask."""
    with closing(Store(tmp_path / "memories.sqlite3")) as store:
        store.save(arrival("p", "text"))
        modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    assert len(modes) == 3
    assert set(modes.values()) == {0o600}


def test_each_commit_reaches_the_disk(tmp_path: Path) -> None:
    """SQLite syncs its log at every commit: the answer follows the disk."""
    with closing(Store(tmp_path / "memories.sqlite3")) as store:
        pragma = store._connection.execute
        assert pragma("PRAGMA journal_mode").fetchone() == ("wal",)
        assert pragma("PRAGMA synchronous").fetchone() == (2,)


def test_an_interrupted_save_leaves_nothing(tmp_path: Path) -> None:
    """Key and memory are stored together or not at all."""
    with closing(Store(tmp_path / "memories.sqlite3")) as store:
        store._connection.execute(
            "CREATE TEMP TRIGGER broken BEFORE INSERT ON memories"
            " BEGIN SELECT RAISE(ABORT, 'no space'); END"
        )
        with pytest.raises(sqlite3.Error):
            store.save(arrival("p", "text", b"key", b"digest"))
        store._connection.execute("DROP TRIGGER broken")
        store.save(arrival("p", "text", b"key", b"digest"))
        assert everything(store, "p") == ["text"]


def test_an_id_is_never_given_twice(tmp_path: Path) -> None:
    """A stale request to delete cannot hit a later memory."""
    with closing(Store(tmp_path / "memories.sqlite3")) as store:
        store.save(arrival("p", "first"))
        ((first,),) = store.newest("p")
        assert store.delete("p", first.id)
        store.save(arrival("p", "second"))
        assert not store.delete("p", first.id)
        assert everything(store, "p") == ["second"]


def test_a_damaged_database_is_named_and_kept(tmp_path: Path) -> None:
    """A file that is no database is an error with a remedy, and is not touched."""
    path = tmp_path / "memories.sqlite3"
    path.write_bytes(b"not a database, but perhaps precious" * 100)
    before = path.read_bytes()
    with pytest.raises(Mem0TrayError, match=r"memories\.sqlite3 cannot be opened") as caught:
        Store(path)
    assert "move it away" in caught.value.remedy
    assert path.read_bytes() == before


def test_a_newer_database_is_left_alone(tmp_path: Path) -> None:
    """A database of a later version is refused with a sentence."""
    path = tmp_path / "memories.sqlite3"
    with closing(Store(path)) as store:
        store._connection.execute("PRAGMA user_version = 99")
    with pytest.raises(Mem0TrayError, match="another version"):
        Store(path)


def test_a_folder_where_nothing_can_be_made_is_an_error(tmp_path: Path) -> None:
    """A path that cannot be a database is an error with the path in it."""
    with pytest.raises(Mem0TrayError, match="memories"):
        Store(tmp_path / "missing" / "memories.sqlite3")


def test_an_earlier_mem0tray_can_use_the_database(tmp_path: Path) -> None:
    """What it saves is listed without a key, under which it still is stored only once."""
    path = tmp_path / "memories.sqlite3"
    with closing(Store(path)) as store:
        store.save(arrival("p", "later", b"later", b"digest"))
    with closing(sqlite3.connect(path, isolation_level=None)) as earlier:
        earlier.execute("INSERT INTO keys (key, digest) VALUES (?, ?)", (b"earlier", b"digest"))
        earlier.execute(
            "INSERT INTO memories (project, memory, created) VALUES (?, ?, ?)", (b"p", b"text", 1.0)
        )
    with closing(Store(path)) as store:
        store.save(arrival("p", "text", b"earlier", b"digest"))
        ((text, later),) = store.newest("p")
        assert (text.memory, text.created, text.key) == ("text", 1.0, "")
        assert (later.memory, later.key) == ("later", "later")


def test_a_database_of_an_earlier_mem0tray_is_used(tmp_path: Path) -> None:
    """One that has no place for whose a key is gets it, and keeps everything."""
    path = tmp_path / "memories.sqlite3"
    with closing(sqlite3.connect(path)) as earlier:
        earlier.executescript(_SCHEMA)
        earlier.execute("INSERT INTO keys VALUES (?, ?)", (b"key", b"digest"))
        earlier.execute("INSERT INTO memories VALUES (1, ?, ?, 1.0)", (b"p", b"text"))
        earlier.commit()
    with closing(Store(path)) as store:
        store.save(arrival("p", "text", b"key", b"digest"))
        store.save(arrival("p", "new", b"new", b"digest"))
        assert everything(store, "p") == ["new", "text"]


def test_an_earlier_mem0tray_leaves_nothing_of_what_it_deletes(tmp_path: Path) -> None:
    """It deletes from the one table that it knows, and what another says of a memory goes along."""
    path = tmp_path / "memories.sqlite3"
    with closing(Store(path)) as store:
        store.save(Arrival("p", "text", details=Details(metadata='{"secret":1}')))
    with closing(sqlite3.connect(path, isolation_level=None)) as earlier:
        earlier.execute("DELETE FROM memories")
        assert earlier.execute("SELECT count(*) FROM details").fetchone() == (0,)


def test_several_are_stored_together_or_not_at_all(tmp_path: Path) -> None:
    """Where one of them cannot be, none is."""
    with closing(Store(tmp_path / "memories.sqlite3")) as store:
        store.save(arrival("p", "first", b"key", b"digest"))
        with pytest.raises(KeyReusedError):
            store.save(arrival("p", "second"), arrival("p", "third", b"key", b"another"))
        assert everything(store, "p") == ["first"]
