"""The ledger's questions and changes by name, as they stand in `queries.sql`."""

import re
from pathlib import Path
from typing import Final

from mem0tray.core import item as items
from mem0tray.core.due import BACKOFF_BASE, BACKOFF_MAX, GROWS_UNTIL, LONGEST_ASKED
from mem0tray.ledger import names

OF_ANOTHER_WORKER: Final = 0  # the key of no known server: whichever another worker sends to
HISTORY: Final = 50  # failed attempts kept for an item
_CONSTANTS: Final = {
    "backoff_base": BACKOFF_BASE,
    "backoff_max": BACKOFF_MAX,
    "earliest": items.EARLIEST,
    "grows_until": GROWS_UNTIL,
    "history": HISTORY - 1,
    "last_delivery": names.LAST_DELIVERY,
    "longest_asked": LONGEST_ASKED,
    "of_another_worker": OF_ANOTHER_WORKER,
    "synced": names.SYNCED,
}
_BRACES: Final = re.compile(r"\{(\w+)\}")


def _read() -> dict[str, str]:
    known: dict[str, object] = {**_CONSTANTS}
    text = Path(__file__).with_name("queries.sql").read_text(encoding="utf-8")
    for part in text.split("-- name: ")[1:]:
        name, *lines = part.splitlines()
        sql = " ".join(line.strip() for line in lines if line and not line.startswith("--"))
        for brace in known.keys() & set(_BRACES.findall(sql)):
            sql = sql.replace(f"{{{brace}}}", str(known[brace]))
        known[name] = sql
    return {name: str(sql) for name, sql in known.items()}


SQL: Final = _read()
