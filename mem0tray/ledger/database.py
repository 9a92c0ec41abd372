"""Opening the ledger, and transactions on its one writing connection."""

import os
import sqlite3
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Any, Final

from mem0tray.core import reasons
from mem0tray.core.errors import LedgerError
from mem0tray.core.reasons import Reason
from mem0tray.files import atomic, private_folders
from mem0tray.ledger import meta_names, schema, write_ahead_log
from mem0tray.ledger.outdated import DLQ_FILE, EMERGENCY_FILE, QUEUE_FILE, Outdated
from mem0tray.system import regular_file

_OPENINGS_FILE: Final = "ledger.mark"  # a file that counts the openings and closings too
_FEW_PAGES: Final = 64  # too few to be worth freeing
_PAGES_AT_ONCE: Final = 256  # moved within a few milliseconds
_LAST_MOMENT: Final = 0.2  # seconds
# SQLite does not wait for the disk if nothing changes, so a durable transaction changes a value.
_CHANGE: Final = (
    f"INSERT INTO meta VALUES ('{meta_names.DURABLE}', 1)"
    " ON CONFLICT (name) DO UPDATE SET value = value % 99 + 1"
)
_BROKEN: Final = "ledger.broken"  # this file is there once the ledger was found corrupt in use
_CORRUPT: Final = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_DISK_FAILED: Final = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR)
NOTES: Final = "notes of Claude Code"
# The files that items are taken in from.
SOURCES: Final = (QUEUE_FILE, DLQ_FILE, EMERGENCY_FILE, NOTES)


def encode(text: str) -> bytes:
    """Foreign text as SQLite keeps it; lone surrogates survive."""
    return text.encode("utf-8", "surrogatepass")


def decode(blob: bytes) -> str:
    """Text from the bytes that `encode` made of it."""
    return blob.decode("utf-8", "surrogatepass")


class _Block:
    """A reusable `with` block; a generator would cost too much for each delivery."""

    __slots__ = ("_begin", "_end")

    def __init__(
        self,
        begin: Callable[[], sqlite3.Connection],
        end: Callable[[BaseException | None], None],
    ) -> None:
        self._begin = begin
        self._end = end

    def __enter__(self) -> sqlite3.Connection:
        return self._begin()

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._end(error)


class Ledger:
    """The one writing connection, shared by the worker's threads under one lock.

    `rebuilt` says why the ledger was begun anew or is not to be trusted, and is empty when all
    is well. Items found in the files after that may have been sent before, so the server is
    asked about them. `outdated` tells which files are to be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rebuilt = ""
        self._lock = threading.RLock()
        self._depth = 0
        self._synchronous = ""
        self._durable = _Block(self._begin_durable, self._end)
        self._quick = _Block(self._begin, self._end)
        self._outside = _Block(self._take, self._let_go)
        private_folders.make_private_folder(path.parent)
        self.outdated = Outdated()
        self._db = self._open_or_begin()
        try:
            self.outdated.watch(self._db)
            self._check_copy()
        except BaseException:
            self._db.close()
            raise

    # Opening ---------------------------------------------------------------------

    def _open_or_begin(self) -> sqlite3.Connection:
        existed = self.path.exists()
        try:
            return self._connect()
        except sqlite3.OperationalError as error:
            raise trouble(self.path, error) from error
        except sqlite3.DatabaseError as error:
            kept = self._keep_aside()
            is_former = isinstance(error, schema.FormerVersionError)
            why = str(error) if is_former else f"it was corrupt ({error})"
            self.rebuilt = f"{why}; kept as {kept.name}"
        try:
            return self._connect()
        except sqlite3.DatabaseError as error:
            raise trouble(self.path, error) from error
        finally:
            if not existed and not self.rebuilt:
                self.rebuilt = "there was none yet"

    def _connect(self) -> sqlite3.Connection:
        if self.path.with_name(_BROKEN).exists():
            raise sqlite3.DatabaseError("found in use")
        try:
            if regular_file.look(self.path) is None:
                self.rebuilt = self.rebuilt or "there was none"
                os.close(regular_file.open_fd(self.path, os.O_CREAT | os.O_WRONLY))
        except OSError as error:
            raise atomic.unavailable(self.path, error) from error
        db = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False, timeout=5.0)
        try:
            write_ahead_log.lay_out(db, self.path)
            self._prepare(db)
        except BaseException:
            db.close()
            raise
        return db

    def _prepare(self, db: sqlite3.Connection) -> None:
        version = schema.version_of(db, self.path)
        # The quick check is three times as fast, but does not see that an index lacks a row.
        check = "quick_check" if not version or _left_in_order(db) else "integrity_check"
        if db.execute(f"PRAGMA {check}(1)").fetchone()[0] != "ok":
            raise sqlite3.DatabaseError(f"{check} failed")
        if version == 0:
            self.rebuilt = self.rebuilt or "it was empty"
            schema.create(db)

    def _keep_aside(self) -> Path:
        seconds, fraction = divmod(time.time_ns(), 1_000_000_000)
        stamp = time.strftime("%Y%m%d-%H%M%S", time.localtime(seconds))
        kept = self.path.with_name(f"{self.path.name}.kept-{stamp}-{fraction // 1000:06d}")
        for suffix in ("", "-wal", "-shm"):
            try:
                self.path.with_name(self.path.name + suffix).rename(str(kept) + suffix)
            except FileNotFoundError:
                continue
            except OSError as error:
                raise atomic.unavailable(self.path, error) from error
        self.path.with_name(_BROKEN).unlink(missing_ok=True)
        return kept

    def _check_copy(self) -> None:
        """Notice an old copy: a file beside the ledger counts its openings and closings too."""
        with self.transaction(durable=True):
            identity = self.meta(meta_names.IDENTITY)
            if identity is None:
                self.rebuilt = self.rebuilt or "it was never used"
                identity = uuid.uuid4().hex
                self.set_meta(meta_names.IDENTITY, identity)
            openings = int(self.meta(meta_names.OPENINGS) or 0)
            beside = self._counted_beside()
            if beside is not None and beside != (identity, openings) and not self.rebuilt:
                self.rebuilt = "it is an old copy"
            if self.rebuilt:  # must survive a kill until everything has been asked about
                for source in SOURCES:
                    self.set_meta(meta_names.MAY_HAVE_BEEN_SENT + source, 1)
                self.set_meta(meta_names.BOOT, "")
                self.set_meta(meta_names.CLEAN, 0)
        self._count_openings()

    def _counted_beside(self) -> tuple[str, int] | None:
        """Whose openings that file counts, and how many; None if it is not there, or is odd."""
        path = self.path.with_name(_OPENINGS_FILE)
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
            openings = int(self.meta(meta_names.OPENINGS) or 0) + 1
            self.set_meta(meta_names.OPENINGS, openings)
            identity = self.meta(meta_names.IDENTITY)
        atomic.replace(self.path.with_name(_OPENINGS_FILE), f"{identity} {openings}\n".encode())

    def may_have_been_sent(self, source: str) -> bool:
        """Whether what stands in a file may have been sent before we knew it.

        `source` is one of SOURCES.
        """
        return bool(self.meta(meta_names.MAY_HAVE_BEEN_SENT + source))

    def trust(self, source: str) -> None:
        """Note, within a transaction, that all of a file is taken in: what comes now is new."""
        if self.may_have_been_sent(source):
            self.set_meta(meta_names.MAY_HAVE_BEEN_SENT + source, 0)

    def close(self, *, in_order: bool = True) -> None:
        """Make everything durable and close the ledger.

        `in_order`: the worker leaves with nothing under way. Raises LedgerError or
        FileUnavailableError when that cannot be written: the ledger is closed all the same,
        and the next start does not take it for closed in order.
        """
        with self._lock:
            try:
                end = time.monotonic() + _LAST_MOMENT
                while self.give_back_room() and time.monotonic() < end:
                    pass
                with self.transaction(durable=True):
                    if in_order:
                        self.set_meta(meta_names.BOOT, boot_id())
                        self.set_meta(meta_names.CLEAN, 1)
                self._count_openings()
            finally:
                self._db.close()

    # Transactions ------------------------------------------------------------------

    def transaction(self, *, durable: bool = False) -> AbstractContextManager[sqlite3.Connection]:
        """A transaction, all or nothing; `durable` waits for the disk (earlier commits included).

        Only the outermost of nested transactions commits. Raises LedgerError
        when the disk is full, read-only or broken.
        """
        return self._durable if durable else self._quick

    def _begin_durable(self) -> sqlite3.Connection:
        db = self._begin("FULL")
        if self._depth == 1:
            try:
                db.execute(_CHANGE)
            except BaseException as error:
                self._end(error)
                raise
        return db

    def _begin(self, synchronous: str = "NORMAL") -> sqlite3.Connection:
        """Take the lock; begin a transaction where none is under way."""
        self._lock.acquire()
        try:
            if not self._depth:
                self._set_synchronous(synchronous)
                self._db.execute("BEGIN IMMEDIATE")
        except BaseException as error:
            self._lock.release()
            if isinstance(error, sqlite3.Error):
                raise self._trouble(error) from error
            raise
        self._depth += 1
        return self._db

    def _end(self, error: BaseException | None) -> None:
        """Let go of the lock; the outermost transaction commits, or rolls back."""
        try:
            self._depth -= 1
            if self._depth:
                return
            if error is None:
                try:
                    self._db.execute("COMMIT")
                    self.outdated.commit()
                except BaseException:
                    self._take_back()
                    raise
            else:
                self._take_back()
                if isinstance(error, sqlite3.Error):
                    raise error
        except sqlite3.Error as failure:
            if _code(failure) == sqlite3.SQLITE_FULL:
                write_ahead_log.take_in(self._db)
            raise self._trouble(failure) from failure
        finally:
            self._lock.release()

    def _take_back(self) -> None:
        self.outdated.roll_back()
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")

    def _trouble(self, error: sqlite3.Error) -> LedgerError:
        """The error in words; one that no further use can mend is noted for the next opening."""
        if _code(error) in _CORRUPT:
            with suppress(OSError):
                self.path.with_name(_BROKEN).touch(mode=0o600)
        return trouble(self.path, error)

    def scrub(self) -> None:
        """Leave no trace of erased texts in the files, the write-ahead log included."""
        with self.locked() as db:
            db.execute("VACUUM")
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def give_back_room(self) -> bool:
        """Give back to the disk a part of the room that erased texts took; return whether it did.

        Only while much of the file is empty: new texts will need what little is free otherwise.
        """
        with self.locked() as db:
            (free,) = db.execute("PRAGMA freelist_count").fetchone()
            (pages,) = db.execute("PRAGMA page_count").fetchone()
            if free < max(_FEW_PAGES, pages // 4):
                return False
            # `execute` would end the pragma after its first page.
            db.executescript(f"PRAGMA incremental_vacuum({_PAGES_AT_ONCE})")
        return True

    def _set_synchronous(self, mode: str) -> None:
        if mode != self._synchronous:
            self._db.execute(f"PRAGMA synchronous = {mode}")
            self._synchronous = mode

    def locked(self) -> AbstractContextManager[sqlite3.Connection]:
        """The connection under the lock, outside of any transaction but one already under way.

        For questions, and for what SQLite does in no transaction. Raises LedgerError.
        """
        return self._outside

    def _take(self) -> sqlite3.Connection:
        self._lock.acquire()
        return self._db

    def _let_go(self, error: BaseException | None) -> None:
        self._lock.release()
        if isinstance(error, sqlite3.Error):
            raise self._trouble(error) from error

    def meta(self, name: str) -> Any:
        """A remembered value, or None."""
        with self.locked() as db:
            row = db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return row[0] if row else None

    def set_meta(self, name: str, value: Any) -> None:
        """Remember a value (within a transaction)."""
        with self.transaction() as db:
            db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))


def _left_in_order(db: sqlite3.Connection) -> bool:
    """Whether the last worker closed the ledger, and the machine has run ever since."""
    names = (meta_names.CLEAN, meta_names.BOOT)
    known = dict(db.execute("SELECT name, value FROM meta WHERE name IN (?, ?)", names))
    return bool(known.get(meta_names.CLEAN)) and known.get(meta_names.BOOT) == boot_id()


def trouble(path: Path, error: sqlite3.Error) -> LedgerError:
    """A database error in words for a person."""
    text = str(error).rstrip(".")
    why = reasons.quoted(text)
    if _code(error) == sqlite3.SQLITE_FULL:
        why = Reason("database or disk is full")
        remedy = Reason("Free some disk space.")
    elif atomic.is_read_only(path.parent):
        remedy = Reason("The disk is read-only: mount it for writing again.")
    elif "readonly" in text or "unable to open" in text:
        remedy = Reason("Mend the permissions of the file and its folder.")
    elif isinstance(error, sqlite3.OperationalError):
        remedy = Reason("Is the disk all right?")
    else:
        remedy = Reason("Restart mem0tray: a broken ledger is kept, and rebuilt from the files.")
    found = LedgerError(
        Reason("The ledger {path} cannot be used: {why}.", path=path, why=why), remedy
    )
    found.disk_failed = _code(error) in _DISK_FAILED
    return found


def _code(error: sqlite3.Error) -> int:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def unusable(path: Path, error: OSError) -> LedgerError:
    """What keeps us from opening the ledger's file, in words for a person."""
    why = reasons.of_system(error)
    _, remedy = reasons.parted(atomic.unavailable(path, error).reason)
    return LedgerError(
        Reason("The ledger {path} cannot be used: {why}.", path=path, why=why), remedy
    )


def boot_id() -> str:
    """A text that changes with each start of the machine; empty where the system tells none."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        # To the nearest ten minutes: the clock may be corrected meanwhile.
        return f"up since {round((time.time() - time.monotonic()) / 600)}"
