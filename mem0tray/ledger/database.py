"""The ledger's one writing connection: transactions, remembered values, outdated files."""

import sqlite3
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from mem0tray.core.errors import LedgerError
from mem0tray.files import atomic, private_folders
from mem0tray.ledger import names, opening
from mem0tray.system import computer, regular_file

_MARK: Final = "ledger.mark"  # a file that counts the openings and closings too
_TRIGGERS: Final = Path(__file__).with_name("triggers.sql")
# SQLite does not wait for the disk if nothing changes, so a durable transaction changes a value.
_CHANGE: Final = (
    f"INSERT INTO meta VALUES ('{names.DURABLE}', 1)"
    " ON CONFLICT (name) DO UPDATE SET value = value % 99 + 1"
)


def encode(text: str) -> bytes:
    """Return foreign text as SQLite keeps it; lone surrogates survive."""
    return text.encode("utf-8", "surrogatepass")


def decode(blob: bytes) -> str:
    """Return text from the bytes that `encode` made of it."""
    return blob.decode("utf-8", "surrogatepass")


def dialect_in(kept: Any, address: str) -> str:
    """Return the dialect that `meta` keeps for this address; empty if it names another address."""
    dialect, _, there = str(kept or "").partition(" ")
    return dialect if there == address else ""


class Outdated:
    """Counts how often commits have changed what each file shows; publishers compare two counts."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._noted: set[str] = set()
        self._times = dict.fromkeys((names.QUEUE_FILE, names.DLQ_FILE, names.METRICS_FILE), 0)
        db.create_function("outdates", 1, self._noted.add)
        db.executescript(_TRIGGERS.read_text(encoding="utf-8"))

    def times(self, file: str) -> int:
        return self._times[file]

    def commit(self) -> None:
        for file in self._noted:
            self._times[file] += 1
        self._noted.clear()

    def roll_back(self) -> None:
        self._noted.clear()


class Ledger:
    """The one writing connection, shared by the worker's threads under one lock.

    `rebuilt` says why the ledger was begun anew or is not to be trusted: the server is then asked
    about what is found in the files. `moved`: another computer has written it, which may have sent
    since what waits here, so that the same holds. `outdated` counts what makes which files to be
    written. `checked`: see `opening.open_or_begin`.
    """

    def __init__(self, path: Path, *, checked: bool = True) -> None:
        self.path = path
        self._lock = threading.RLock()
        self._is_open = False  # a transaction, on the thread that has the lock
        self._synchronous = ""
        private_folders.make_private_folder(path.parent)
        self._db, self.rebuilt = opening.open_or_begin(path, checked=checked)
        try:
            self.outdated = Outdated(self._db)
            self._check_copy()
        except BaseException:
            self._db.close()
            raise

    def _check_copy(self) -> None:
        """Notice an old copy: a file beside the ledger counts its openings and closings too.

        And notice another computer's, by its identity.
        """
        here = computer.identity()
        with self.transaction(durable=True):
            self.moved = self.meta(names.COMPUTER) not in (None, here)
            self.set_meta(names.COMPUTER, here)
            identity = self.meta(names.IDENTITY)
            if identity is None:
                self.rebuilt = self.rebuilt or "it was never used"
                identity = uuid.uuid4().hex
                self.set_meta(names.IDENTITY, identity)
            beside = self._counted_beside()
            if beside not in (None, (identity, int(self.meta(names.OPENINGS) or 0))):
                self.rebuilt = self.rebuilt or "it is an old copy"
            if (
                self.rebuilt or self.moved
            ):  # must survive a kill until everything has been asked about
                for source in names.SOURCES:
                    self.set_meta(names.MAY_HAVE_BEEN_SENT + source, 1)
                self.set_meta(names.BOOT, "")
            self.set_meta(names.CLEAN, "")
        self._count_openings()

    def _counted_beside(self) -> tuple[str, int] | None:
        path = self.path.with_name(_MARK)
        try:
            identity, openings = regular_file.read_bytes(path).decode("ascii", "replace").split()
            return identity, int(openings)
        except (FileNotFoundError, ValueError):
            return None
        except OSError as error:
            self.rebuilt = self.rebuilt or f"{path} cannot be read ({error.strerror})"
            return None

    def _count_openings(self) -> None:
        with self.transaction():
            openings = int(self.meta(names.OPENINGS) or 0) + 1
            self.set_meta(names.OPENINGS, openings)
            identity = self.meta(names.IDENTITY)
        atomic.replace(self.path.with_name(_MARK), f"{identity} {openings}\n".encode())

    def may_have_been_sent(self, source: str) -> bool:
        return bool(self.meta(names.MAY_HAVE_BEEN_SENT + source))

    def trust(self, source: str) -> None:
        if self.may_have_been_sent(source):
            self.set_meta(names.MAY_HAVE_BEEN_SENT + source, 0)

    def close(self) -> None:
        """Make everything durable and close.

        Raises LedgerError or FileUnavailableError if it cannot; it is closed all the same.
        """
        with self._lock:
            try:
                with self.transaction(durable=True):
                    self.set_meta(names.CLEAN, opening.boot_id())
                self._count_openings()
            finally:
                self._db.close()

    def scrub(self) -> None:
        with self.locked() as db:
            db.execute("VACUUM")
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    @contextmanager
    def transaction(self, *, durable: bool = False) -> Iterator[sqlite3.Connection]:
        """Begin a transaction; with `durable` it waits for the disk, for earlier commits too.

        Only the outermost of nested ones commits. Raises LedgerError.
        """
        with self.locked() as db:
            if self._is_open:
                yield db
                return
            wanted = "FULL" if durable else "NORMAL"
            if wanted != self._synchronous:
                db.execute(f"PRAGMA synchronous = {wanted}")
                self._synchronous = wanted
            try:
                db.execute("BEGIN IMMEDIATE")
                self._is_open = True
                if durable:
                    db.execute(_CHANGE)
                yield db
                db.execute("COMMIT")
                self.outdated.commit()
            except BaseException:
                self.outdated.roll_back()
                with suppress(sqlite3.Error):  # after some errors SQLite has rolled back by itself
                    db.execute("ROLLBACK")
                raise
            finally:
                self._is_open = False

    @contextmanager
    def locked(self) -> Iterator[sqlite3.Connection]:
        """Lock the connection, without a transaction. Raises LedgerError."""
        with self._lock:
            try:
                yield self._db
            except sqlite3.Error as error:
                raise self._trouble(error) from error

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        with self.locked() as db:
            return db.execute(sql, values).fetchall()

    def value(self, sql: str, *values: Any) -> Any:
        """Return the first value of the first row, None if there is no row. Raises LedgerError."""
        with self.locked() as db:
            row = db.execute(sql, values).fetchone()
        return row[0] if row else None

    def write(self, sql: str, *values: Any) -> int:
        with self.transaction() as db:
            return db.execute(sql, values).rowcount

    def meta(self, name: str) -> Any:
        return self.value("SELECT value FROM meta WHERE name = ?", name)

    def set_meta(self, name: str, value: Any) -> None:
        self.write("INSERT OR REPLACE INTO meta VALUES (?, ?)", name, value)

    def find_raw(self, key: int) -> bytes | None:
        found: bytes | None = self.value("SELECT raw FROM texts WHERE key = ?", key)
        return found

    def raw(self, key: int) -> bytes:
        """Return an item's bytes as they are now; LookupError when they have gone."""
        found = self.find_raw(key)
        if found is None:
            raise LookupError(key)
        return found

    def set_raw(self, key: int, raw: bytes) -> None:
        self.write("INSERT OR REPLACE INTO texts VALUES (?, ?)", key, raw)

    def _trouble(self, error: sqlite3.Error) -> LedgerError:
        if opening.code_of(error) == sqlite3.SQLITE_FULL:
            # The next writes reuse the room in the log of what can be checkpointed at once.
            with suppress(sqlite3.Error):
                self._db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        opening.note_corrupt(self.path, error)
        return opening.trouble(self.path, error)
