"""Questions to the ledger about many memories at once, which would take long one by one."""

import json
from collections.abc import Callable, Collection, Sequence
from typing import Any, Final

from mem0tray.core import item as items
from mem0tray.core.item import Name
from mem0tray.files.atomic import Signature
from mem0tray.ledger.database import decode, encode
from mem0tray.ledger.meta_names import DLQ_MERGED
from mem0tray.ledger.rows import WAITS_SINCE

_FRESH: Final = (
    f"SELECT id, digest, {WAITS_SINCE}, taken IS NOT NULL FROM items WHERE state = '{items.FRESH}'"
)
_DEAD: Final = (
    f"SELECT (SELECT count(*) FROM items JOIN texts USING (key) WHERE state = '{items.DEAD}')"
    " + (SELECT count(*) FROM strays WHERE name IS NULL) FROM meta WHERE name = ? AND value = ?"
)
_SAME_ID: Final = "SELECT id, digest FROM items WHERE id IN ({})"
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
        found: set[Name] = set()
        ids = [encode(name) for name, _ in names]
        for begin in range(0, len(ids), _AT_ONCE):
            some = ids[begin : begin + _AT_ONCE]
            rows = self._rows(_SAME_ID.format(",".join("?" * len(some))), some)
            found.update((decode(name), digest) for name, digest in rows)
        return found & set(names)
