"""The names in the ledger's table `meta`, which remembers one value for each.

They stand in everybody's ledgers, and older versions read some of them: a name stays as it is,
whatever its constant is called here.
"""

from typing import Final

# A text that tells this ledger from any other.
IDENTITY: Final = "identity"
# How often the ledger was opened or closed, as the file `ledger.mark` beside it says too.
OPENINGS: Final = "openings"
# 1 once a worker has closed the ledger with nothing in flight, 0 while one has it open.
CLEAN: Final = "clean"
# The start of the machine in which the ledger was last opened or closed in order, as
# `database.boot_id` tells it.
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
# When the last memory was delivered (Unix seconds).
LAST_DELIVERY: Final = "last_delivery"

# The time of the last delivery as the queue file showed it last: ISO, local.
LAST_SYNC: Final = "last_sync"

# The signature of the DLQ file as last merged or published (inode, size, time; JSON).
DLQ_MERGED: Final = "dlq_merged"
# The signature of the queue file as last read or published (the same; null: there was none).
QUEUE_READ: Final = "queue_read"
# What makes no sense as an item under `queue` and `held` there (a JSON list).
QUEUE_STRAYS: Final = "queue_strays"
# How far the emergency files are read, as `sources` of `files.emergency` reads it (JSON).
EMERGENCY_SOURCES: Final = "emergency_sources"

# The key of the item that was the canary last.
CANARY: Final = "canary"
# When a server that had refused everything was found to take deliveries (Unix seconds).
REFUSAL_OVER: Final = "refusal_over"
# The dialect recognised last, and the address where it was.
DIALECT: Final = "dialect"

# The other worker that was at work when ours last looked (JSON), or null.
OTHER_WORKER: Final = "other_worker"
# The random id of our worker's last run.
OUR_RUN: Final = "run"
# The signature of the metrics file as found at that start (JSON).
METRICS_AT_START: Final = "metrics_at_start"
