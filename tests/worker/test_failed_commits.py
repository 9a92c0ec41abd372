"""What a failed commit takes back, as where the disk is full, is done at the next try."""

import json
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from mem0tray.core.errors import LedgerError
from mem0tray.core.state import WorkerSeen
from mem0tray.ledger.database import Ledger
from mem0tray.ledger.names import SOURCES
from mem0tray.system.paths import Paths
from mem0tray.worker.context import WorkerContext
from mem0tray.worker.dlq.hand_edits import HandEdits
from mem0tray.worker.dlq.publish import DlqPublisher
from mem0tray.worker.metrics import SILENT, OtherWorker
from mem0tray.worker.parts import recover
from mem0tray.worker.queue.emergency import EmergencyIntake
from mem0tray.worker.queue.intake import QueueIntake
from mem0tray.worker.queue.publish import QueuePublisher
from tests.ledger.samples import table
from tests.support.shapes import dead, entry
from tests.worker.ground import grounded

STATES = (
    "SELECT id, state, reason, retries, retry_count, unknown IS NULL, taken IS NULL,"
    " vanished IS NULL, held IS NULL FROM items ORDER BY id"
)


class Connection:
    """The ledger's connection, whose `fails`-th commit finds the disk full."""

    def __init__(self, real: Any, fails: int | None) -> None:
        self._real, self._fails = real, fails
        self.commits = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def execute(self, sql: str, values: Sequence[Any] = ()) -> Any:
        if sql == "COMMIT":
            self.commits += 1
            if self.commits == self._fails:
                error = sqlite3.OperationalError("database or disk is full")
                error.sqlite_errorcode = sqlite3.SQLITE_FULL
                raise error
        return self._real.execute(sql, values)


@contextmanager
def failing(ledger: Ledger, fails: int | None) -> Iterator[Connection]:
    real = ledger._db
    connection: Any = Connection(real, fails)
    ledger._db = connection
    try:
        yield connection
    finally:
        ledger._db = real


def write_files(paths: Paths) -> None:
    queue = {"queue": [entry("q1", id="q1"), entry("q2", id="q2")], "failed": [entry("f", id="f")]}
    paths.queue.write_text(json.dumps(queue))
    paths.dlq.write_text(json.dumps({"items": [dead("d", id="d")], "last_update": "x"}))
    paths.emergency.write_text(json.dumps(entry("e", id="e")) + "\n")


def outcome(folder: Path, fails: int | None, *, beside: bool) -> tuple[Any, int]:
    """Run four cycles with a new ledger; return how things stand, and the number of commits.

    What stands in the files may have been sent. `beside`: another worker was there, and has gone.
    """
    with grounded(folder) as context:
        write_files(context.paths)
        gone = context.now() - 2 * SILENT
        if beside:
            context.foreign_claims.note_worker(WorkerSeen(None, "elsewhere", gone, gone))
        with failing(context.ledger, fails) as connection:
            run_cycles(context)
        state = [
            table(context.ledger, STATES),
            [context.ledger.may_have_been_sent(name) for name in SOURCES],
            context.breaker.blocked_by("worker"),
            context.other_at_work,
            context.counters.show(),
            *(
                sorted(each["id"] for each in json.loads(path.read_bytes())[name])
                for path, name in ((context.paths.queue, "queue"), (context.paths.dlq, "items"))
            ),
        ]
        return state, connection.commits


def run_cycles(context: WorkerContext) -> None:
    other, lines = OtherWorker(context), EmergencyIntake(context)
    queue, edits = QueueIntake(context), HandEdits(context)
    shown, letters = QueuePublisher(context, queue), DlqPublisher(context, edits)
    parts = (
        other.look, lines.run, queue.run, edits.run, other.release, shown.run_once,
        letters.run_once,
    )  # fmt: skip
    for _ in range(4):
        for part in parts:
            with suppress(LedgerError):
                part()


@pytest.mark.parametrize("part", [recover, EmergencyIntake, QueueIntake, HandEdits])
def test_what_is_taken_in_or_decided_is_on_the_disk_when_a_part_returns(
    tmp_path: Path, part: Callable[[WorkerContext], Any]
) -> None:
    with grounded(tmp_path) as context:
        write_files(context.paths)
        before = context.ledger.meta("durable")  # each durable transaction changes it
        if made := part(context):
            made.run()
        assert context.ledger.meta("durable") != before


@pytest.mark.parametrize("beside", [False, True])
def test_each_commit_may_fail_once(tmp_path: Path, *, beside: bool) -> None:
    wanted, commits = outcome(tmp_path / "none", None, beside=beside)
    assert commits > 10
    wrong = {
        number: found
        for number in range(1, commits + 1)
        if (found := outcome(tmp_path / f"{number}", number, beside=beside)[0]) != wanted
    }
    assert wrong == {}
