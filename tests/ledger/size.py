"""How many bytes of its ledger a delivered memory takes.

    python -m tests.ledger.size [MEMORIES] [WAITING]

MEMORIES (100,000) of 400 bytes each come in groups of WAITING (all at once) and are delivered;
nothing is done to the file that the worker does not do.
"""

import sys
import tempfile
import uuid
from contextlib import closing
from pathlib import Path

from mem0tray.ledger.database import Ledger
from mem0tray.ledger.inbox import Inbox
from mem0tray.ledger.outbox import Outbox
from tests.ledger.samples import HERE, NOW, fresh

_IN_A_COMMIT = 20


def delivered(path: Path, memories: int, waiting: int) -> float:
    """Deliver so many memories, so many of which wait at once; bytes for each."""
    with closing(Ledger(path)) as ledger:
        inbox, outbox = Inbox(ledger), Outbox(ledger)
        for begin in range(0, memories, waiting):
            with ledger.transaction():
                keys = [_take_in(inbox, n) for n in range(begin, min(begin + waiting, memories))]
            while keys:
                with ledger.transaction():
                    for key in keys[:_IN_A_COMMIT]:
                        outbox.claim(key, NOW, HERE)
                        outbox.record_delivery(key, HERE, NOW)
                del keys[:_IN_A_COMMIT]
                ledger.give_back_room()
    return sum(file.stat().st_size for file in path.parent.glob(f"{path.name}*")) / memories


def _take_in(inbox: Inbox, number: int) -> int:
    name = str(uuid.UUID(int=number * 0x9E3779B97F4A7C15F39CC0605CEDC835 % 2**128))
    text = f"memory {number} " + 250 * "x"
    item = fresh(name, project_id=f"project-{number % 20}", content=text, retries=0)
    return inbox.add_fresh(item, NOW, ask=False)


def main() -> None:
    """Print the figure."""
    memories = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    waiting = int(sys.argv[2]) if len(sys.argv) > 2 else memories
    with tempfile.TemporaryDirectory() as folder:
        size = delivered(Path(folder) / "ledger.sqlite3", memories, waiting)
    told = f"{size:.0f} bytes for each of {memories:,} delivered memories, {waiting:,} at once"
    sys.stdout.write(told + "\n")


if __name__ == "__main__":
    main()
