"""How much waits, and the totals of what came, was delivered and moved to the DLQ."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

from mem0tray.core import item as items
from mem0tray.ledger.database import Ledger
from mem0tray.ledger.names import LAST_DELIVERY, LAST_SYNC, QUEUED, SHOWN, SQL, TOTALS

_ADD: Final = "INSERT INTO meta VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = value + ?2"


class Counts(Struct, frozen=True):
    """What waits: fresh entries, dead letters (as in the file), and since when the oldest does.

    `held`: how many of the fresh entries another worker has perhaps delivered.
    """

    queue: int
    dlq: int
    oldest: float | None
    held: int = 0

    @classmethod
    def of(cls, row: Sequence[Any]) -> "Counts":
        queue, dlq, *oldest, held = row
        return cls(queue, dlq, min(filter(None, oldest), default=None), held)


class Counters:
    """Counts what waits, and adds up the totals. Raises LedgerError."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._counted = Counts(0, 0, None)
        self._counted_at = -1

    def waiting(self) -> Counts:
        """Return how much waits now; counted again only when the ledger has changed."""
        with self._ledger.locked() as db:
            changes = db.total_changes
            if changes != self._counted_at or db.in_transaction:
                self._counted = Counts.of(db.execute(SQL["counts"]).fetchone())
                self._counted_at = -1 if db.in_transaction else changes
            return self._counted

    def total(self, name: str) -> int:
        return int(self._ledger.meta(name) or 0)

    def last_delivery(self) -> float | None:
        at: float | None = self._ledger.meta(LAST_DELIVERY)
        return at

    def add(self, name: str, by: int = 1) -> None:
        self._ledger.write(_ADD, name, by)

    def show(self) -> dict[str, int]:
        """Return every total as the queue file is to show it.

        They are noted as shown before that, so that after a kill nothing is counted twice.
        """
        with self._ledger.transaction():
            totals = {name: self.total(name) for name in TOTALS}
            for name, total in totals.items():
                self._ledger.set_meta(SHOWN + name, total)
        return totals

    def absorb(self, found: Mapping[str, object], new: int = 0, *, afresh: bool = False) -> bool:
        """Add what others have counted in the file since we wrote it; return whether it lacks some.

        Then somebody began it afresh, at zero, or put back an old copy. Of a file begun `afresh`,
        by its counts or entries, all `new` entries count; of an old copy no more than these.
        """
        shown = {name: items.count(found.get(name)) for name in TOTALS}
        last = found.get("last_sync")
        with self._ledger.transaction():
            self._ledger.set_meta(LAST_SYNC, last if isinstance(last, str) else None)
            gained = {name: shown[name] - self.total(SHOWN + name) for name in TOTALS}
            lacks = min(gained.values()) < 0
            came = min(new, shown[QUEUED]) if afresh or lacks or gained[QUEUED] else 0
            for name, by in gained.items():
                if by > 0:  # first, so that adding to the total does not outdate the file
                    self.add(SHOWN + name, by)
                counted = max(by, came if name == QUEUED else 0)
                if counted > 0:
                    self.add(name, counted)
        return lacks
