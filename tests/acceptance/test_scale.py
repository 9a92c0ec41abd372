"""Large queues and large DLQs: everything stays responsive."""

import json
from functools import partial

import pytest

from tests.support.home import Home
from tests.support.http1 import Answer
from tests.support.shapes import entry, queue_document, waiting
from tests.support.standin import Standin

LARGE = pytest.param(100_000, marks=[pytest.mark.slow, pytest.mark.timeout(300)])


@pytest.mark.row(39)
@pytest.mark.parametrize("count", [20_000, LARGE])
def test_a_huge_queue_holds_the_lock_briefly(home: Home, server: Standin, count: int) -> None:
    server.health = Answer(503)
    padding = "x" * 140
    queue = [entry(f"{n} {padding}") for n in range(count)]
    home.dump(home.queue, queue_document(queue, last_100=[]))
    worker = home.start("run")
    waiter = home.producer("--only-lock", "--count", "200", "--pause", "0.02")
    home.wait(lambda: home.read(home.metrics, {}).get("queue_size") == count, 60, "taken in")
    assert waiter.wait(60) == 0
    assert json.loads(waiter.out)["longest_wait"] < 0.5
    assert worker.alive
    assert len(home.queue_items()) == count


@pytest.mark.row(40)
@pytest.mark.parametrize("count", [10_000, LARGE])
def test_a_huge_dlq_stays_responsive(home: Home, server: Standin, count: int) -> None:
    home.write_dlq([waiting(f"letter {n}") for n in range(count)])
    worker = home.worker()
    home.wait(lambda: home.read(home.metrics)["dlq_size"] == count, 60, "taken in")
    for number in range(3):
        home.ok("add", "--project", "alpha", f"quick {number}")
        server.wait_for(partial(server.count, f"quick {number}"), 2)
    for words in (("status",), ("list", "--limit", "20"), ("stats",)):
        home.ok(*words)
    assert worker.stop() == 0
    assert len(home.dlq_items()) == count
