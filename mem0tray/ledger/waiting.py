"""What waits, as the ledger has it: counted, listed and found by SQL, on its indexes."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from msgspec import Struct

from mem0tray.core import item as items
from mem0tray.core.item import Name
from mem0tray.ledger.database import Ledger, decode, encode
from mem0tray.ledger.names import LAST_DELIVERY, LAST_SYNC, QUEUED, SHOWN, SQL, TOTALS
from mem0tray.ledger.rows import AFTER, Known, known_from

Listed = tuple[Known, bytes]  # a memory, and its object as it should stand in its file

_LISTED: Final = f"SELECT {SQL['known']}, raw FROM items JOIN texts USING (key)"
# With a sign, so that SQLite sorts what it finds by an index, and does not look at all items.
_ORDER: Final = {items.DEAD: "dead_seq, items.key", items.FRESH: "+items.key"}
_BOTH: Final = f"state IN ('{items.DEAD}', '{items.FRESH}')"
_MOST: Final = 1000  # memories found by the beginning of an id
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
        """Return the counts in a row of `SQL["counts"]`."""
        queue, dlq, *oldest, held = row
        return cls(queue, dlq, min(filter(None, oldest), default=None), held)


class Counters:
    """Counts what waits, and adds up what came, was delivered and moved to the DLQ."""

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
        """Return one of the totals."""
        return int(self._ledger.meta(name) or 0)

    def last_delivery(self) -> float | None:
        """Return when the last memory was delivered."""
        at: float | None = self._ledger.meta(LAST_DELIVERY)
        return at

    def add(self, name: str, by: int = 1) -> None:
        """Add to one of the totals."""
        self._ledger.write(_ADD, (name, by))

    def show(self) -> dict[str, int]:
        """Return every total as the queue file is to show it.

        The totals are noted as shown before the file is written: after a kill, what stands
        in the file is then never counted a second time.
        """
        with self._ledger.transaction():
            totals = {name: self.total(name) for name in TOTALS}
            for name, total in totals.items():
                self._ledger.set_meta(SHOWN + name, total)
        return totals

    def absorb(self, found: Mapping[str, object], new: int = 0, *, afresh: bool = False) -> bool:
        """Add what others have counted in the file since it was written.

        Return whether the file shows less than we wrote: somebody began it afresh, at zero, or put
        back an old copy. A file begun `afresh`, by its counts or entries, has gained less than it
        shows: all its `new` entries count. What an old copy shows was counted before, so no more
        than its new entries are added.
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


class ProjectCounts(NamedTuple):
    """How many dead letters, and fresh entries, a project has (empty: no project)."""

    project: str
    dead: int
    fresh: int


class WaitingRows:
    """Asks the ledger by `rows`, which gives the rows of a statement with these values."""

    def __init__(self, rows: Callable[[str, Sequence[Any]], list[tuple[Any, ...]]]) -> None:
        self._rows = rows

    def counts(self) -> Counts | None:
        """Return how much waits; None where there is no ledger."""
        rows = self._rows(SQL["counts"], ())
        return Counts.of(rows[0]) if rows else None

    def listed(
        self, state: str, project: str | None = None, limit: int | None = None
    ) -> list[Listed]:
        """Return the dead letters, or the fresh entries, in the order of their file."""
        of_it, values = ("", []) if project is None else (" AND project = ?", [encode(project)])
        sql = f"{_LISTED} WHERE state = '{state}'{of_it} ORDER BY {_ORDER[state]} LIMIT ?"
        return _listed(self._rows(sql, [*values, -1 if limit is None else limit]))

    def count(self, state: str, project: str | None = None) -> int:
        """Return how many dead letters or fresh entries there are, of a project if one is given."""
        of_it, values = ("", []) if project is None else (" AND project = ?", [encode(project)])
        rows = self._rows(f"SELECT count(*) FROM items WHERE state = '{state}'{of_it}", values)
        return int(rows[0][0]) if rows else 0

    def strays(self) -> list[bytes]:
        """Return what makes no sense as an item in the file of the dead letters."""
        rows = self._rows("SELECT raw FROM strays WHERE name IS NULL ORDER BY seq", ())
        return [raw for (raw,) in rows]

    def names(self) -> set[Name]:
        """Return every memory that waits, by id and digest."""
        rows = self._of_both("SELECT id, digest FROM items WHERE {state}")
        return {(decode(item_id), digest) for item_id, digest in rows}

    # By name ----------------------------------------------------------------------------

    def with_id(self, item_id: str) -> list[Listed]:
        """Return what waits under exactly this id."""
        return self._both(f"{_LISTED} WHERE id = ? AND {_BOTH}", (encode(item_id),))

    def beginning(self, name: str) -> list[Listed]:
        """Return what waits whose id begins with `name`."""
        sql = f"{_LISTED} WHERE id >= ? AND id < ? AND {_BOTH} LIMIT {_MOST}"
        return self._both(sql, (encode(name), encode(name) + AFTER))

    def _both(self, sql: str, values: Sequence[Any]) -> list[Listed]:
        """Dead letters first, as everywhere."""
        found = _listed(self._rows(sql, values))
        return sorted(found, key=lambda each: (each[0].state != items.DEAD, each[0].key))

    def ids(self) -> list[str]:
        """Return the ids of all that waits."""
        return [decode(name) for (name,) in self._of_both("SELECT id FROM items WHERE {state}")]

    def beside(self, item_id: str) -> list[str]:
        """Return the ids that come just before and just after this one, of all ever taken in."""
        name = (encode(item_id),)
        before = "SELECT id FROM items WHERE id < ? ORDER BY id DESC LIMIT 1"
        after = "SELECT id FROM items WHERE id > ? ORDER BY id LIMIT 1"
        return [decode(each) for sql in (before, after) for (each,) in self._rows(sql, name)]

    # Sums -------------------------------------------------------------------------------

    def by_project(self) -> list[ProjectCounts]:
        """Return one entry a project, the one with most dead letters first."""
        sums: dict[str, ProjectCounts] = {}
        for name, dead, fresh in self._of_both(
            "SELECT project, sum(state = 'dead'), sum(state = 'pending') FROM items"
            " WHERE {state} GROUP BY project"
        ):
            project = decode(name)
            former = sums.get(project, ProjectCounts(project, 0, 0))
            sums[project] = ProjectCounts(project, former.dead + dead, former.fresh + fresh)
        return sorted(sums.values(), key=lambda each: (-each.dead, -each.fresh, each.project))

    def by_retries(self) -> dict[int, int]:
        """Return how many dead letters have each number of retries; `GROWS_UNTIL`: that or more."""
        return dict(self._rows(SQL["retries"], ()))

    def made(self) -> list[float]:
        """Return the timestamps of the dead letters."""
        sql = f"SELECT ts FROM items WHERE state = '{items.DEAD}'"
        return [float(made) for (made,) in self._rows(sql, ())]

    def _of_both(self, sql: str) -> Iterable[tuple[Any, ...]]:
        """Yield the rows of a statement about dead letters, then about fresh entries."""
        for state in (items.DEAD, items.FRESH):  # there is an index for each, none for both
            yield from self._rows(sql.format(state=f"state = '{state}'"), ())


def _listed(rows: Iterable[tuple[Any, ...]]) -> list[Listed]:
    return [(known_from(known), raw) for *known, raw in rows]
