"""The ledger's write-ahead log: how it is laid out, and when it is taken into the ledger."""

import shutil
import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Final

_PAGE: Final = 2048  # bytes; of each delivery five pages or six go into the log
# Bytes of the log at which it is taken into the ledger, which waits for the disk three times: at a
# quarter of this that was after every four hundred deliveries, for as long as a tenth of them took.
_MOST: Final = 16_384_000
_SHARE: Final = 4  # and never more than this part of what room the disk has: it fills no small one


def lay_out(db: sqlite3.Connection, path: Path) -> None:
    """Have the ledger at `path` written by way of a log. Raises sqlite3.Error."""
    # Both are heeded while there are no tables yet.
    db.execute(f"PRAGMA page_size = {_PAGE}")
    db.execute("PRAGMA auto_vacuum = INCREMENTAL")
    # To the last row: a disk that fails after the first one is told of only there,
    # and would leave the old mode.
    db.execute("PRAGMA journal_mode = WAL").fetchall()
    db.execute("PRAGMA journal_size_limit = 16777216")  # it may end behind that a little
    (page,) = db.execute("PRAGMA page_size").fetchone()  # of former versions twice that
    db.execute(f"PRAGMA wal_autocheckpoint = {max(1, _most(path.parent) // page)}")


def take_in(db: sqlite3.Connection) -> None:
    """Take the log into the ledger, as far as that can be done at once.

    For a full disk: what is written next takes the place of what was taken in.
    """
    with suppress(sqlite3.Error):
        db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()


def _most(folder: Path) -> int:
    """How long the log may become, in bytes."""
    with suppress(OSError):
        return min(_MOST, shutil.disk_usage(folder).free // _SHARE)
    return _MOST
