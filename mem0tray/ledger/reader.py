"""The ledger as commands see it: read-only, and never in the worker's way.

A ledger that is missing, locked or corrupt knows nothing: every answer is then empty.
"""

import json
import os
import sqlite3
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, suppress
from itertools import groupby
from pathlib import Path
from typing import Any, Final, Self

from mem0tray.core import item as items
from mem0tray.core import reasons
from mem0tray.core.errors import FileUnavailableError, LedgerError
from mem0tray.core.item import Kind, Name
from mem0tray.core.state import WorkerSeen
from mem0tray.files import atomic
from mem0tray.files.atomic import Signature
from mem0tray.ledger import foreign_claims, names, opening
from mem0tray.ledger.counters import Counts
from mem0tray.ledger.database import decode, dialect_in, encode
from mem0tray.ledger.names import SQL
from mem0tray.ledger.outages import Outage
from mem0tray.ledger.rows import (
    ORDERS,
    Attempt,
    Batch,
    Known,
    Listed,
    Matching,
    ProjectCounts,
    TakenMemory,
    Traced,
    known_from,
)
from mem0tray.system import regular_file

_TIMEOUT: Final = 1.0
_KNOWN: Final = f"SELECT {SQL['known']} FROM items"
_LISTED: Final = f"SELECT {SQL['known']}, raw FROM items JOIN texts USING (key)"
# With a sign, so that SQLite sorts what it finds by an index, and does not look at all items.
_ORDER: Final = {items.DEAD: "dead_seq, items.key", items.FRESH: "+items.key"}
_WAITS: Final = "state IN ('pending', 'dead')"
_BEGINS: Final = "id >= ? AND id < ?"
# No byte of UTF-8 is as large: the ids that begin with a text lie before that text and this byte.
_AFTER: Final = b"\xff"
_MOST: Final = 1000  # memories found by the beginning of an id
_AT_ONCE: Final = 500  # rows of one query


class Reader:
    """`needed`: raises LedgerError where there is a ledger that cannot be read now."""

    def __init__(self, path: Path, *, needed: bool = False) -> None:
        self._path = path
        self._needed = needed
        self._db: sqlite3.Connection | None = None
        self.refusal = reasons.NONE  # why it was not opened, where that has words

    def __enter__(self) -> Self:
        try:
            with atomic.explained(self._path), suppress(NotADirectoryError):
                if regular_file.look(self._path) is not None:  # SQLite would wait at a named pipe
                    self._db = self._open()
        except sqlite3.Error as error:
            self._cannot(error)
        except (FileUnavailableError, LedgerError) as error:  # it may be of a newer version
            self.refusal = error.reason
            if self._needed:
                raise LedgerError(*reasons.parted(error.reason)) from error
        return self

    def _open(self) -> sqlite3.Connection:
        # With each byte escaped: urllib is slow to import, and hooks wait for this.
        uri = f"file:%{os.fsencode(self._path).hex('%')}?mode=ro"
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
        return bool(self._rows("SELECT count(*) FROM meta"))

    @property
    def is_blank(self) -> bool:
        """Whether nothing has been written in it: a worker is about to."""
        return bool(self._rows("SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM sqlite_schema)"))

    def _rows(self, sql: str, *values: Any, **named: Any) -> list[tuple[Any, ...]]:
        if self._db is None:
            return []
        try:
            with closing(self._db.execute(sql, named or values)) as cursor:
                return cursor.fetchall()
        except sqlite3.Error as error:
            self._cannot(error)
            return []

    def _cannot(self, error: sqlite3.Error) -> None:
        """Raise, unless the ledger is corrupt or cut short at its creation: that knows nothing."""
        empty = opening.code_of(error) == sqlite3.SQLITE_ERROR
        if self._needed and isinstance(error, sqlite3.OperationalError) and not empty:
            raise opening.trouble(self._path, error) from error

    def _one(self, sql: str, *values: Any) -> Any:
        rows = self._rows(sql, *values)
        return rows[0][0] if rows else None

    def _meta(self, name: str) -> Any:
        return self._one("SELECT value FROM meta WHERE name = ?", name)

    # What waits -----------------------------------------------------------------------

    def counts(self) -> Counts | None:
        rows = self._rows(SQL["counts"])
        return Counts.of(rows[0]) if rows else None

    def listed(
        self, state: str, project: str | None = None, limit: int | None = None
    ) -> list[Listed]:
        where, values = _those(state, project)
        sql = f"{_LISTED} WHERE {where} ORDER BY {_ORDER[state]} LIMIT ?"
        return _listed(self._rows(sql, *values, -1 if limit is None else limit))

    def count(self, state: str, project: str | None = None) -> int:
        where, values = _those(state, project)
        return int(self._one(f"SELECT count(*) FROM items WHERE {where}", *values) or 0)

    def matching(self, wanted: Matching, order: str = "due") -> list[int]:
        """Return the keys of the dead letters that match, by an order of `ORDERS`."""
        sql = f"SELECT key FROM items WHERE {SQL['matching']} ORDER BY {ORDERS[order]}, key"
        return [key for (key,) in self._rows(sql, **wanted.values())]

    def newest(self, limit: int, text: str | None = None) -> list[Listed]:
        """List what waits and came last, if it holds `text`; newest first."""
        values = Matching(text=text).values() | {"limit": limit}
        keys = [
            key
            for state in (items.FRESH, items.DEAD)
            for (key,) in self._rows(SQL["newest"], **values, state=state)
        ]
        return self.with_keys(sorted(keys, reverse=True)[:limit])

    def failures(self, limit: int) -> list[tuple[str, int, Listed]]:
        """Return each error of dead letters, how many have it, and one of them; the most first."""
        found = self._rows(SQL["failures"], limit)
        return [(said, n, one) for said, n, key in found for one in self.with_keys([key])]

    def with_keys(self, keys: Sequence[int]) -> list[Listed]:
        """Return what waits of these, in their order."""
        where = f"items.key IN (SELECT value FROM json_each(?)) AND {_WAITS}"
        found = _listed(self._rows(f"{_LISTED} WHERE {where}", json.dumps(list(keys))))
        by_key = {each[0].key: each for each in found}
        return [by_key[key] for key in dict.fromkeys(keys) if key in by_key]

    def dead_since(self) -> list[float]:
        sql = "SELECT moved FROM items WHERE state = 'dead' AND moved IS NOT NULL"
        return [moved for (moved,) in self._rows(sql)]

    def strays(self) -> list[bytes]:
        rows = self._rows("SELECT raw FROM strays WHERE name IS NULL ORDER BY seq")
        return [raw for (raw,) in rows]

    def waiting_names(self) -> set[Name]:
        rows = self._of_both("SELECT id, digest FROM items WHERE {state}")
        return {(decode(item_id), digest) for item_id, digest in rows}

    def named(self, name: str) -> list[Listed]:
        """Return what waits with this id, or else whose id begins so; dead letters first."""
        begin = encode(name)
        found = _listed(self._rows(f"{_LISTED} WHERE id = ? AND {_WAITS}", begin))
        if not found:
            sql = f"{_LISTED} WHERE {_BEGINS} AND {_WAITS} LIMIT {_MOST}"
            found = _listed(self._rows(sql, begin, begin + _AFTER))
        return sorted(found, key=lambda each: (each[0].state != items.DEAD, each[0].key))

    def beside(self, item_id: str) -> list[str]:
        """Return the ids that come just before and just after this one, of all ever taken in."""
        name = encode(item_id)
        before = self._rows("SELECT id FROM items WHERE id < ? ORDER BY id DESC LIMIT 1", name)
        after = self._rows("SELECT id FROM items WHERE id > ? ORDER BY id LIMIT 1", name)
        return [decode(each) for (each,) in before + after]

    def by_project(self) -> list[ProjectCounts]:
        sums: dict[str, ProjectCounts] = {}
        for name, dead, fresh in self._of_both(
            "SELECT project, sum(state = 'dead'), sum(state = 'pending') FROM items"
            " WHERE {state} GROUP BY project"
        ):
            project = decode(name)
            former = sums.get(project, ProjectCounts(project, 0, 0))
            sums[project] = ProjectCounts(project, former.dead + dead, former.fresh + fresh)
        return sorted(sums.values(), key=lambda each: (-each.dead, -each.fresh, each.project))

    def by_retries(self) -> dict[int, int]:
        """Return how many dead letters have each number of retries; `GROWS_UNTIL`: that or more."""
        return dict(self._rows(SQL["retries"]))

    def made(self) -> list[float]:
        return [made for (made,) in self._rows("SELECT ts FROM items WHERE state = 'dead'")]

    def _of_both(self, sql: str) -> Iterable[tuple[Any, ...]]:
        for state in (items.DEAD, items.FRESH):  # there is an index for each, none for both
            yield from self._rows(sql.format(state=f"state = '{state}'"))

    # What was noted -------------------------------------------------------------------

    def other_worker(self) -> WorkerSeen | None:
        return foreign_claims.worker_in(self._meta(names.OTHER_WORKER))

    def our_runs(self) -> list[str]:
        return str(self._meta(names.OUR_RUN) or "").split()

    def emergency_sources(self) -> bytes:
        """Return how far emergency files are read, for `sources` of `files.emergency`."""
        return bytes(self._meta(names.EMERGENCY_SOURCES) or b"[]")

    def last_delivery(self) -> float | None:
        found = self._meta(names.LAST_DELIVERY)
        return None if found is None else items.number(found)

    def last_sync(self) -> Any:
        return self._meta(names.LAST_SYNC)

    def counter(self, name: str) -> int:
        return items.count(self._meta(name))

    def dialect_of(self, address: str) -> str:
        return dialect_in(self._meta(names.DIALECT), address)

    def project_of_notes(self, folder: str) -> str:
        mark = self._one("SELECT mark FROM notes WHERE path = ?", encode(folder))
        return str(json.loads(mark or '""'))

    def note_directories(self) -> dict[str, str]:
        return dict(json.loads(self._meta(names.NOTE_DIRECTORIES) or "{}"))

    def is_noted(self, name: str, file: Signature) -> bool:
        return bool(self._meta(name) == json.dumps(file.lasting))

    # One memory -----------------------------------------------------------------------

    def known(self, item_id: str, digest: bytes) -> Known | None:
        return next(iter(self._known("id = ? AND digest = ?", encode(item_id), digest)), None)

    def by_id(self, item_id: str) -> list[Known]:
        return self._known("id = ? ORDER BY key", encode(item_id))

    def by_prefix(self, prefix: str) -> list[Known]:
        start = encode(prefix)
        found = self._known(f"{_BEGINS} LIMIT {_MOST}", start, start + _AFTER)
        return sorted(found, key=lambda known: known.key)

    def _known(self, where: str, *values: Any) -> list[Known]:
        return list(map(known_from, self._rows(f"{_KNOWN} WHERE {where}", *values)))

    def raw(self, key: int) -> bytes | None:
        found: bytes | None = self._one("SELECT raw FROM texts WHERE key = ?", key)
        return found

    def attempts(self, key: int) -> list[Attempt]:
        return [Attempt(*row) for row in self._rows(SQL["attempts"], key)]

    def outcomes(self, keys: Iterable[int], since: float) -> dict[int, str]:
        """Return those of which something has become since then: delivered, deleted or failed."""
        values = {"keys": json.dumps(list(keys)), "since": since, "question": Kind.ASKED_IN_VAIN}
        rows = self._rows(SQL["outcomes"], **values, uncounted=json.dumps(sorted(items.UNCOUNTED)))
        return {key: became for key, became in rows if became}

    def last_attempts(self) -> dict[Name, Attempt]:
        rows = self._rows(SQL["last_attempts"])
        return {(decode(name), digest): Attempt(*rest) for name, digest, *rest in rows}

    def servers_of(self, key: int) -> list[tuple[str, float]]:
        return [(name, at) for name, at in self._rows(SQL["deliveries"], key)]

    def has(self, item_id: str, digest: bytes, server: str) -> bool:
        return bool(self._rows(SQL["has"], encode(item_id), digest, server))

    def with_digest(self, digest: bytes, server: str) -> list[Known]:
        """Find what this server took with this text."""
        where = f"digest = ? AND state = 'delivered' AND {SQL['server_has']} ORDER BY key"
        return self._known(where, digest, server)

    def is_delivered(self, known: Known | None, server: str) -> bool:
        """Return whether the chosen `server` has a memory; any server where none is chosen."""
        if known is None or known.state != items.DELIVERED:
            return False
        return not server or self.has(*known.name, server)

    # What was deleted -----------------------------------------------------------------

    def discarded(self) -> list[Batch]:
        """Return each deletion whose items can still be restored, newest first."""
        found = self._rows(SQL["deleted"], items.EDITED)
        return [
            Batch(rows[0][0], rows[0][1], [row[2] for row in rows], [row[3] for row in rows])
            for rows in (list(its) for _, its in groupby(found, lambda row: row[0]))
        ]

    def has_discarded(self) -> bool:
        return bool(self._rows(f"SELECT 1 FROM {SQL['discarded_texts']} LIMIT 1", items.EDITED))

    def discarded_digests(self) -> set[bytes]:
        return {digest for (digest,) in self._rows(SQL["discarded_digests"], items.EDITED)}

    def removed(self) -> set[Name]:
        """Find what was deleted on a server: each id is used up."""
        sql = "SELECT id, digest FROM items WHERE state = 'discarded' AND reason = ?"
        return {(decode(name), digest) for name, digest in self._rows(sql, items.REMOVED)}

    # What was delivered ---------------------------------------------------------------

    def began(self) -> float | None:
        found: float | None = self._one("SELECT accepted FROM items ORDER BY key LIMIT 1")
        return found

    def delivered_by_project(self) -> dict[str, int]:
        sql = "SELECT project, count(*) FROM items WHERE state = 'delivered' GROUP BY project"
        return {decode(name): number for name, number in self._rows(sql)}

    def lately_delivered(self, limit: int) -> list[str]:
        """Return the projects of the last deliveries, the latest first."""
        return [decode(name) for (name,) in self._rows(SQL["lately_delivered"], limit)]

    def deliveries(self, since: float, step: float) -> dict[float, int]:
        rows = self._rows(SQL["delivered_in_spans"], step, since)
        return {slot * step: number for slot, number in rows}

    def outages(self, since: float, now: float) -> list[Outage]:
        """Return when the server could not be reached, oldest first."""
        return [Outage.of(row, now) for row in self._rows(SQL["outages"], since)]

    def stays(self, since: float) -> list[tuple[float, float]]:
        return [(came, went) for came, went in self._rows(SQL["stays"], since)]

    def taken(self, server: str) -> dict[str, "array[int]"]:
        self._define("id_again", items.id_again)
        found: dict[bytes, array[int]] = {}
        for project, key in self._rows(SQL["taken"], server):
            found.setdefault(project, array("q")).append(key)
        return {decode(project): keys for project, keys in found.items()}

    def memories(self, keys: Sequence[int], server: str) -> Iterator[TakenMemory]:
        for begin in range(0, len(keys), _AT_ONCE):
            some = json.dumps(list(keys[begin : begin + _AT_ONCE]))
            for name, project, digest, first, at in self._rows(SQL["taken_memories"], some, server):
                item_id = decode(name)
                key = items.idempotency_key(item_id, digest, first)
                yield TakenMemory(item_id, decode(project), digest, key, at)

    # Former servers -------------------------------------------------------------------

    def servers(self) -> list[str]:
        rows = self._rows("SELECT name FROM servers WHERE key > 0 ORDER BY key")
        return [name for (name,) in rows]

    def only_elsewhere(self, server: str) -> dict[str, int]:
        """Count the delivered memories that other servers have taken, and this one has not."""
        if not self._rows("SELECT 1 FROM servers WHERE name != ? LIMIT 1", server):
            return {}
        self._define("first_id", items.first_id)
        return dict(self._rows(SQL["only_elsewhere"], server, items.digest(*items.TRIAL)))

    def _define(self, name: str, change: Callable[[str], str]) -> None:
        """Let statements of this connection change an id as `change` does."""
        if self._db is not None:
            self._db.create_function(
                name, 1, lambda item_id: encode(change(decode(item_id))), deterministic=True
            )

    def traced(self, former: str, chosen: str) -> Iterator[Traced]:
        for item_id, digest, first, project, *rest in self._rows(SQL["traced"], former, chosen):
            name, (timestamp, state, *has) = decode(item_id), rest
            key = items.idempotency_key(name, digest, first)
            yield Traced(name, digest, key, decode(project), timestamp, state, *map(bool, has))


def _those(state: str, project: str | None) -> tuple[str, list[Any]]:
    if project is None:
        return f"state = '{state}'", []
    return f"state = '{state}' AND project = ?", [encode(project)]


def _listed(rows: Iterable[tuple[Any, ...]]) -> list[Listed]:
    return [(known_from(known), raw) for *known, raw in rows]
