"""How many bytes of its ledger a delivered memory takes."""

import uuid
from contextlib import closing
from pathlib import Path

from mem0tray.ledger.database import Ledger
from mem0tray.ledger.inbox import Inbox
from mem0tray.ledger.outbox import Outbox
from tests.ledger.samples import HERE, NOW, fresh

MEMORIES = 4_000  # of 400 bytes each
MOST = 400  # bytes for each
IN_A_COMMIT = 20


def delivered(path: Path, waiting: int) -> float:
    """Deliver the memories, so many of which wait at once, as the worker does; bytes for each."""
    with closing(Ledger(path)) as ledger:
        inbox, outbox = Inbox(ledger), Outbox(ledger)
        for begin in range(0, MEMORIES, waiting):
            with ledger.transaction():
                keys = [take_in(inbox, n) for n in range(begin, min(begin + waiting, MEMORIES))]
            while keys:
                with ledger.transaction():
                    for key in keys[:IN_A_COMMIT]:
                        outbox.claim(key, NOW, HERE)
                        outbox.record_delivery(key, HERE, NOW)
                del keys[:IN_A_COMMIT]
    return sum(file.stat().st_size for file in path.parent.glob(f"{path.name}*")) / MEMORIES


def take_in(inbox: Inbox, number: int) -> int:
    name = str(uuid.UUID(int=number * 0x9E3779B97F4A7C15F39CC0605CEDC835 % 2**128))
    text = f"memory {number} " + 250 * "x"
    item = fresh(name, project_id=f"project-{number % 20}", content=text, retries=0)
    return inbox.add_fresh(item, NOW, ask=False)


def test_the_text_of_a_delivered_memory_leaves_its_room_to_others(tmp_path: Path) -> None:
    assert delivered(tmp_path / "ledger.sqlite3", 20) <= MOST
