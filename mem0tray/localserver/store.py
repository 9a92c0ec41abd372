"""Memories in SQLite: they are on the disk once `save` has returned.

One connection, used by the server's only thread. Texts are stored as bytes (UTF-8 with surrogates
passed through), because SQLite's TEXT cannot hold a lone surrogate. Idempotency keys are kept for
good, even when their memory is deleted: a producer may repeat a request months later, and a memory
deleted in between must not come back.
"""

import asyncio
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

from mem0tray.core.errors import FileUnavailableError, Mem0TrayError
from mem0tray.files import atomic
from mem0tray.localserver.word_index import ALL, MemoryFilter, WordIndex
from mem0tray.system import regular_file

VERSION = 1
_BUSY_SECONDS = 1.0  # seconds; the event loop stands still for them
_DIGITS_MAX = 18  # digits of a number that SQLite can surely hold
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
    digest BLOB NOT NULL,
    memory INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX keys_by_memory ON keys (memory) WHERE memory IS NOT NULL;
CREATE TABLE details (
    id INTEGER PRIMARY KEY,
    agent BLOB,
    run BLOB,
    role TEXT,
    metadata TEXT,
    updated REAL
) STRICT;
CREATE INDEX details_by_agent ON details (agent) WHERE agent IS NOT NULL;
CREATE INDEX details_by_run ON details (run) WHERE run IS NOT NULL;
CREATE TRIGGER memory_gone AFTER DELETE ON memories
    BEGIN DELETE FROM details WHERE id = old.id; END;
CREATE TABLE trial (one INTEGER PRIMARY KEY, at REAL NOT NULL) STRICT;
PRAGMA user_version = {VERSION};
"""
_SELECT = (
    "SELECT m.id, m.project, m.memory, m.created, k.key, d.agent, d.run, d.role, d.metadata,"
    " d.updated FROM memories AS m"
    " LEFT JOIN keys AS k ON k.memory = m.id LEFT JOIN details AS d ON d.id = m.id"
)
_WRITE = "INSERT OR REPLACE INTO details VALUES (?, ?, ?, ?, ?, ?)"
_COUNTED = """
SELECT name, number,
    (SELECT created FROM memories WHERE id = oldest),
    (SELECT created FROM memories WHERE id = newest)
FROM (
    SELECT {column} AS name, count(*) AS number, min(id) AS oldest, max(id) AS newest
    FROM {table} WHERE {column} IS NOT NULL GROUP BY {column}
) ORDER BY name
"""


class Details(NamedTuple):
    """What `oss` says about a memory besides its project and text; None where it said nothing.

    `agent` and `run` in UTF-8, surrogates let through. `metadata` is a JSON object in ASCII.
    `updated`: when the memory was changed last, in Unix seconds; None: never.
    """

    agent: bytes | None = None
    run: bytes | None = None
    role: str | None = None
    metadata: str | None = None
    updated: float | None = None


_NO_DETAILS = Details()


class KeyReusedError(Exception):
    """The idempotency key came before, with another body."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A memory to be stored.

    With a `key` that came before it is not stored again; `digest` stands for the request that
    it came with.
    """

    project: str
    memory: str
    key: bytes = b""
    digest: bytes = b""
    details: Details = _NO_DETAILS


@dataclass(frozen=True, slots=True)
class StoredMemory:
    """A memory as stored; `id` is a whole number as text, larger for later ones.

    `created` in Unix seconds. `key`: its idempotency key, empty if it has none.
    """

    id: str
    project: str
    memory: str
    created: float
    key: str
    details: Details


class NameCount(NamedTuple):
    """A name that memories are kept under, their number, and their first and last time (Unix)."""

    name: str
    memories: int
    first: float
    last: float


class FoundMemory(NamedTuple):
    """A memory that a search found; `score` is the share of the query's words in it, 0 to 1."""

    stored: StoredMemory
    score: float


class Store:
    """The database at `path`, made (0600) if it is missing.

    Opening raises Mem0TrayError; every other method `sqlite3.Error` when the
    database cannot be read or written now, and nothing was changed then.
    """

    def __init__(self, path: Path) -> None:
        try:
            # SQLite gives its -wal and -shm files the mode of the database.
            os.close(regular_file.open_fd(path, os.O_RDWR | os.O_CREAT))
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
                f"The embedded server's database {path} cannot be opened: {error}.",
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
            atomic.sync_folder(path.parent)  # the file's name must also survive a power cut
        elif version != VERSION:
            raise Mem0TrayError(
                f"The embedded server's database {path} was made by another version of mem0tray.",
                "Use the newer version, or move the database away; a new one is made then.",
            )
        self._words.make()

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

    def save(self, *arrivals: Arrival) -> list[int]:
        """Store memories, all or none, durable on return; return their ids.

        A memory whose key came before has the former id. Raises KeyReusedError when the key
        came with another digest.
        """
        with self._transaction():
            return [self._save(each) for each in arrivals]

    def _save(self, arrival: Arrival) -> int:
        run = self._connection.execute
        if arrival.key:
            one = "SELECT digest, memory FROM keys WHERE key = ?"
            known = run(one, (arrival.key,)).fetchone()
            if known is not None:
                if known[0] != arrival.digest:
                    raise KeyReusedError
                return known[1] or 0
        row = run(
            "INSERT INTO memories (project, memory, created) VALUES (?, ?, ?)",
            (_bytes(arrival.project), _bytes(arrival.memory), time.time()),
        ).lastrowid
        if arrival.key:
            run("INSERT INTO keys VALUES (?, ?, ?)", (arrival.key, arrival.digest, row))
        if arrival.details != _NO_DETAILS:
            run(_WRITE, (row, *arrival.details))
        return row or 0

    def newest(
        self, project: str | None, before: int = ID_MAX, wanted: MemoryFilter = ALL
    ) -> Iterator[list[StoredMemory]]:
        """Read a project's memories below the id `before`, in pages, newest first; None: of all.

        No statement stays open between two pages, so that the caller may do
        something else in between.
        """
        while page := self._page(project, before, wanted):
            yield page
            before = int(page[-1].id)

    def _page(self, project: str | None, before: int, wanted: MemoryFilter) -> list[StoredMemory]:
        where, values = _condition(project, wanted)
        ordered = f"{_SELECT} WHERE m.id < ?{where} ORDER BY m.id DESC LIMIT ?"
        page: list[StoredMemory] = []
        size = 0
        with closing(self._connection.execute(ordered, (before, *values, _PAGE_ROWS))) as rows:
            for row in rows:
                page.append(_stored(row))
                size += len(row[2])
                if size >= _PAGE_BYTES:
                    break
        return page

    def one(self, memory_id: str) -> StoredMemory | None:
        """Read the memory of this id."""
        number = _row(memory_id)
        row = self._connection.execute(f"{_SELECT} WHERE m.id = ?", (number,)).fetchone()
        return _stored(row) if row is not None else None

    def projects(self) -> list[NameCount]:
        """Count the memories of each project, by name; reads no text."""
        return self._counted("memories", "project")

    def agents(self) -> list[NameCount]:
        """Count the memories of each agent, by name."""
        return self._counted("details", "agent")

    def runs(self) -> list[NameCount]:
        """Count the memories of each run, by name."""
        return self._counted("details", "run")

    def _counted(self, table: str, column: str) -> list[NameCount]:
        rows = self._connection.execute(_COUNTED.format(table=table, column=column))
        return [NameCount(_text(name), *more) for name, *more in rows]

    def change(self, memory_id: str, memory: str | None, changed: Details) -> bool:
        """Give a memory these details and, unless None, another text; return whether it exists."""
        row = _row(memory_id)
        run = self._connection.execute
        with self._transaction():
            if run("SELECT 1 FROM memories WHERE id = ?", (row,)).fetchone() is None:
                return False
            if memory is not None:
                is_indexed = self._words.remove(row)
                run("UPDATE memories SET memory = ? WHERE id = ?", (_bytes(memory), row))
                if is_indexed:
                    self._words.put(row)
            run(_WRITE, (row, *changed))
        return True

    def delete(self, project: str | None, memory_id: str) -> bool:
        """Delete one memory for good, of this project or of any; return whether there was one."""
        row = _row(memory_id)
        with self._transaction():
            one = "SELECT project FROM memories WHERE id = ?"
            its = self._connection.execute(one, (row,)).fetchone()
            if its is None or (project is not None and its[0] != _bytes(project)):
                return False
            self._delete(row)
        return True

    def delete_some(self, project: str | None, wanted: MemoryFilter) -> bool:
        """Delete some of these memories for good; return whether there may be more."""
        where, values = _condition(project, wanted)
        some = f"SELECT m.id FROM memories AS m WHERE m.id > 0{where} LIMIT ?"
        with self._transaction():
            rows = self._connection.execute(some, (*values, _PAGE_ROWS)).fetchall()
            for (row,) in rows:
                self._delete(row)
        return bool(rows)

    def _delete(self, row: int) -> None:
        self._words.remove(row)
        self._connection.execute("DELETE FROM memories WHERE id = ?", (row,))

    def index_some(self) -> bool:
        """Add some memories to the index of words; return whether it may lack more.

        A search finds only what has been added.
        """
        if not self._words.lacks_some():  # so no write, and no wait for the disk
            return False
        try:
            with self._transaction():
                return self._words.add_some()
        except sqlite3.DatabaseError as error:
            self._mend(error)
            return True

    def search(
        self, project: str | None, query: str, limit: int, wanted: MemoryFilter = ALL
    ) -> list[FoundMemory] | None:
        """Find the project's memories that best fit `query`, as far as they are indexed.

        None: the index could not be read, and must be filled again.
        """
        name = None if project is None else _bytes(project)
        try:
            found = self._words.search(name, query, limit, wanted)
        except sqlite3.DatabaseError as error:
            self._mend(error)
            return None
        there = [(self.one(str(row)), score) for row, score in found]
        return [FoundMemory(stored, score) for stored, score in there if stored is not None]

    def _mend(self, error: sqlite3.DatabaseError) -> None:
        """Empty the index if it is to blame; else raise `error` again."""
        if error.sqlite_errorcode != sqlite3.SQLITE_CORRUPT_VTAB:
            raise error
        with self._transaction():
            self._words.empty()

    def try_write(self) -> None:
        """Write something that does not matter."""
        with self._transaction():
            self._connection.execute("INSERT OR REPLACE INTO trial VALUES (1, ?)", (time.time(),))


def memories_in(path: Path) -> int:
    """Count the memories in a database, without changing it; none where there is no file.

    Raises FileUnavailableError when it is there but cannot be read.
    """
    if not path.exists():
        return 0
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as database:
            return int(database.execute("SELECT count(*) FROM memories").fetchone()[0])
    except sqlite3.Error as error:
        raise FileUnavailableError(f"{path} cannot be read: {error}.") from error


def _condition(project: str | None, wanted: MemoryFilter) -> tuple[str, list[Any]]:
    where, values = wanted.condition("m.id")
    return (
        (where, values)
        if project is None
        else (
            f" AND m.project = ?{where}",
            [_bytes(project), *values],
        )
    )


def _stored(row: tuple[Any, ...]) -> StoredMemory:
    number, project, memory, created, key, *more = row
    name = (key or b"").decode("utf-8", "surrogateescape")
    return StoredMemory(str(number), _text(project), _text(memory), created, name, Details(*more))


def _row(memory_id: str) -> int:
    """Return the row of a memory; 0, which no memory has, if this is no id."""
    is_id = memory_id.isascii() and memory_id.isdecimal() and len(memory_id) <= _DIGITS_MAX
    return int(memory_id) if is_id else 0


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogatepass")


QUIET_SECONDS: Final = 1.0


class Indexing:
    """Adds to the index of `store`, a step at a time, once no save has come for a second."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._saved = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def soon(self) -> None:
        """Index memories that may be missing, once it is quiet. Only within the loop."""
        loop = asyncio.get_running_loop()
        self._saved = loop.time()
        if self._timer is None:
            self._timer = loop.call_later(QUIET_SECONDS, self._look)

    async def search(
        self, project: str | None, query: str, limit: int, wanted: MemoryFilter = ALL
    ) -> list[FoundMemory]:
        """Search the store once everything is indexed; others are served after each step."""
        found = None
        while found is None:
            while self._store.index_some():  # noqa: ASYNC110  (it works rather than waits)
                await asyncio.sleep(0)
            found = self._store.search(project, query, limit, wanted)
        return found

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        wait = self._saved + QUIET_SECONDS - loop.time()
        try:
            more = wait > 0 or self._store.index_some()
        except sqlite3.Error:
            more = False  # the next request begins again, and a search reports the error
        self._timer = loop.call_later(max(0.0, wait), self._look) if more else None
