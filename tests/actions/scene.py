"""Files and a ledger in a scratch home, for actions that run in this process."""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mem0tray.actions import waiting
from mem0tray.actions.waiting import FoundItem
from mem0tray.config.settings import Settings
from mem0tray.core import item as items
from mem0tray.core.events import Events
from mem0tray.core.reasons import Reason
from mem0tray.files.lock import InstanceLock
from mem0tray.ledger.database import Ledger
from mem0tray.system.paths import Paths
from mem0tray.worker.context import WorkerContext
from mem0tray.worker.dlq.hand_edits import HandEdits
from mem0tray.worker.dlq.publish import DlqPublisher
from mem0tray.worker.queue.intake import QueueIntake

STAMP = "2025-11-30T04:38:18"


def write(path: Path, document: object) -> None:
    """Write as people's scripts do."""
    path.write_text(json.dumps(document, indent=2), encoding="utf-8")


def write_dlq(paths: Paths, letters: Iterable[object], **fields: object) -> None:
    write(paths.dlq, {"items": list(letters), "last_update": STAMP, **fields})


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def contents(paths: Paths) -> list[str]:
    return [letter["content"] for letter in read(paths.dlq)["items"]]


def queued(paths: Paths) -> list[str]:
    return [entry["content"] for entry in read(paths.queue)["queue"]]


def chosen(paths: Paths, *names: str) -> list[FoundItem]:
    del paths  # those of the environment
    with waiting.opened(Settings()) as seen:
        return seen.resolve(names, seen.candidates(names))


def found(raw: dict[str, Any], place: str = waiting.DLQ_LIST) -> FoundItem:
    """An item as it would be found in a file."""
    data = json.dumps(raw).encode()
    item = items.parse(data)
    return FoundItem(place, raw["id"], raw.get("project_id", ""), data, item)


@contextmanager
def worker(paths: Paths) -> Iterator[WorkerContext]:
    """The parts of a worker that take files in and publish the DLQ, done once."""
    ledger = Ledger(paths.ledger)
    context = WorkerContext(paths, Settings(), ledger, Events(), "https://server.test")
    try:
        take_in(context)
        yield context
    finally:
        ledger.close()


@contextmanager
def holding(paths: Paths, run: str = "") -> Iterator[None]:
    lock = InstanceLock(paths.instance_lock, run)
    lock.acquire()
    try:
        yield
    finally:
        lock.release()


def run_worker(paths: Paths) -> None:
    with worker(paths):
        pass


def take_in(context: WorkerContext) -> None:
    """One look at the files, and the DLQ published if that changed anything."""
    QueueIntake(context).run()
    edits = HandEdits(context)
    edits.run()
    publisher = DlqPublisher(context, edits)
    if publisher.needed:
        publisher.run()
    publisher.close()


def metrics_of(state: str, reason: Reason) -> dict[str, Any]:
    """Make what a worker writes into its metrics of its state."""
    data = reason.document()
    return {
        "state": state,
        "reason": str(reason),
        "reason_id": data["id"],
        "reason_arguments": data["arguments"],
    }
