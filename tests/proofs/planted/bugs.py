"""The bugs: each is what a change of the product might get wrong, as small as it would be."""

import os
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any, Final
from unittest import mock

import msgspec

from mem0tray import cli
from mem0tray.core import item as items
from mem0tray.core.item import Kind
from mem0tray.files import atomic
from mem0tray.files.lock import FileLock
from mem0tray.files.orders import OrderBarrier
from mem0tray.ledger.database import Ledger
from mem0tray.ledger.generations import Generations
from mem0tray.ledger.inbox import Inbox
from mem0tray.ledger.outbox import Job, Outbox
from mem0tray.server.model import Outcome
from mem0tray.worker.dlq.hand_edits import HandEdits
from mem0tray.worker.dlq.merge import Base
from mem0tray.worker.queue.intake import QueueIntake, QueueRead
from mem0tray.worker.sending.attempt import Attempts
from mem0tray.worker.sending.delivery import Delivery
from mem0tray.worker.sending.verdict import Verdicts
from tests.support.home import REPOSITORY, Home

Stand = Callable[[Any, str, Callable[..., Any]], None]  # owner, name of the part, the wrong one
VARIABLE: Final = "MEM0TRAY_TESTS_PLANTED"


def outcome_before_request(stand: Stand) -> None:
    """Record the delivery with its claim, and take that back when the request fails."""
    claim, apply = Delivery._claim, Verdicts.apply
    state = "UPDATE items SET state = ? WHERE key = ?"
    there = "INSERT OR REPLACE INTO outcomes SELECT key, claimed_for, ?, 1 FROM items WHERE key = ?"

    def too_early(self: Delivery, key: int, now: float, *, canary: bool) -> Any:
        flight = claim(self, key, now, canary=canary)
        with self._context.ledger.transaction() as db:
            db.execute(state, (items.DELIVERED, key))
            db.execute(there, (now, key))
        return flight

    def take_back(self: Verdicts, job: Job, *args: Any, **more: Any) -> Any:
        with self._context.ledger.transaction() as db:
            db.execute(state, (job.lane, job.key))
            db.execute("DELETE FROM outcomes WHERE item = ?", (job.key,))
        return apply(self, job, *args, **more)

    stand(Delivery, "_claim", too_early)
    stand(Verdicts, "apply", take_back)


def file_before_ledger(stand: Stand) -> None:
    read = QueueIntake.read
    empty = b'{"queue": [], "last_100": [], "failed": [], "stats": {}}'

    def emptied(self: QueueIntake, **more: Any) -> QueueRead:
        path = self._context.paths.queue
        kept = path.read_bytes() if path.exists() else empty
        atomic.replace(path, empty)
        with mock.patch.object(atomic, "read", return_value=(kept, atomic.signature(path))):
            return read(self, **more)

    stand(QueueIntake, "read", emptied)


def last_update_ignored(stand: Stand) -> None:
    base = HandEdits._base

    def newest(self: HandEdits, save: Any, **options: bool) -> Base:
        found = base(self, save, **options)
        return replace(found, named=found.current)

    stand(HandEdits, "_base", newest)


def count_reset(stand: Stand) -> None:
    prepare = Generations.prepare

    def fresh(self: Generations, name: str) -> tuple[int, list[bytes]]:
        gen, raws = prepare(self, name)
        return gen, [items.with_fields(raw, {"retry_count": 0}) for raw in raws]

    stand(Generations, "prepare", fresh)


def key_reused(stand: Stand) -> None:
    """Send every content under an id with that id as its key."""
    stand(items, "idempotency_key", lambda item_id, *_: item_id)


def key_of_the_attempt(stand: Stand) -> None:
    claim = Outbox.claim

    def numbered(self: Outbox, key: int, now: float, server: str = "") -> Job:
        job = claim(self, key, now, server)
        return msgspec.structs.replace(job, idempotency_key=f"{job.idempotency_key}-{now}")

    stand(Outbox, "claim", numbered)


def outage_counted(stand: Stand) -> None:
    apply = Verdicts.apply

    def blame(self: Verdicts, job: Job, outcome: Outcome, *args: Any, **more: Any) -> Any:
        if outcome.kind is Kind.OUTAGE:
            outcome = msgspec.structs.replace(outcome, kind=Kind.ITEM_FAILURE)
        return apply(self, job, outcome, *args, **more)

    stand(Verdicts, "apply", blame)


def files_before_ledger(stand: Stand) -> None:
    """Let no commit of the ledger reach the disk before the files that depend on it."""
    transaction = Ledger.transaction

    @contextmanager
    def off(self: Ledger, *, durable: bool = False) -> Iterator[sqlite3.Connection]:
        with self.locked() as db:
            if not db.in_transaction:
                db.execute("PRAGMA synchronous = OFF")
                self._synchronous = "FULL" if durable else "NORMAL"  # so it stays off
            with transaction(self, durable=durable):
                yield db

    stand(Ledger, "transaction", off)


def _always(owner: Any, part: str, answer: object = None) -> Callable[[Stand], None]:
    """Let a part of the product do nothing, and give this answer."""
    return lambda stand: stand(owner, part, mock.Mock(return_value=answer))


BUGS: Final[dict[str, Callable[[Stand], None]]] = {
    "no-folder-sync": _always(atomic, "sync_folder"),
    "no-file-sync": _always(atomic, "sync"),
    "files-before-ledger": files_before_ledger,
    "outcome-before-request": outcome_before_request,
    "file-before-ledger": file_before_ledger,
    "no-lock": _always(FileLock, "acquire"),
    "last-update-ignored": last_update_ignored,
    "count-reset": count_reset,
    "key-reused": key_reused,
    "nobody-asked": _always(Attempts, "_ask"),
    "key-of-the-attempt": key_of_the_attempt,
    "outage-counted": outage_counted,
    # What has come since the claim of a memory is not looked at before it is sent.
    "orders-unseen": _always(OrderBarrier, "look", answer=False),
    # What the queue file still shows of a deleted entry is taken for a new one.
    "tombstones-forgotten": _always(Inbox, "tombstones", answer={}),
}


def plant_in(home: Home, name: str) -> None:
    home.env |= {VARIABLE: name, "PYTHONPATH": str(REPOSITORY)}
    home._command = (sys.executable, "-m", "tests.proofs.planted.bugs")


@contextmanager
def planted(name: str) -> Iterator[None]:
    with ExitStack() as stack:

        def stand(owner: Any, part: str, wrong: Callable[..., Any]) -> None:
            stack.enter_context(mock.patch.object(owner, part, wrong))

        BUGS[name](stand)
        yield


if __name__ == "__main__":  # the program's command line, with a bug planted
    with planted(os.environ[VARIABLE]):
        sys.exit(cli.main())
