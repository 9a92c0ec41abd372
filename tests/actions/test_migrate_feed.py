"""How a migration fills the queue file: in batches, and no more than a worker can send."""

import json
from contextlib import ExitStack

import pytest

from mem0tray.actions import migrate, worker_report
from mem0tray.actions.migrate import Feed
from mem0tray.actions.worker_report import Running
from mem0tray.core import item as items
from mem0tray.system.paths import Paths
from tests.actions.scene import read, take_in, worker, write
from tests.support.shapes import entry

SERVER = "https://server.test"  # of the worker in these tests


def made(count: int) -> list[items.Object]:
    return [entry(f"text {n}", id=f"id-{n}") for n in range(count)]


def in_the_file(paths: Paths) -> int:
    return len(read(paths.queue)["queue"])


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let batches and bound be small, and a worker be seen that runs."""
    monkeypatch.setattr(migrate, "BATCH", 10)
    monkeypatch.setattr(migrate, "WAITING_MOST", 30)
    monkeypatch.setattr(migrate, "_LOOK", 0.0)
    monkeypatch.setattr(worker_report, "running", lambda _: Running(1, 0.0))


def test_a_batch_is_one_write(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrate, "BATCH", 10)
    feed = Feed(paths, SERVER, lambda: None)
    feed.put(made(25))
    assert feed.queued == in_the_file(paths) == 20
    feed.flush()
    feed.flush()
    assert feed.queued == in_the_file(paths) == 25
    assert read(paths.queue)["stats"]["total_queued"] == 25


def test_large_texts_make_a_batch_of_few(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrate, "_BYTES", 1000)
    feed = Feed(paths, SERVER, lambda: None)
    feed.put([entry("x" * 600), entry("y" * 600), entry("z")])
    assert feed.queued == in_the_file(paths) == 2


@pytest.mark.usefixtures("small")
def test_beside_a_worker_no_more_wait_than_it_can_send(paths: Paths) -> None:
    write(paths.metrics, {"state": "healthy"})
    waited: list[int] = []
    with ExitStack() as stack:
        context = stack.enter_context(worker(paths))

        def work() -> None:
            """Take in what is there; at the next look, send five of it."""
            known = list(context.inbox.fresh_entries())
            waited.append(len(known))
            for key in known[:5]:
                context.outbox.record_delivery(key, SERVER, 5.0)
            take_in(context)

        Feed(paths, SERVER, work).put(made(100))
        left = len(context.inbox.fresh_entries())
    assert in_the_file(paths) == 100
    assert max(waited) <= 30
    assert left <= 30


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("state", ["paused", "down", "action needed"])
def test_a_worker_that_sends_nothing_is_not_waited_for(paths: Paths, state: str) -> None:
    write(paths.metrics, {"state": state})
    with worker(paths):
        Feed(paths, SERVER, lambda: pytest.fail("it waited")).put(made(100))
    assert in_the_file(paths) == 100


@pytest.mark.usefixtures("small")
def test_a_worker_that_sends_no_more_is_waited_for_once(
    paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrate, "_STALLED", 0.0)
    write(paths.metrics, {"state": "healthy"})
    waited: list[int] = []
    with worker(paths):
        Feed(paths, SERVER, lambda: waited.append(1)).put(made(100))
    assert in_the_file(paths) == 100
    assert len(waited) <= 3


def test_what_cannot_go_into_the_queue_file_goes_beside_it(paths: Paths) -> None:
    paths.queue.write_text("{")
    feed = Feed(paths, SERVER, lambda: None)
    feed.put(made(3))
    feed.flush()
    lines = [json.loads(line) for line in paths.emergency.read_text().splitlines()]
    assert [each["id"] for each in lines] == ["id-0", "id-1", "id-2"]
