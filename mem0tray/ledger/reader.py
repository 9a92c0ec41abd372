"""The ledger as commands see it: read-only, and never in the worker's way.

A ledger that is missing, locked or corrupt knows nothing: every answer is then empty, and
commands go by the files alone. With `needed` a ledger that is locked or cannot be reached is
an error.
"""

import json
import sqlite3
from array import array
from collections.abc import Sequence
from contextlib import closing
from itertools import groupby
from pathlib import Path
from typing import Any, Final, NamedTuple, Self
from urllib.parse import quote

from mem0tray.core import item as items
from mem0tray.core.errors import LedgerError
from mem0tray.core.state import WorkerSeen
from mem0tray.files.atomic import Signature
from mem0tray.ledger import foreign_claims, names, opening
from mem0tray.ledger.database import decode, encode
from mem0tray.ledger.names import SQL
from mem0tray.ledger.rows import AFTER, Attempt, Batch, Known, known_from
from mem0tray.ledger.servers import FormerServers, told_of
from mem0tray.ledger.waiting import WaitingRows
from mem0tray.system import regular_file

_TIMEOUT: Final = 1.0
_KNOWN: Final = f"SELECT {SQL['known']} FROM items"
_AT_ONCE: Final = 500  # rows of one query
_WAITING: Final = "SELECT DISTINCT digest FROM items WHERE state IN ('pending', 'dead')"


class TakenMemory(NamedTuple):
    """A memory that a server took at `at` (Unix seconds) under an idempotency key."""

    id: str
    project: str
    digest: bytes
    key: str
    at: float


class Reader:
    """`with Reader(paths.ledger) as reader: …`.

    `needed`: raises LedgerError where there is a ledger that cannot be read now.
    """

    def __init__(self, path: Path, *, needed: bool = False) -> None:
        self._path = path
        self._needed = needed
        self._db: sqlite3.Connection | None = None

    def __enter__(self) -> Self:
        try:
            if regular_file.look(self._path) is not None:  # SQLite would wait at a named pipe
                self._db = self._open()
        except NotADirectoryError:
            pass
        except OSError as error:
            if self._needed:
                raise opening.unreachable(self._path, error) from error
        except sqlite3.Error as error:
            self._cannot(error)
        except LedgerError:  # of a newer version
            if self._needed:
                raise
        return self

    def _open(self) -> sqlite3.Connection:
        uri = f"file:{quote(str(self._path))}?mode=ro"
        db = sqlite3.connect(
            uri, uri=True, isolation_level=None, timeout=_TIMEOUT, check_same_thread=False
        )
        try:
            opening.version_of(db, self._path)
        except BaseException:
            db.close()
            raise
        return db

    def __exit__(self, *_: object) -> None:
        if self._db is not None:
            self._db.close()
            self._db = None

    @property
    def usable(self) -> bool:
        """Whether there is a ledger that can be read."""
        return bool(self._rows("SELECT count(*) FROM meta"))

    @property
    def is_blank(self) -> bool:
        """Whether nothing has been written in it: a worker is about to."""
        return bool(self._rows("SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM sqlite_schema)"))

    def _rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        if self._db is None:
            return []
        try:
            with closing(self._db.execute(sql, values)) as cursor:
                return cursor.fetchall()
        except sqlite3.Error as error:
            self._cannot(error)
            return []

    def _cannot(self, error: sqlite3.Error) -> None:
        """Raise, unless the ledger is corrupt, or has no tables as its creation was cut short.

        Such a ledger is rebuilt from the files, so that it truly knows nothing.
        """
        empty = getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_ERROR
        if self._needed and isinstance(error, sqlite3.OperationalError) and not empty:
            raise opening.trouble(self._path, error) from error

    def _one(self, sql: str, values: Sequence[Any] = ()) -> Any:
        rows = self._rows(sql, values)
        return rows[0][0] if rows else None

    def _meta(self, name: str) -> Any:
        return self._one("SELECT value FROM meta WHERE name = ?", (name,))

    # All of it ---------------------------------------------------------------------

    @property
    def former(self) -> FormerServers:
        """What is known of servers that were chosen before."""
        return FormerServers(self._rows)

    @property
    def waiting(self) -> WaitingRows:
        """What waits: counted, listed and found."""
        return WaitingRows(self._rows)

    def has(self, item_id: str, digest: bytes, server: str) -> bool:
        """Return whether that server has ever taken the memory of this id and content."""
        return bool(self._rows(SQL["has"], (encode(item_id), digest, server)))

    def is_delivered(self, known: Known | None, server: str) -> bool:
        """Return whether the chosen `server` has a memory; any server where none is chosen."""
        if known is None or known.state != items.DELIVERED:
            return False
        return not server or self.has(*known.name, server)

    def began(self) -> float | None:
        """Return when the first memory was taken in."""
        found = self._one("SELECT accepted FROM items ORDER BY key LIMIT 1")
        return None if found is None else float(found)

    def delivered_by_project(self) -> dict[str, int]:
        """Return how many memories of each project were delivered, to any server."""
        sql = "SELECT project, count(*) FROM items WHERE state = 'delivered' GROUP BY project"
        return {decode(name): int(number) for name, number in self._rows(sql)}

    def deliveries(self, since: float, step: float) -> dict[float, int]:
        """Count the deliveries in each span of `step` seconds, by the span's begin."""
        rows = self._rows(SQL["delivered_in_spans"], (step, since))
        return {slot * step: int(number) for slot, number in rows}

    def stays(self, since: float) -> list[tuple[float, float]]:
        """Return when dead letters came and went that left the DLQ since then."""
        return [(float(came), float(went)) for came, went in self._rows(SQL["stays"], (since,))]

    def other_worker(self) -> WorkerSeen | None:
        """Return the other worker that was at work when ours last looked."""
        return foreign_claims.worker_in(self._meta(names.OTHER_WORKER))

    def last_run(self) -> str:
        """Return the random id of our worker's last run; empty if it is not known."""
        return str(self._meta(names.OUR_RUN) or "")

    def emergency_sources(self) -> bytes | None:
        """Return how far emergency files are read, for `sources` of `files.emergency`."""
        found = self._meta(names.EMERGENCY_SOURCES)
        return None if found is None else bytes(found)

    def last_delivery(self) -> float | None:
        """Return when the last memory was delivered."""
        found = self._meta(names.LAST_DELIVERY)
        return None if found is None else items.number(found)

    def last_sync(self) -> Any:
        """Return the last delivery as the queue file showed it: a local ISO time."""
        return self._meta(names.LAST_SYNC)

    def counter(self, name: str) -> int | None:
        """Return one of the totals, as the queue file is to show it; None where it is not known."""
        found = self._meta(name)
        return None if found is None else items.count(found)

    def dialect_of(self, address: str) -> str:
        """Return the dialect recognised at this address; empty if none is known."""
        return told_of(self._meta(names.DIALECT), address)

    def project_of_notes(self, folder: str) -> str:
        """Return the project that the notes of a folder had last; empty for none."""
        mark = self._one("SELECT mark FROM notes WHERE path = ?", (encode(folder),))
        return str(json.loads(mark or '""'))

    def last_attempts(self) -> dict[tuple[str, bytes], Attempt]:
        """Return the last failed attempt of each memory that waits, by id and digest."""
        return {
            (decode(name), digest): Attempt(*rest)
            for name, digest, *rest in self._rows(SQL["last_attempts"])
        }

    def has_merged(self, file: Signature) -> bool:
        """Return whether this save of the DLQ file was the last to be merged, or published."""
        return bool(self._meta(names.DLQ_MERGED) == json.dumps(file.lasting))

    def has_read(self, file: Signature) -> bool:
        """Return whether this queue file was the last to be read, or published."""
        return bool(self._meta(names.QUEUE_READ) == json.dumps(file.lasting))

    # One memory -----------------------------------------------------------------------

    def known(self, item_id: str, digest: bytes) -> Known | None:
        """Return the memory of exactly this id and content."""
        rows = self._rows(f"{_KNOWN} WHERE id = ? AND digest = ?", (encode(item_id), digest))
        return known_from(rows[0]) if rows else None

    def by_id(self, item_id: str) -> list[Known]:
        """Return every content known under an id, the first one first."""
        rows = self._rows(f"{_KNOWN} WHERE id = ? ORDER BY key", (encode(item_id),))
        return [known_from(row) for row in rows]

    def by_prefix(self, prefix: str) -> list[Known]:
        """Return every memory whose id begins with `prefix`, whatever became of it."""
        start = encode(prefix)
        rows = self._rows(f"{_KNOWN} WHERE id >= ? AND id < ? LIMIT 1000", (start, start + AFTER))
        return sorted(map(known_from, rows), key=lambda known: known.key)

    def raw(self, key: int) -> bytes | None:
        """Return the item's object as it stood in a file last; None when its text is gone."""
        found = self._one("SELECT raw FROM texts WHERE key = ?", (key,))
        return None if found is None else bytes(found)

    def attempts(self, key: int) -> list[Attempt]:
        """Return the failed attempts of an item, oldest first."""
        return [Attempt(*row) for row in self._rows(SQL["attempts"], (key,))]

    # What was deleted ---------------------------------------------------------------

    def discarded(self) -> list[Batch]:
        """Return each deletion whose items can still be restored, newest first.

        An item that was only replaced by an edit of itself was not deleted.
        """
        rows = self._rows(SQL["deleted"], (items.EDITED,))
        deletions = [list(rows) for _, rows in groupby(rows, lambda row: row[0])]
        return [
            Batch(of_it[0][0], of_it[0][1], [r[2] for r in of_it], [r[3] for r in of_it])
            for of_it in deletions
        ]

    def has_discarded(self) -> bool:
        """Return whether `discarded` has any, without reading them."""
        return bool(self._rows(f"SELECT 1 FROM {SQL['discarded_texts']} LIMIT 1", (items.EDITED,)))

    # What a server has taken --------------------------------------------------------

    def taken(self, server: str) -> dict[str, "array[int]"]:
        """List the keys of what a server has taken, by project, in the order of intake."""
        if self._db is not None:
            self._db.create_function("id_again", 1, _id_again, deterministic=True)
        found: dict[bytes, array[int]] = {}
        for project, key in self._rows(SQL["taken"], (server,)):
            found.setdefault(project, array("q")).append(key)
        return {decode(project): keys for project, keys in found.items()}

    def memories(self, keys: Sequence[int], server: str) -> list[TakenMemory]:
        """Return the memories with these keys."""
        rows = self._rows(
            SQL["taken_memories"].format(marks=", ".join("?" * len(keys))), (*keys, server)
        )
        return [
            TakenMemory(
                decode(name), decode(project), digest,
                items.idempotency_key(decode(name), digest, first), at,
            )
            for name, project, digest, first, at in rows
        ]  # fmt: skip

    def ids_by_digest(self, keys: Sequence[int], server: str) -> dict[bytes, list[str]]:
        """Return the ids of the memories with these keys, by the digest of their texts."""
        found: dict[bytes, list[str]] = {}
        for begin in range(0, len(keys), _AT_ONCE):
            for each in self.memories(keys[begin : begin + _AT_ONCE], server):
                found.setdefault(each.digest, []).append(each.id)
        return found

    def waiting_digests(self) -> set[bytes]:
        """Return the digests of all memories that wait here."""
        return {digest for (digest,) in self._rows(_WAITING)}

    def discarded_digests(self) -> set[bytes]:
        """Return the digests of all memories that the user has deleted."""
        return {digest for (digest,) in self._rows(SQL["discarded_digests"], (items.EDITED,))}


def _id_again(item_id: bytes) -> bytes:
    return encode(items.id_again(decode(item_id)))
