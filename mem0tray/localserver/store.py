"""Memories in SQLite: they are on the disk once `save` has returned.

Texts are bytes (UTF-8 with surrogates passed through), as SQLite's TEXT holds no lone surrogate.
Idempotency keys outlive their memories: one deleted in between must not come back.
A memory's id is its key, as it is called where it was made; or else a UUID of its row and time.
"""

import hashlib
import os
import re
import sqlite3
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

from mem0tray.core.errors import FileUnavailableError, Mem0TrayError
from mem0tray.files import atomic
from mem0tray.localserver.word_index import WordIndex
from mem0tray.system import regular_file

VERSION = 1
_BUSY_SECONDS = 1.0  # seconds; the event loop stands still for them
_DIGITS_MAX = 18  # digits of a number that SQLite can surely hold
ROW_MAX = 2**63 - 1
ANSWER_MAX: Final = 16 * 2**20  # characters of memories in one answer
_STEP_ROWS = 200
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
_PLAIN: Final = re.compile("[!-~]{1,512}")  # what a key must be to be an id
_ROW_BYTES: Final = 6  # of an id that is a UUID
# The fields of a `StoredMemory`, in its order.
_SELECT = (
    "SELECT cast(m.project AS TEXT), cast(m.memory AS TEXT), ifnull(cast(k.key AS TEXT), ''), x'',"
    " cast(d.agent AS TEXT), cast(d.run AS TEXT), d.role, d.metadata, d.updated, m.created,"
    " m.id FROM memories AS m"
    " LEFT JOIN keys AS k ON k.memory = m.id LEFT JOIN details AS d ON d.id = m.id"
)
_WITH_AGENT = "SELECT id FROM details WHERE agent = ?"
_WITH_RUN = "SELECT id FROM details WHERE run = ?"
_WITH_KEY = "SELECT memory FROM keys WHERE key = ?"
_WITH_METADATA = (
    "SELECT details.id FROM details,"
    " json_each(CASE WHEN json_valid(details.metadata) THEN details.metadata END) AS each"
    " WHERE each.key = ? AND each.value IS ?"
)
_COUNTED = """
SELECT cast(name AS TEXT), number,
    (SELECT created FROM memories WHERE id = oldest),
    (SELECT created FROM memories WHERE id = newest)
FROM (
    SELECT {column} AS name, count(*) AS number, min(id) AS oldest, max(id) AS newest
    FROM {table} WHERE {column} IS NOT NULL GROUP BY {column}
) ORDER BY name
"""


class KeyReusedError(Exception):
    """The idempotency key came before, with another body."""


class StoredMemory(NamedTuple):
    """A memory, with what `oss` says beside it; None where it says nothing.

    `key`: its idempotency key, with `surrogateescape` for bytes that are no UTF-8. `digest` stands
    for the request that it came with, and is not read back. `metadata` is a JSON object in ASCII.
    `row`: larger for later ones; the store gives it, as it does the time.
    """

    project: str
    memory: str
    key: str = ""
    digest: bytes = b""
    agent: str | None = None
    run: str | None = None
    role: str | None = None
    metadata: str | None = None
    updated: float | None = None
    created: float = 0.0
    row: int = 0

    @property
    def id(self) -> str:
        """The id by which programs know it; no whole number, which a row may have."""
        if _PLAIN.fullmatch(self.key) and not self.key.isdecimal() and self.key.strip("."):
            return self.key
        time_bytes = hashlib.sha256(repr(self.created).encode()).digest()
        made = bytearray(time_bytes[: 16 - _ROW_BYTES] + self.row.to_bytes(_ROW_BYTES, "big"))
        made[6], made[8] = made[6] & 0x0F | 0x80, made[8] & 0x3F | 0x80  # version 8: our own
        return str(uuid.UUID(bytes=bytes(made)))


class NameCount(NamedTuple):
    """A name that memories are kept under, their number, and their first and last time (Unix)."""

    name: str
    memories: int
    first: float
    last: float


class Filter(NamedTuple):
    """Which memories are wanted: those with all of this; None is not compared.

    `metadata` holds text, numbers and truth values.
    """

    project: str | None = None
    agent: str | None = None
    run: str | None = None
    key: str | None = None
    metadata: Mapping[str, Any] = {}

    def besides_project(self, column: str) -> tuple[str, list[Any]]:
        """Make SQL to append to a condition, and its values; `column` has the memory's id."""
        asked = ((_WITH_AGENT, self.agent), (_WITH_RUN, self.run), (_WITH_KEY, self.key))
        conditions: list[tuple[str, tuple[Any, ...]]] = [
            (sql, (_bytes(value),)) for sql, value in asked if value is not None
        ]
        conditions += [(_WITH_METADATA, pair) for pair in self.metadata.items()]
        sql = "".join(f" AND {column} IN ({question})" for question, _ in conditions)
        return sql, [value for _, values in conditions for value in values]

    def condition(self) -> tuple[str, list[Any]]:
        sql, values = self.besides_project("m.id")
        if self.project is None:
            return sql, values
        return f" AND m.project = ?{sql}", [_bytes(self.project), *values]


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
            self._connection.text_factory = _text
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
        version = run("PRAGMA user_version").fetchone()[0]
        if version not in (0, VERSION):  # first of all: it stays as it is
            raise Mem0TrayError(
                f"The embedded server's database {path} was made by another version of mem0tray.",
                "Use the newer version, or move the database away; a new one is made then.",
            )
        run("PRAGMA journal_mode = WAL")
        run("PRAGMA synchronous = FULL")
        run("PRAGMA fullfsync = ON")  # macOS: fsync alone stops at the drive's cache
        run("PRAGMA secure_delete = ON")
        run(f"PRAGMA journal_size_limit = {_WAL_KEPT}")
        if version == 0:
            self._connection.executescript(f"BEGIN IMMEDIATE;{_SCHEMA}COMMIT;")
            atomic.sync_folder(path.parent)  # the file's name must also survive a power cut
        with self._transaction():
            self._words.make()
        self._index_missing()

    def close(self) -> None:
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

    def save(self, *arrivals: StoredMemory) -> list[str]:
        """Store memories, all or none, durable on return; return their ids.

        A memory whose key came before has the former id. Raises KeyReusedError when the key
        came with another digest.
        """
        with self._transaction():
            return [self._save(each).id for each in arrivals]

    def _save(self, arrival: StoredMemory) -> StoredMemory:
        run = self._connection.execute
        key = arrival.key.encode("utf-8", "surrogateescape")
        if key:
            known = run("SELECT digest, memory FROM keys WHERE key = ?", (key,)).fetchone()
            if known is not None:
                if known[0] != arrival.digest:
                    raise KeyReusedError
                row = known[1] or 0  # none: of a memory that a version before deleted
                return self._of_row(row) or arrival._replace(row=row)
        now = time.time()
        row = run(
            "INSERT INTO memories (project, memory, created) VALUES (?, ?, ?)",
            (_bytes(arrival.project), _bytes(arrival.memory), now),
        ).lastrowid
        stored = arrival._replace(created=now, row=row or 0)
        if key:
            run("INSERT INTO keys VALUES (?, ?, ?)", (key, arrival.digest, stored.row))
        self._write_details(stored)
        self._words.add(stored.row)
        return stored

    def _write_details(self, its: StoredMemory) -> None:
        names = [None if name is None else _bytes(name) for name in (its.agent, its.run)]
        details = (*names, its.role, its.metadata, its.updated)
        if details != (None,) * len(details):
            write = "INSERT OR REPLACE INTO details VALUES (?, ?, ?, ?, ?, ?)"
            self._connection.execute(write, (its.row, *details))

    def newest(
        self, wanted: Filter, limit: int, before: int = ROW_MAX
    ) -> tuple[list[StoredMemory], bool]:
        """Read up to `limit` memories below a row, newest first; and whether more had no room."""
        where, values = wanted.condition()
        ordered = f"{_SELECT} WHERE m.id < ?{where} ORDER BY m.id DESC LIMIT ?"
        found: list[StoredMemory] = []
        size = 0
        with closing(self._connection.execute(ordered, (before, *values, limit))) as rows:
            for row in rows:
                each = StoredMemory(*row)
                size += len(each.memory)
                if found and size > ANSWER_MAX:
                    return found, True
                found.append(each)
        return found, False

    def one(self, memory_id: str) -> StoredMemory | None:
        """Find a memory by its id, or by its row, which versions before had for an id."""
        row = self.row_of(memory_id)
        found = self._of_row(row) if row is not None else None
        return found if found is not None and memory_id in (found.id, str(row)) else None

    def row_of(self, memory_id: str) -> int | None:
        """Return the row of an id, also of a memory that is gone; None for what is no id."""
        if memory_id.isascii() and memory_id.isdecimal():
            return int(memory_id) if len(memory_id) <= _DIGITS_MAX else None
        known = self._connection.execute(_WITH_KEY, (_bytes(memory_id),)).fetchone()
        if known is not None:
            return int(known[0] or 0)
        with suppress(ValueError):
            return int.from_bytes(uuid.UUID(memory_id).bytes[-_ROW_BYTES:], "big")
        return None

    def _of_row(self, row: int) -> StoredMemory | None:
        found = self._connection.execute(f"{_SELECT} WHERE m.id = ?", (row,)).fetchone()
        return StoredMemory(*found) if found is not None else None

    def names(self, kind: Literal["project", "agent", "run"]) -> list[NameCount]:
        table = "memories" if kind == "project" else "details"
        rows = self._connection.execute(_COUNTED.format(table=table, column=kind))
        return [NameCount(*row) for row in rows]

    def change(self, changed: StoredMemory) -> None:
        with self._transaction():
            self._words.remove(changed.row)
            change = "UPDATE memories SET memory = ? WHERE id = ?"
            self._connection.execute(change, (_bytes(changed.memory), changed.row))
            self._words.add(changed.row)
            self._write_details(changed)

    def delete(self, project: str | None, memory_id: str) -> bool:
        found = self.one(memory_id)
        if found is None or project not in (None, found.project):
            return False
        with self._transaction():
            self._delete(found.row)
        return True

    def delete_some(self, wanted: Filter) -> bool:
        """Delete some of these memories for good; return whether there may be more."""
        where, values = wanted.condition()
        some = f"SELECT m.id FROM memories AS m WHERE m.id > 0{where} LIMIT ?"
        with self._transaction():
            rows = self._connection.execute(some, (*values, _STEP_ROWS)).fetchall()
            for (row,) in rows:
                self._delete(row)
        return bool(rows)

    def _delete(self, row: int) -> None:
        self._words.remove(row)
        self._connection.execute("DELETE FROM memories WHERE id = ?", (row,))

    def search(self, wanted: Filter, query: str, limit: int) -> list[tuple[StoredMemory, float]]:
        project = None if wanted.project is None else _bytes(wanted.project)
        sql, values = wanted.besides_project("rowid")
        rows = self._words.search(project, query, limit, sql, values)
        found = [(self._of_row(row), score) for row, score in rows]
        return [(stored, score) for stored, score in found if stored is not None]

    def mend(self, error: sqlite3.Error) -> None:
        """Fill the index of words again if it is to blame for this error."""
        # Python's own errors have no code.
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_CORRUPT_VTAB:
            self._words.empty()
            self._index_missing()

    def _index_missing(self) -> None:
        after = 0
        while rows := self._words.missing(after):
            with self._transaction():
                for row in rows:
                    self._words.add(row)
            after = rows[-1]

    def try_write(self) -> None:
        with self._transaction():
            self._connection.execute("INSERT OR REPLACE INTO trial VALUES (1, ?)", (time.time(),))


def memories_in(path: Path) -> int:
    """Count the memories in a database, without changing it; none where there is no file.

    Raises FileUnavailableError when it is there but cannot be read.
    """
    if not path.exists():
        return 0
    with _as_it_is(path) as database:
        return int(database.execute("SELECT count(*) FROM memories").fetchone()[0])


def newest_in(path: Path, project: str, limit: int) -> list[StoredMemory]:
    """Read a project's newest memories, without changing the database.

    Raises FileUnavailableError when it cannot be read.
    """
    question = f"{_SELECT} WHERE m.project = ? ORDER BY m.id DESC LIMIT ?"
    with _as_it_is(path) as database:
        return [StoredMemory(*row) for row in database.execute(question, (_bytes(project), limit))]


@contextmanager
def _as_it_is(path: Path) -> Iterator[sqlite3.Connection]:
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as database:
            database.text_factory = _text
            yield database
    except sqlite3.Error as error:
        raise FileUnavailableError(f"{path} cannot be read: {error}.") from error


def iso(moment: float) -> str:
    """Format a time (Unix seconds) in ISO 8601, UTC."""
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="microseconds")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:  # a key that a producer has sent in other letters
        return data.decode("latin-1")
