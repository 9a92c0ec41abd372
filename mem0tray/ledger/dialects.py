"""In which dialect a server was recognised, by its address: recognised once for each address."""

from typing import Any

from mem0tray.ledger.database import Ledger
from mem0tray.ledger.meta_names import DIALECT


class Dialects:
    """The dialect recognised for the last address alone."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def of(self, address: str) -> str:
        """The dialect that the server at this address spoke; empty if that is not known."""
        with self._ledger.locked():
            return told_of(self._ledger.meta(DIALECT), address)

    def note(self, address: str, dialect: str) -> None:
        """Note the dialect recognised at an address. Raises LedgerError."""
        with self._ledger.transaction():
            self._ledger.set_meta(DIALECT, f"{dialect} {address}")


def told_of(kept: Any, address: str) -> str:
    """The dialect kept in `meta` for this address; empty if that names another address."""
    dialect, _, there = str(kept or "").partition(" ")
    return dialect if there == address else ""
