"""The ledger's names: in `meta`, of files kept in step, of the statements in `queries.sql`.

The names in `meta` stand in everybody's ledgers, and other versions read some of them: a name
stays as it is, whatever its constant is called here.
"""

import re
from pathlib import Path
from typing import Final

from mem0tray.core import item as items
from mem0tray.core.due import BACKOFF_BASE, BACKOFF_MAX, GROWS_UNTIL, LONGEST_ASKED

# The files that the ledger outdates, and the sources that items are taken in from.
METRICS_FILE: Final = "metrics"
QUEUE_FILE, DLQ_FILE, EMERGENCY_FILE = "queue", "DLQ", "emergency file"
NOTES: Final = "notes of Claude Code"
SOURCES: Final = (QUEUE_FILE, DLQ_FILE, EMERGENCY_FILE, NOTES)

# A text that no other ledger has, and how often this one was opened or closed: the file
# `ledger.mark` beside it has both too.
IDENTITY: Final = "identity"
OPENINGS: Final = "openings"
# `opening.boot_id` when the ledger was closed in order, empty while somebody has it open.
CLEAN: Final = "clean"
# `computer.identity` of the one that opened the ledger last; empty for one without an identity.
COMPUTER: Final = "computer"
# `opening.boot_id` when a worker last opened the ledger.
BOOT: Final = "boot"
# A number that each durable transaction changes.
DURABLE: Final = "durable"
# Before a source's name: 1 while what stands in that source may have been sent before we knew it.
MAY_HAVE_BEEN_SENT: Final = "doubt of the "
# When the seconds end that a server gets to finish a former worker's requests (Unix seconds).
LEFT_UNTIL: Final = "left_until"

# The totals that the queue file shows: memories queued, delivered, moved to the DLQ.
QUEUED, SYNCED, FAILED = TOTALS = ("total_queued", "total_synced", "total_failed")
# Before the name of a total: its value in the queue file.
SHOWN: Final = "shown_"
# When the last memory was delivered: in Unix seconds; as the queue file showed it (ISO, local).
LAST_DELIVERY: Final = "last_delivery"
LAST_SYNC: Final = "last_sync"

# The signature (inode, size, time; JSON) of the DLQ file as last merged or published, and of the
# queue file as last read or published (null: there was none).
DLQ_MERGED: Final = "dlq_merged"
QUEUE_READ: Final = "queue_read"
# How far the emergency files are read, as `sources` of `files.emergency` reads it (JSON).
EMERGENCY_SOURCES: Final = "emergency_sources"
# The working directories of Claude Code's sessions, by the names of its folders for them (JSON).
NOTE_DIRECTORIES: Final = "directories of notes"

# The key of the item that was the canary last.
CANARY: Final = "canary"
# The dialect recognised last, and the address where it was.
DIALECT: Final = "dialect"

# The other worker that was at work when ours last looked (JSON), or null.
OTHER_WORKER: Final = "other_worker"
# The random ids of our worker's last runs, newest first, and the signature of the metrics that the
# last one found (JSON).
OUR_RUN: Final = "run"
METRICS_AT_START: Final = "metrics_at_start"


OF_ANOTHER_WORKER: Final = 0  # the key of no known server: whichever another worker sends to
HISTORY: Final = 50  # failed attempts kept for an item
_CONSTANTS: Final = {
    "backoff_base": BACKOFF_BASE,
    "backoff_max": BACKOFF_MAX,
    "earliest": items.EARLIEST,
    "grows_until": GROWS_UNTIL,
    "history": HISTORY - 1,
    "last_delivery": LAST_DELIVERY,
    "longest_asked": LONGEST_ASKED,
    "of_another_worker": OF_ANOTHER_WORKER,
    "synced": SYNCED,
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
