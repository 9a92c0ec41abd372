"""Retry: `last_attempt` becomes 0 in the file, and what became of it, by what the ledger has."""

import os
import time

import pytest

from mem0tray.actions import verbs
from mem0tray.actions.verbs import FAILED, WAITING, RetryOutcome
from mem0tray.config.settings import Settings
from mem0tray.core.errors import NotFoundError
from mem0tray.core.item import Item, Kind
from mem0tray.ledger.reader import Reader
from mem0tray.ledger.rows import Known
from mem0tray.system.paths import Paths
from mem0tray.worker.context import WorkerContext
from tests.actions.scene import found, holding, read, worker, write, write_dlq
from tests.support import shapes
from tests.support.shapes import entry, queue_document, waiting

_SAID = "500 Internal Server Error"
_LETTER = waiting("a", "alpha", id="aaaa-1")


def _item() -> Item:
    item = found(_LETTER).item
    assert item is not None
    return item


def _fail(context: WorkerContext) -> None:
    (row,) = context.generations.dead_rows()
    now = time.time()
    job = context.outbox.claim(row.key, now)
    context.outbox.record_attempt(row.key, now, str(Kind.ITEM_FAILURE), 500, _SAID, 0.1)
    raw = context.ledger.raw(row.key)
    context.outbox.count_dead_failure(job, 10, now + 3600, _SAID, raw, now)


def _outcome(paths: Paths, since: float) -> RetryOutcome:
    with holding(paths):
        (outcome,) = verbs.follow(paths, [_item()], since, 0.0)
    return outcome


def test_a_question_in_vain_is_no_failure(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verbs, "_HINDERED", 0.0)
    write_dlq(paths, [_LETTER])
    with worker(paths) as context:
        _fail(context)  # in the same words, but before
        since = time.time()
        (row,) = context.generations.dead_rows()
        kind = str(Kind.ASKED_IN_VAIN)
        context.outbox.record_attempt(row.key, time.time(), kind, 500, _SAID, 0.1)
        assert _outcome(paths, since).name == WAITING


def test_the_next_try_is_the_one_after_the_failure(
    paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_dlq(paths, [_LETTER | {"last_attempt": 0}])
    with worker(paths) as context:
        since = time.time()
        known = Reader.known
        looks = 0

        def looked(reader: Reader, item_id: str, digest: bytes) -> Known | None:
            nonlocal looks
            seen = known(reader, item_id, digest)
            looks += 1
            if looks == 1:
                _fail(context)
            return seen

        monkeypatch.setattr(Reader, "known", looked)
        outcome = _outcome(paths, since)
    assert outcome.name == FAILED
    assert outcome.next_retry is not None
    assert outcome.next_retry > since + 3000


@pytest.mark.parametrize(
    ("idle", "age", "hangs"), [(61.0, 61.0, True), (61.0, 31.0, False), (31.0, 61.0, False)]
)
def test_a_worker_that_hangs_is_not_waited_for(
    paths: Paths, idle: float, age: float, *, hangs: bool
) -> None:
    with holding(paths):
        for path, older in ((paths.metrics, 0.0), (paths.spare_metrics, 600.0)):
            path.write_bytes(b"{}")
            os.utime(path, (time.time() - age - older,) * 2)
        said = verbs._hindrance(paths, idle, 150.0)
    assert said == ("the worker does not answer: `mem0tray doctor` says more" if hangs else "")


@pytest.fixture
def letters(paths: Paths) -> list[shapes.Item]:
    made = [waiting(n, p, id=f"{n}{n}-1", mine=n) for n, p in (("a", "x"), ("b", "x"), ("c", "y"))]
    write_dlq(paths, made)
    write(paths.queue, queue_document([entry("q", id="qq-1")]))
    return made


def test_only_the_time_changes(paths: Paths, letters: list[shapes.Item]) -> None:
    verbs.retry_all(Settings())
    assert read(paths.dlq)["items"] == [letter | {"last_attempt": 0} for letter in letters]


def test_what_is_held_is_sent_though_the_queue_file_is_gone(paths: Paths) -> None:
    write(paths.queue, queue_document([entry("h", id="hh-1"), entry("q", id="qq-1")]))
    with worker(paths) as context:
        context.foreign_claims.hold(1, 5.0)
    paths.queue.unlink()
    with pytest.raises(NotFoundError, match="waits in the queue"):
        verbs.retry_ids(Settings(), ["qq"])
    assert [item.id for item in verbs.retry_ids(Settings(), ["hh"]).items] == ["hh-1"]
    assert verbs.retry_all(Settings()).items == ()
    assert sorted(each["content"] for each in read(paths.queue)["queue"]) == ["h", "q"]
