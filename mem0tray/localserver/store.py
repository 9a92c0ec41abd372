"""Memories in SQLite: what `save` has returned from is on the disk.

One connection, used by the server's only thread. Texts are stored as bytes
(UTF-8 with surrogates passed through), because SQLite's TEXT cannot hold a
lone surrogate. Idempotency keys are kept for good, also when their memory is
deleted: a producer may repeat a request months later, and what was deleted in
between must not come back.
"""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from mem0tray.core.errors import FileUnavailableError, Mem0TrayError
from mem0tray.files import atomic
from mem0tray.localserver.word_index import WordIndex
from mem0tray.system import plain

VERSION = 1
_BUSY_SECONDS = 1.0  # the event loop stands still meanwhile
_DIGITS_MAX = 18  # of a number that SQLite surely can hold
ID_MAX = 2**63 - 1
_PAGE_ROWS = 200
_PAGE_BYTES = 2**20
_WAL_KEPT = 16 * 2**20

_SCHEMA = f"""
CREATE TABLE memories (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    project BLOB NOT NULL,
    memory BLOB NOT NULL,
    created REAL NOT NULL
) STRICT;
CREATE INDEX memories_by_project ON memories (project, id);
CREATE TABLE keys (
    key BLOB PRIMARY KEY,
    digest BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE trial (one INTEGER PRIMARY KEY, at REAL NOT NULL) STRICT;
PRAGMA user_version = {VERSION};
"""
# Which memory came with a key; an earlier mem0tray writes none, and reads over it.
_WHOSE_KEY = """
ALTER TABLE keys ADD COLUMN memory INTEGER;
CREATE INDEX keys_by_memory ON keys (memory) WHERE memory IS NOT NULL;
"""


class KeyReusedError(Exception):
    """The idempotency key has come before, with another body."""


@dataclass(frozen=True, slots=True)
class StoredMemory:
    """A memory as stored; `id` is a whole number as text, larger for later ones.

    `created` in Unix seconds. `key`: its idempotency key, empty where it has none, or where an
    earlier mem0tray stored it.
    """

    id: str
    memory: str
    created: float
    key: bytes = b""


class ProjectSize(NamedTuple):
    """A project, and how many memories are stored of it."""

    project: str
    memories: int


class FoundMemory(NamedTuple):
    """A memory that a search found; `score` is the share of the query's words in it, 0 to 1."""

    memory: str
    score: float


class Store:
    """The database at `path`, made (0600) if it is missing.

    Opening raises Mem0TrayError; every other method `sqlite3.Error` when the
    database cannot be read or written now, and nothing was changed then.
    """

    def __init__(self, path: Path) -> None:
        try:
            # SQLite gives its -wal and -shm files the mode of the database.
            os.close(plain.open_fd(path, os.O_RDWR | os.O_CREAT))
            self._connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None)
            self._words = WordIndex(self._connection)
            try:
                self._prepare(path)
            except BaseException:
                self._connection.close()
                raise
        except OSError as error:
            raise atomic.unavailable(path, error) from error
        except sqlite3.Error as error:
            raise Mem0TrayError(
                f"The local server's database {path} cannot be opened: {error}.",
                "Mend its permissions, or move it away; a new one is made then.",
            ) from error

    def _prepare(self, path: Path) -> None:
        run = self._connection.execute
        run("PRAGMA journal_mode = WAL")
        run("PRAGMA synchronous = FULL")
        run("PRAGMA fullfsync = ON")  # macOS: fsync alone stops at the drive's cache
        run("PRAGMA secure_delete = ON")
        run(f"PRAGMA journal_size_limit = {_WAL_KEPT}")
        version = run("PRAGMA user_version").fetchone()[0]
        if version == 0:
            self._connection.executescript(f"BEGIN IMMEDIATE;{_SCHEMA}COMMIT;")
            atomic.sync_folder(path.parent)  # the file's name, too, must outlive a power cut
        elif version != VERSION:
            raise Mem0TrayError(
                f"The local server's database {path} was made by another version of mem0tray.",
                "Use the newer version, or move the database away; a new one is made then.",
            )
        # Not a version of its own: an earlier mem0tray goes on with this database, index or none.
        self._words.make()
        if not run("SELECT 1 FROM pragma_table_info('keys') WHERE name = 'memory'").fetchone():
            self._connection.executescript(f"BEGIN IMMEDIATE;{_WHOSE_KEY}COMMIT;")

    def close(self) -> None:
        """Close the database; everything in it is durable already."""
        self._connection.close()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        run = self._connection.execute
        run("BEGIN IMMEDIATE")
        try:
            yield
            run("COMMIT")
        except BaseException:
            # After some errors (a full disk) SQLite has rolled back by itself.
            if self._connection.in_transaction:
                with suppress(sqlite3.Error):
                    run("ROLLBACK")
            raise

    def save(
        self, project: str, memory: str | bytes | bytearray, key: bytes = b"", digest: bytes = b""
    ) -> None:
        """Store a memory (text, or its bytes as `_bytes` makes them), durable on return.

        With a `key` that has come before nothing is stored: KeyReusedError
        when its `digest`, which stands for the request's body, was another.
        """
        run = self._connection.execute
        with self._transaction():
            if key and not self._is_new(key, digest):
                return
            row = run(
                "INSERT INTO memories (project, memory, created) VALUES (?, ?, ?)",
                (_bytes(project), _bytes(memory), time.time()),
            ).lastrowid
            if key:
                run("UPDATE keys SET memory = ? WHERE key = ?", (row, key))

    def _is_new(self, key: bytes, digest: bytes) -> bool:
        run = self._connection.execute
        new = "INSERT INTO keys (key, digest) VALUES (?, ?) ON CONFLICT DO NOTHING"
        if run(new, (key, digest)).rowcount:
            return True
        known = run("SELECT digest FROM keys WHERE key = ?", (key,)).fetchone()[0]
        if known != digest:
            raise KeyReusedError
        return False

    def newest(self, project: str, before: int = ID_MAX) -> Iterator[list[StoredMemory]]:
        """The project's memories with an id below `before`, in pages, newest first.

        No statement stays open between two pages, so that the caller may do
        something else in between.
        """
        name = _bytes(project)
        while page := self._page(name, before):
            yield page
            before = int(page[-1].id)

    def _page(self, name: bytes | bytearray, before: int) -> list[StoredMemory]:
        page: list[StoredMemory] = []
        size = 0
        with closing(
            self._connection.execute(
                "SELECT m.id, m.memory, m.created, k.key FROM memories AS m"
                " LEFT JOIN keys AS k ON k.memory = m.id"
                " WHERE m.project = ? AND m.id < ? ORDER BY m.id DESC LIMIT ?",
                (name, before, _PAGE_ROWS),
            )
        ) as rows:
            for row, memory, created, key in rows:
                page.append(StoredMemory(str(row), _text(memory), created, key or b""))
                size += len(memory)
                if size >= _PAGE_BYTES:
                    break
        return page

    def projects(self) -> list[ProjectSize]:
        """The projects that have memories, by name; no memory is read for that."""
        rows = self._connection.execute("SELECT project, count(*) FROM memories GROUP BY project")
        return [ProjectSize(_text(name), number) for name, number in rows]

    def delete(self, project: str, memory_id: str) -> bool:
        """Delete one memory for good; whether there was one."""
        if not (memory_id.isascii() and memory_id.isdecimal() and len(memory_id) <= _DIGITS_MAX):
            return False
        row, name = int(memory_id), _bytes(project)
        run = self._connection.execute
        with self._transaction():
            its = run("SELECT 1 FROM memories WHERE id = ? AND project = ?", (row, name)).fetchone()
            if its is not None:
                self._words.remove(row, name)
                run("DELETE FROM memories WHERE id = ?", (row,))
        return its is not None

    def index_some(self) -> bool:
        """Add some memories to the index of words; whether it may lack more.

        A search finds only what has been added. An index that is damaged is made anew.
        """
        if not self._words.lacks_some():  # no write, and no wait for the disk
            return False
        try:
            with self._transaction():
                return self._words.add_some()
        except sqlite3.DatabaseError as error:
            self._mend(error)
            return True

    def search(self, project: str, query: str, limit: int) -> list[FoundMemory] | None:
        """The project's memories that fit `query` best, as far as they are in the index.

        None: it was damaged, and is to be filled again.
        """
        try:
            found = self._words.search(_bytes(project), query, limit)
        except sqlite3.DatabaseError as error:
            self._mend(error)
            return None
        one = "SELECT memory FROM memories WHERE id = ?"
        rows = [(self._connection.execute(one, (row,)).fetchone(), score) for row, score in found]
        # An earlier mem0tray deletes memories and knows no index.
        return [FoundMemory(_text(row[0]), score) for row, score in rows if row is not None]

    def _mend(self, error: sqlite3.DatabaseError) -> None:
        """Make the index anew where it is to blame; else raise `error` again."""
        if error.sqlite_errorcode != sqlite3.SQLITE_CORRUPT_VTAB:
            raise error
        self._words.make_anew()

    def try_write(self) -> None:
        """Write something that matters to nobody."""
        with self._transaction():
            self._connection.execute("INSERT OR REPLACE INTO trial VALUES (1, ?)", (time.time(),))


def count(path: Path) -> int:
    """How many memories a database holds, read only; 0 where there is none.

    Raises FileUnavailableError when it is there and cannot be read.
    """
    if not path.exists():
        return 0
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as database:
            return int(database.execute("SELECT count(*) FROM memories").fetchone()[0])
    except sqlite3.Error as error:
        raise FileUnavailableError(f"{path} cannot be read: {error}.") from error


def _bytes(text: str | bytes | bytearray) -> bytes | bytearray:
    return text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogatepass")
