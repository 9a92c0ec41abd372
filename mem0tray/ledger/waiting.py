"""What waits, as the ledger has it: counted, listed and found by SQL, on its indexes."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, NamedTuple

from mem0tray.core import item as items
from mem0tray.core.due import GROWS_UNTIL
from mem0tray.core.item import Name
from mem0tray.files import document
from mem0tray.ledger.counters import COUNTS, Counts
from mem0tray.ledger.database import decode, encode
from mem0tray.ledger.known import AFTER, KNOWN, Known, known_from
from mem0tray.ledger.meta_names import QUEUE_STRAYS

Listed = tuple[Known, bytes]  # a memory, and its object as it should stand in its file

_LISTED: Final = f"SELECT {KNOWN}, raw FROM items JOIN texts USING (key)"
# With a sign, so that SQLite sorts what it finds by an index, and does not look at all items.
_ORDER: Final = {items.DEAD: "dead_seq, items.key", items.FRESH: "+items.key"}
_RETRIES: Final = (
    f"SELECT min(retry_count, {GROWS_UNTIL}), count(*) FROM items WHERE state = '{items.DEAD}'"
    " GROUP BY 1 ORDER BY 1"
)
_DROPPED: Final = "SELECT digest FROM tombstones WHERE id = ? AND item = 0"
_BOTH: Final = f"state IN ('{items.DEAD}', '{items.FRESH}')"
_MOST: Final = 1000  # memories found by the beginning of an id


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
        """How much waits; None where there is no ledger."""
        rows = self._rows(COUNTS, ())
        return Counts.of(rows[0]) if rows else None

    def listed(
        self, state: str, project: str | None = None, limit: int | None = None
    ) -> list[Listed]:
        """The dead letters, or the fresh entries, in the order of their file."""
        of_it, values = ("", []) if project is None else (" AND project = ?", [encode(project)])
        sql = f"{_LISTED} WHERE state = '{state}'{of_it} ORDER BY {_ORDER[state]} LIMIT ?"
        return _listed(self._rows(sql, [*values, -1 if limit is None else limit]))

    def count(self, state: str, project: str) -> int:
        """How many dead letters or fresh entries of a project there are."""
        sql = f"SELECT count(*) FROM items WHERE state = '{state}' AND project = ?"
        rows = self._rows(sql, (encode(project),))
        return int(rows[0][0]) if rows else 0

    def strays(self, state: str) -> list[bytes]:
        """What stands beside them in their file and makes no sense as an item."""
        if state == items.DEAD:
            rows = self._rows("SELECT raw FROM strays WHERE name IS NULL ORDER BY seq", ())
            return [raw for (raw,) in rows]
        kept = self._rows("SELECT value FROM meta WHERE name = ?", (QUEUE_STRAYS,))
        if not kept or kept[0][0] == b"[]":
            return []
        there = document.parse(b'{"queue": %s}' % kept[0][0], ("queue",)).lists["queue"]
        dropped = {digest for (digest,) in self._rows(_DROPPED, (encode(""),))}
        return [raw for raw in there if items.identity(raw)[1] not in dropped]

    def names(self) -> set[Name]:
        """Every memory that waits, by id and digest."""
        rows = self._of_both("SELECT id, digest FROM items WHERE {state}")
        return {(decode(item_id), digest) for item_id, digest in rows}

    # By name ----------------------------------------------------------------------------

    def with_id(self, item_id: str) -> list[Listed]:
        """What waits under exactly this id."""
        return self._both(f"{_LISTED} WHERE id = ? AND {_BOTH}", (encode(item_id),))

    def beginning(self, name: str) -> list[Listed]:
        """What waits whose id begins with `name`."""
        sql = f"{_LISTED} WHERE id >= ? AND id < ? AND {_BOTH} LIMIT {_MOST}"
        return self._both(sql, (encode(name), encode(name) + AFTER))

    def _both(self, sql: str, values: Sequence[Any]) -> list[Listed]:
        """Dead letters first, as everywhere."""
        found = _listed(self._rows(sql, values))
        return sorted(found, key=lambda each: (each[0].state != items.DEAD, each[0].key))

    def ids(self) -> list[str]:
        """The ids of all that waits."""
        return [decode(name) for (name,) in self._of_both("SELECT id FROM items WHERE {state}")]

    def beside(self, item_id: str) -> list[str]:
        """The ids that come just before and just after this one, of all ever taken in."""
        name = (encode(item_id),)
        before = "SELECT id FROM items WHERE id < ? ORDER BY id DESC LIMIT 1"
        after = "SELECT id FROM items WHERE id > ? ORDER BY id LIMIT 1"
        return [decode(each) for sql in (before, after) for (each,) in self._rows(sql, name)]

    # Sums -------------------------------------------------------------------------------

    def by_project(self) -> list[ProjectCounts]:
        """One entry a project, the one with most dead letters first."""
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
        """How many dead letters have each number of retries; `GROWS_UNTIL`: that or more."""
        return dict(self._rows(_RETRIES, ()))

    def made(self) -> list[float]:
        """The timestamps of the dead letters."""
        sql = f"SELECT ts FROM items WHERE state = '{items.DEAD}'"
        return [float(made) for (made,) in self._rows(sql, ())]

    def _of_both(self, sql: str) -> Iterable[tuple[Any, ...]]:
        """The rows of a statement about dead letters, then about fresh entries."""
        for state in (items.DEAD, items.FRESH):  # there is an index for each, none for both
            yield from self._rows(sql.format(state=f"state = '{state}'"), ())


def _listed(rows: Iterable[tuple[Any, ...]]) -> list[Listed]:
    return [(known_from(known), raw) for *known, raw in rows]
