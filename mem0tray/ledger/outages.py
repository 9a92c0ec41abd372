"""When the server was out of reach, as the probes saw it. Times are Unix seconds."""

from typing import Final

from mem0tray.ledger.database import Ledger

_UNWATCHED: Final = 900.0  # seconds without a probe, after which a failed one begins a new outage
_KEPT: Final = 90 * 86_400.0
_UNDER_WAY: Final = "SELECT began FROM outages WHERE NOT over AND ended BETWEEN ? AND ?"


class Outages:
    """The record of outages; a worker that starts in the middle of one goes on with it."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._under_way = True  # assumed until the first probe has told

    def note_probe(self, *, healthy: bool, now: float) -> None:
        """Note what a probe has said. Raises LedgerError."""
        if healthy and not self._under_way:
            return  # the usual case
        with self._ledger.transaction() as db:
            row = db.execute(_UNDER_WAY, (now - _UNWATCHED, now)).fetchone()
            if row is not None:
                update = "UPDATE outages SET ended = ?, over = ? WHERE began = ?"
                db.execute(update, (now, healthy, row[0]))
            elif not healthy:
                db.execute("INSERT OR REPLACE INTO outages VALUES (?, ?, 0)", (now, now))
                db.execute("DELETE FROM outages WHERE ended < ?", (now - _KEPT,))
        self._under_way = not healthy
