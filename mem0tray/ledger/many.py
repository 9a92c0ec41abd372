"""Questions to the ledger about many memories at once, which would take long one by one."""

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Any, Final

from mem0tray.core import item as items
from mem0tray.core.item import Name
from mem0tray.files.atomic import Signature
from mem0tray.ledger.database import decode, encode
from mem0tray.ledger.known import Wait
from mem0tray.ledger.meta_names import DLQ_MERGED
from mem0tray.ledger.rows import BACKOFF, WAITS_SINCE

_FRESH: Final = (
    f"SELECT id, digest, {WAITS_SINCE}, taken IS NOT NULL FROM items WHERE state = '{items.FRESH}'"
)
_DEAD: Final = (
    f"SELECT (SELECT count(*) FROM items JOIN texts USING (key) WHERE state = '{items.DEAD}')"
    " + (SELECT count(*) FROM strays WHERE name IS NULL) FROM meta WHERE name = ? AND value = ?"
)
_NAMES: Final = "SELECT id, digest FROM items"
_WAITS: Final = (
    f"SELECT id, digest, retry_count, last_attempt, due FROM items WHERE state = '{items.DEAD}'"
)
_AT_ONCE: Final = 500  # values of a statement; every SQLite takes 999


class Many:
    """Asks the ledger by `rows`, which gives the rows of a statement with these values."""

    def __init__(self, rows: Callable[[str, Sequence[Any]], list[tuple[Any, ...]]]) -> None:
        self._rows = rows

    def fresh(self) -> dict[Name, tuple[float, bool]]:
        """Every fresh entry: since when it waits, Unix seconds, and whether it is held."""
        rows = self._rows(_FRESH, ())
        return {(decode(name), digest): (since, held) for name, digest, since, held in rows}

    def dead_as_merged(self, file: Signature) -> int | None:
        """How many the DLQ file is to show, unless its save `file` has still to be merged."""
        rows = self._rows(_DEAD, (DLQ_MERGED, json.dumps(file.lasting)))
        return int(rows[0][0]) if rows else None

    def heard_of(self, names: Collection[Name]) -> set[Name]:
        """Those of these memories that the ledger has, however they ended."""
        rows = self._of(f"{_NAMES} WHERE", names)
        return {(decode(name), digest) for name, digest in rows} & set(names)

    def waits(self, names: Collection[Name]) -> dict[Name, Wait]:
        """The waits of the dead letters among these memories, and among others of the same ids."""
        return _waits(self._of(f"{_WAITS} AND", names))

    def other_waits(self) -> dict[Name, Wait]:
        """The waits of all dead letters that do not simply wait for their backoff."""
        return _waits(self._rows(f"{_WAITS} AND due != last_attempt + {BACKOFF}", ()))

    def _of(self, sql: str, names: Collection[Name]) -> Iterator[tuple[Any, ...]]:
        """The rows that `sql` gives of the ids of these memories."""
        ids = [encode(name) for name, _ in names]
        for begin in range(0, len(ids), _AT_ONCE):
            some = ids[begin : begin + _AT_ONCE]
            yield from self._rows(f"{sql} id IN ({','.join('?' * len(some))})", some)


def _waits(rows: Iterable[tuple[Any, ...]]) -> dict[Name, Wait]:
    return {(decode(name), digest): Wait(*rest) for name, digest, *rest in rows}
