"""When the server could not be reached: from when, until when, and why."""

import json
from typing import Any, Final

from msgspec import Struct

from mem0tray.core import reasons
from mem0tray.core.reasons import Reason
from mem0tray.ledger.database import Ledger
from mem0tray.ledger.names import SQL

_LOOK: Final = 60.0  # seconds between two notes that an outage lasts
_UNWATCHED: Final = 900.0  # seconds without a worker, after which another outage begins
_KEPT: Final = 400 * 86_400.0  # seconds
_MOST: Final = 10_000


class Outage(Struct, frozen=True):
    """The server could not be reached, in Unix seconds; after a kill until it was last noted.

    `lasts`: it was not over when it was last noted, not long ago.
    """

    began: float
    ended: float
    reason: Reason = reasons.NONE
    lasts: bool = False

    @classmethod
    def of(cls, row: tuple[Any, ...], now: float) -> "Outage":
        """Make it of a row of the query; one that lasts ends `now`."""
        began, ended, over, kept = row
        lasts = not over and abs(now - ended) < 2 * _LOOK + 30
        known = json.loads(kept or "{}")
        reason = reasons.read(known.get("id"), known.get("arguments"))
        return cls(began, max(began, now) if lasts else ended, reason, lasts)


class Outages:
    """Notes outages in the ledger, for the worker's thread. Raises LedgerError.

    A worker that starts in the middle of one goes on with it.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._is_known = False  # whether the server can be reached
        self._began: float | None = None  # the outage that lasts
        self._noted = 0.0

    def note(self, reason: Reason | None, now: float) -> None:
        """Note why the server cannot be reached `now`: NONE if it can, None if nobody knows."""
        if reason is not None and not self._is_known:
            self._is_known = True
            self._began = self._ledger.value(SQL["lasting_outage"], now - _UNWATCHED, now)
            self._ledger.write("UPDATE outages SET over = 1 WHERE began IS NOT ?", self._began)
        if reason and self._began is None:
            self._begin(reason, now)
        elif self._began is not None and (not reason or abs(now - self._noted) >= _LOOK):
            update = "UPDATE outages SET ended = max(began, ?), over = ? WHERE began = ?"
            self._ledger.write(update, now, not reason, self._began)
            self._began, self._noted = self._began if reason else None, now

    def _begin(self, reason: Reason, now: float) -> None:
        kept = json.dumps(reason.document())
        with self._ledger.transaction() as db:
            db.execute(SQL["forget_outages"], (now - _KEPT, _MOST - 1))
            db.execute("INSERT OR REPLACE INTO outages VALUES (?1, ?1, 0)", (now,))
            db.execute("INSERT OR REPLACE INTO outage_reasons VALUES (?, ?)", (now, kept))
            db.execute("DELETE FROM outage_reasons WHERE began NOT IN (SELECT began FROM outages)")
        self._began = self._noted = now
