"""The tables of the ledger, and their version."""

import sqlite3
from pathlib import Path
from typing import Final

from mem0tray.core.errors import LedgerError
from mem0tray.core.reasons import Reason

VERSION: Final = 7
_TABLES: Final = Path(__file__).with_name("schema.sql")


class FormerVersionError(sqlite3.DatabaseError):
    """A ledger from before the first release: it is kept aside, and rebuilt from the files."""


def create(db: sqlite3.Connection) -> None:
    """Make the tables of a new ledger."""
    db.executescript(f"BEGIN; {_TABLES.read_text()} PRAGMA user_version = {VERSION}; COMMIT;")


def version_of(db: sqlite3.Connection, path: Path) -> int:
    """The version that wrote a ledger, 0 for one without tables.

    Raises FormerVersionError, and LedgerError for a later version.
    """
    version = int(db.execute("PRAGMA user_version").fetchone()[0])
    if version > VERSION:
        raise LedgerError(
            Reason("The ledger {path} was written by a newer mem0tray.", path=path),
            Reason("Update mem0tray."),
        )
    if 0 < version < VERSION:
        raise FormerVersionError("it was of a version before the first release")
    return version
