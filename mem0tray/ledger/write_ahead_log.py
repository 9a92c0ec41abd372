"""The ledger's write-ahead log: how it is laid out, and when it is checkpointed."""

import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Final

_PAGE: Final = 2048  # bytes; a delivery writes five or six pages to the log
# Size of the log, in bytes, at which it is checkpointed, which waits for the disk three times. A
# quarter of this meant one checkpoint in four hundred deliveries, and a tenth of their time.
_MOST: Final = 16_384_000
_SHARE: Final = 4  # but never more than a quarter of the free room, so as not to fill a small disk


def lay_out(db: sqlite3.Connection, path: Path) -> None:
    """Have the ledger at `path` written through a log. Raises sqlite3.Error."""
    # SQLite heeds both only while there are no tables.
    db.execute(f"PRAGMA page_size = {_PAGE}")
    db.execute("PRAGMA auto_vacuum = INCREMENTAL")
    # Read to the last row: only there a disk is reported that fails after the first one, and the
    # old mode would stay in force.
    db.execute("PRAGMA journal_mode = WAL").fetchall()
    db.execute("PRAGMA journal_size_limit = 16777216")  # the log may run a little past that
    (page,) = db.execute("PRAGMA page_size").fetchone()  # former versions had twice that
    db.execute(f"PRAGMA wal_autocheckpoint = {max(1, _most(path.parent) // page)}")


def take_in(db: sqlite3.Connection) -> None:
    """Checkpoint the log into the ledger, as far as that can be done at once.

    For a full disk: the next writes then reuse the room of what was checkpointed.
    """
    with suppress(sqlite3.Error):
        db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()


def _most(folder: Path) -> int:
    """The largest size of the log, in bytes."""
    import shutil  # slow to import, and those who only read the ledger have no log to lay out

    with suppress(OSError):
        return min(_MOST, shutil.disk_usage(folder).free // _SHARE)
    return _MOST
