"""What the ledger knows of servers that were chosen before, beside the one that is chosen now."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from msgspec import Struct

from mem0tray.core import item as items
from mem0tray.ledger.database import Ledger, decode, encode
from mem0tray.ledger.names import DIALECT, SQL

_ANY_OTHER: Final = "SELECT 1 FROM servers WHERE name != ? LIMIT 1"
_NAMES: Final = "SELECT name FROM servers WHERE key > 0 ORDER BY key"
_IS_THERE: Final = "SELECT state, " + SQL["server_has"] + " FROM items WHERE id = ? AND digest = ?"
_WAITING: Final = f"SELECT count(*) FROM items WHERE state = '{items.FRESH}'"


class Traced(Struct, frozen=True):
    """A memory of the ledger, with regard to two servers: a former one, and the chosen one.

    `timestamp` is in Unix seconds; `key` is the idempotency key. `there`: the former server has
    taken it; `here`: the chosen one has.
    """

    id: str
    digest: bytes
    key: str
    project: str
    timestamp: float
    state: str
    there: bool
    here: bool


class FormerServers:
    """Asks the ledger by `rows`, which runs a statement with its values and gives the rows."""

    def __init__(self, rows: Callable[[str, Sequence[Any]], list[tuple[Any, ...]]]) -> None:
        self._rows = rows

    def names(self) -> list[str]:
        """Return every server that something was sent to, in the order of the first time."""
        return [str(name) for (name,) in self._rows(_NAMES, ())]

    def only_elsewhere(self, server: str) -> dict[str, int]:
        """Return how many delivered memories each other server has taken that this one has not.

        Neither what waits to be delivered is counted, nor what the user has deleted since; a memory
        that was sent again under further ids counts once.
        """
        if not self._rows(_ANY_OTHER, (server,)):
            return {}
        rows = self._rows(SQL["only_elsewhere"], (server, items.trial_digest()))
        found = Counter({str(name): int(n) for name, n in rows})
        if found:
            found.subtract(self._counted_in_vain(server))
        return {name: number for name, number in found.items() if number > 0}

    def _counted_in_vain(self, server: str) -> Counter[str]:
        """Return how many more items than memories were counted, for each other server."""
        ids: dict[items.Name, set[str]] = defaultdict(set)
        for item_id, digest in self._rows(SQL["sent_again"], (items.trial_digest(),)):
            name = decode(item_id)
            first = items.first_id(name)
            ids[first, digest] |= {first, name}
        surplus: Counter[str] = Counter()
        for (_, digest), names in ids.items():
            counted: Counter[str] = Counter()
            is_left = True  # else the memory is here, waits, or was deleted
            for name in names:
                rows = self._rows(SQL["sent"], (encode(name), digest))
                having = {has_it for _, has_it, has in rows if has}
                if server not in having and all(row[0] == items.DELIVERED for row in rows):
                    counted.update(having)
                else:
                    is_left = False
            surplus += counted - Counter(counted.keys()) if is_left else counted
        return surplus

    def traced(self, former: str, chosen: str) -> Iterator[Traced]:
        """Yield every memory, in the order in which they came."""
        for item_id, digest, first, project, timestamp, state, there, here in self._rows(
            SQL["traced"], (former, chosen)
        ):
            name = decode(item_id)
            key = items.idempotency_key(name, digest, first)
            yield Traced(
                name, digest, key, decode(project), timestamp, state, bool(there), bool(here)
            )

    def was_taken_in(self, name: items.Name, server: str) -> bool:
        """Return whether this memory is known to go to that server, or to have gone there."""
        item_id, digest = name
        found = self._rows(_IS_THERE, (server, encode(item_id), digest))
        return any(here or state != items.DELIVERED for state, here in found)

    def waiting(self) -> int:
        """Return how many memories wait for their first delivery, of those taken in."""
        found = self._rows(_WAITING, ())
        return int(found[0][0]) if found else 0

    def deliveries(self, key: int) -> list[tuple[str, float]]:
        """List the servers that have taken an item, and when (Unix seconds), in that order."""
        return [(str(name), float(at)) for name, at in self._rows(SQL["deliveries"], (key,))]


class Dialects:
    """The dialect recognised for the last address alone."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def of(self, address: str) -> str:
        """Return the dialect that the server at this address spoke; empty if that is not known."""
        return told_of(self._ledger.meta(DIALECT), address)

    def note(self, address: str, dialect: str) -> None:
        """Note the dialect recognised at an address. Raises LedgerError."""
        self._ledger.set_meta(DIALECT, f"{dialect} {address}")


def told_of(kept: Any, address: str) -> str:
    """Return the dialect kept in `meta` for this address; empty if that names another address."""
    dialect, _, there = str(kept or "").partition(" ")
    return dialect if there == address else ""
