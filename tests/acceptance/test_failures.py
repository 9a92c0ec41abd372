"""What a failure means: the classes of contract section 3, one by one."""

import dataclasses
import time
from collections.abc import Callable
from itertools import pairwise

import pytest

from tests.acceptance.kinds import ON_ALL
from tests.support.home import Home
from tests.support.http1 import Answer, page, retry_after
from tests.support.shapes import Item, entries, entry, moved_marker, texts
from tests.support.standin import UNNAMED, Standin
from tests.support.variants import variants

OUTAGES = [
    Answer(502),
    page(302),
    Answer(200, b'{"success": tr'),
]
ITEM_FAILURES = [
    Answer(501),
    Answer(422),
    Answer(200, {"success": False}),
    Answer(reset=True),
]


@pytest.fixture
def feed(home: Home) -> Callable[[], None]:
    """Queue one more good memory at each call, so that others succeed meanwhile."""
    fed: list[Item] = []

    def one_more() -> None:
        fed.append(entry(f"good {len(fed)}", f"good-{len(fed) % 3}"))
        home.write_emergency(fed[-1:])

    return one_more


def counted(home: Home) -> list[int]:
    return [item["retries"] for item in home.queue_items()]


@ON_ALL
def test_five_item_failures_move_an_entry(home: Home, server: Standin) -> None:
    item = entry("bad")
    home.write_queue([item])
    server.script(Answer(500), content="bad", forever=True)
    before = time.time()
    assert home.drain().returncode == 1
    assert server.sends("bad") == 5
    letter = home.dead_letter("bad")
    assert letter["id"] == item["id"]
    assert (letter["project_id"], letter["timestamp"]) == ("alpha", item["timestamp"])
    assert letter["retry_count"] == 0
    assert before - 1 <= letter["last_attempt"] <= time.time() + 1
    assert letter["moved_to_dlq_at"] == pytest.approx(letter["last_attempt"], abs=1)
    assert "500" in letter["last_error"]
    assert home.queue_items() == []
    assert home.stats()["total_failed"] == 1
    assert len(home.log_lines(moved_marker(item))) == 1


@ON_ALL
def test_item_failures_are_counted_and_the_others_go_on(home: Home, server: Standin) -> None:
    bad = [entry(f"bad {n}") for n in range(len(ITEM_FAILURES))]
    for item, answer in zip(bad, ITEM_FAILURES, strict=True):
        server.script(answer, content=item["content"], forever=True)
    home.write_queue([*bad, entry("good")])
    home.drain()
    assert server.count("good") == 1
    assert [server.sends(text) for text in texts(bad)] == [5] * len(bad)
    assert all(letter["last_error"] for letter in home.dlq_items())


@pytest.mark.parametrize("answer", variants(OUTAGES), ids=lambda a: f"{a.status}-{a.body}")
@ON_ALL
def test_an_outage_counts_nothing(home: Home, server: Standin, answer: Answer) -> None:
    server.default = dataclasses.replace(answer, delay=0.4, stores=False)
    home.write_queue(entries(3))
    home.start("run")
    server.wait_for(lambda: server.saves)
    asked = server.probes()
    server.health = page()
    server.wait_for(lambda: server.probes() >= asked + 2)  # the one before may have found it well
    home.wait(lambda: home.state()[0] == "down", what="down")
    sent, probed = len(server.saves), server.probes()
    server.wait_for(lambda: server.probes() >= probed + 3)
    assert len(server.saves) == sent
    assert (counted(home), home.dlq_items()) == ([0, 0, 0], [])
    server.default, server.health = Answer(), UNNAMED
    server.wait_for(lambda: server.total_stored() == 3)


@pytest.mark.parametrize("answer", variants([Answer(429), Answer(503), Answer(403)], quick=2))
@ON_ALL
def test_an_answer_that_one_item_alone_draws_is_an_item_failure(
    home: Home, server: Standin, feed: Callable[[], None], answer: Answer
) -> None:
    home.write_queue([*entries(3), entry("bad", "bad")])
    server.script(dataclasses.replace(answer, stores=False), content="bad", forever=True)
    home.worker()

    def moved() -> bool:
        feed()
        return home.dlq_texts() == ["bad"]

    home.wait(moved, what="moved to the DLQ")
    # Nothing was delivered between two in a row: they may be the server's fault, and count nothing.
    in_vain = sum(pair == ("bad", "bad") for pair in pairwise(server.order()))
    assert 5 <= server.sends("bad") <= 9 + in_vain
    server.wait_for(lambda: server.total_stored() >= 4)


@ON_ALL
def test_429_counts_nothing(home: Home, server: Standin) -> None:
    server.default = Answer(429)
    home.write_queue(entries(8))
    home.worker()
    server.wait_for(lambda: len(server.saves) >= 7)
    seconds = server.saves[6].started - server.saves[0].started
    assert seconds >= 5 * 0.2 * 0.9
    assert len(set(server.order()[:4])) >= 2, "the next item tried is another"
    assert (set(counted(home)), home.dlq_items()) == ({0}, [])
    server.default = Answer()
    server.wait_for(lambda: server.total_stored() == 8)


@ON_ALL
def test_429_pauses_all_sending_for_retry_after(home: Home, server: Standin) -> None:
    home.write_queue(entries(4))
    server.script(retry_after(429, 2), content="memory number 0")
    home.worker()
    server.wait_for(lambda: server.total_stored() == 4)
    first, second, *_ = server.saves
    assert second.started - first.started >= 1.9
    assert second.content != first.content


@pytest.mark.parametrize("status", variants([401, 403, 404, 405]))
@ON_ALL
def test_misconfigured_pauses_with_a_canary(home: Home, server: Standin, status: int) -> None:
    server.default = Answer(status)
    home.write_queue(entries(6))
    home.worker()
    home.wait(lambda: home.state()[0] == "action needed", what="action needed")
    known = len(server.saves)
    server.wait_for(lambda: len(server.saves) >= known + 8)
    canaries = server.saves[known : known + 8]
    assert canaries[-1].started - canaries[0].started >= 7 * 0.2 * 0.8
    assert len({canary.content for canary in canaries}) >= 4
    assert home.dlq_items() == []
    assert all(n <= (status != 401) for n in counted(home))
    server.default = Answer()
    server.wait_for(lambda: server.total_stored() == 6)
    home.wait(lambda: home.state()[0] == "healthy", what="healthy")
    assert server.surplus() == {}
