"""Opening the ledger's file: its version, its write-ahead log, and its errors in words."""

import errno
import os
import sqlite3
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from mem0tray.core import reasons
from mem0tray.core.errors import LedgerError
from mem0tray.core.reasons import Reason
from mem0tray.files import atomic
from mem0tray.ledger import names
from mem0tray.system import regular_file

VERSION: Final = 7
_TABLES: Final = Path(__file__).with_name("schema.sql")
_ADDED: Final = "-- Added"  # before tables that ledgers of this version may lack
_BROKEN: Final = "ledger.broken"  # this file is there once the ledger was found corrupt in use
_CORRUPT: Final = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_DISK_FAILED: Final = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR)
_NUMBERS: Final = {
    sqlite3.SQLITE_FULL: errno.ENOSPC,
    sqlite3.SQLITE_READONLY: errno.EACCES,
    sqlite3.SQLITE_CANTOPEN: errno.EACCES,
    sqlite3.SQLITE_IOERR: errno.EIO,
}
_RESTART: Final = Reason("Restart mem0tray: a broken ledger is kept, and rebuilt from the files.")
_PAGE: Final = 2048  # bytes; a delivery writes five or six pages to the log
# Pages of the log at which it is checkpointed, which waits for the disk three times. A quarter of
# this meant one checkpoint in four hundred deliveries, and a tenth of their time.
_LONGEST_LOG: Final = 8_000
_LEAST_LOG: Final = 16  # pages for which there is room, on a disk that is not full


def open_or_begin(path: Path, *, checked: bool) -> tuple[sqlite3.Connection, str]:
    """Open the ledger for writing; also return why it was begun anew, empty if it was not.

    One that is corrupt or too old is kept beside it. If it was closed in order, it is read through
    only if that is to be `checked`. Raises LedgerError, FileUnavailableError.
    """
    try:
        return _open(path, checked=checked)
    except sqlite3.OperationalError as error:
        raise trouble(path, error) from error
    except sqlite3.DatabaseError as error:
        why = f"it could not be used ({error})"
    kept = _keep_aside(path)
    try:
        return _open(path, checked=checked)[0], f"{why}; kept as {kept.name}"
    except sqlite3.DatabaseError as error:
        raise trouble(path, error) from error


def _open(path: Path, *, checked: bool) -> tuple[sqlite3.Connection, str]:
    if path.with_name(_BROKEN).exists():
        raise sqlite3.DatabaseError("found in use")
    with atomic.explained(path):
        existed = regular_file.look(path) is not None
        if not existed:
            os.close(regular_file.open_fd(path, os.O_CREAT | os.O_WRONLY))
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5.0)
    try:
        version = version_of(db, path)  # first of all: a newer ledger stays as it is
        db.execute(f"PRAGMA page_size = {_PAGE}")  # heeded only while there are no tables
        # Read to the last row: only there a disk is reported that fails after the first one, and
        # the old mode would stay in force.
        db.execute("PRAGMA journal_mode = WAL").fetchall()
        db.execute("PRAGMA journal_size_limit = 16777216")  # the log may run a little past that
        db.execute(f"PRAGMA wal_autocheckpoint = {_longest_log(path.parent)}")
        _check(db, version, checked=checked)
        tables = _TABLES.read_text()
        added = tables[tables.index(_ADDED) :]
        script = added if version else f"{tables} PRAGMA user_version = {VERSION};"
        db.executescript(f"BEGIN; {script} COMMIT;")
    except BaseException:
        db.close()
        raise
    return db, "" if version else "it was empty" if existed else "there was none"


def _longest_log(folder: Path) -> int:
    """Return the log's pages at which it is checkpointed: it may not fill a small disk."""
    import shutil  # slow to import, and those who only read the ledger have no log to lay out

    with suppress(OSError):
        return max(1, min(_LONGEST_LOG, shutil.disk_usage(folder).free // 4 // _PAGE))
    return _LONGEST_LOG


def _check(db: sqlite3.Connection, version: int, *, checked: bool) -> None:
    check = "integrity_check"
    if not version or _closed_in_order(db):
        if not checked:
            return
        check = "quick_check"  # three times as fast, but does not see that an index lacks a row
    if db.execute(f"PRAGMA {check}(1)").fetchone()[0] != "ok":
        raise sqlite3.DatabaseError(f"{check} failed")


def version_of(db: sqlite3.Connection, path: Path) -> int:
    """Return the version that wrote a ledger, 0 for one without tables.

    Raises LedgerError for a later version, DatabaseError for one before the first release.
    """
    version = int(db.execute("PRAGMA user_version").fetchone()[0])
    if version > VERSION:
        raise LedgerError(
            Reason(
                "A newer mem0tray has written the ledger {path}: this older one leaves it as it is,"
                " and delivers nothing.",
                path=path,
            ),
            Reason("Update mem0tray; what waits is kept, and goes out then."),
        )
    if 0 < version < VERSION:
        raise sqlite3.DatabaseError("of a version before the first release")
    return version


def _closed_in_order(db: sqlite3.Connection) -> bool:
    known: tuple[object] | None = db.execute(
        "SELECT value FROM meta WHERE name = ?", (names.CLEAN,)
    ).fetchone()
    return known is not None and known[0] == boot_id()


def _keep_aside(path: Path) -> Path:
    seconds, fraction = divmod(time.time_ns(), 1_000_000_000)
    stamp = time.strftime("%Y%m%d-%H%M%S", time.localtime(seconds))
    kept = path.with_name(f"{path.name}.kept-{stamp}-{fraction // 1000:06d}")
    for suffix in ("", "-wal", "-shm"):
        with atomic.explained(path), suppress(FileNotFoundError):
            path.with_name(path.name + suffix).rename(str(kept) + suffix)
    path.with_name(_BROKEN).unlink(missing_ok=True)
    return kept


def note_corrupt(path: Path, error: sqlite3.Error) -> None:
    """Note an error that no further use can mend, for the next opening."""
    if code_of(error) in _CORRUPT:
        with suppress(OSError):
            path.with_name(_BROKEN).touch(mode=0o600)


def trouble(path: Path, error: sqlite3.Error) -> LedgerError:
    """Return a database error in words for a person."""
    code = code_of(error)
    if code == sqlite3.SQLITE_IOERR and _longest_log(path.parent) < _LEAST_LOG:
        code = sqlite3.SQLITE_FULL  # so SQLite calls it where there is no room for its log
    number, why = _NUMBERS.get(code, 0), reasons.quoted(str(error).rstrip("."))
    if code == sqlite3.SQLITE_FULL:
        why = Reason("database or disk is full")
    elif number and atomic.is_read_only(path.parent):
        number = errno.EROFS
    what = Reason("The ledger {path} cannot be used: {why}.", path=path, why=why)
    found = LedgerError(what, atomic.REMEDIES.get(number, _RESTART))
    found.disk_failed = code in _DISK_FAILED
    return found


def code_of(error: sqlite3.Error) -> int:
    """Return the primary result code of SQLite; 0 if there is none."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def boot_id() -> str:
    """Return a text that changes with each start of the machine."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        # To the nearest ten minutes: the clock may be corrected meanwhile.
        return f"up since {round((time.time() - time.monotonic()) / 600)}"
