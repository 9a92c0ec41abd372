"""Bugs that a power cut must bring to light: each is what somebody might have left out."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final
from unittest import mock

from mem0tray.actions import backups
from mem0tray.files import atomic
from mem0tray.ledger.database import Ledger
from tests.support.home import REPOSITORY, Home

VARIABLE: Final = "CRASH_STATES_PLANTED"


def no_folder_sync() -> None:
    """Leave out the fsync of the folder after a rename."""
    mock.patch.object(atomic, "sync_folder").start()


def no_file_sync() -> None:
    """Leave out the fsync of a file before it is renamed."""
    mock.patch.object(atomic, "sync").start()


def files_before_ledger() -> None:
    """Write the files without waiting until the disk has what the ledger says."""

    def off(ledger: Ledger, _: str) -> None:
        ledger._db.execute("PRAGMA synchronous = OFF")

    mock.patch.object(Ledger, "_set_synchronous", off).start()


def backup_unsynced() -> None:
    """Delete dead letters when their backup is written, not when it is on the disk."""

    def write(path: Path, data: bytes) -> Path:
        path.write_bytes(data)
        return path

    mock.patch.object(backups, "_write", write).start()


PLANTED: Final[dict[str, Callable[[], None]]] = {
    "no-folder-sync": no_folder_sync,
    "no-file-sync": no_file_sync,
    "files-before-ledger": files_before_ledger,
    "backup-unsynced": backup_unsynced,
}


def plant(home: Home, name: str) -> None:
    """Let every command of this home run with the bug."""
    home.env |= {VARIABLE: name, "PYTHONPATH": str(REPOSITORY)}
    home._command = (sys.executable, "-m", "tests.proofs.crash_states.program")
