"""Kills in a drain to the hosted service, with all that may happen there at once."""

import random
from collections import Counter

import pytest

from tests.acceptance.test_kills import (
    drain_with_kills,
    test_a_stop_does_not_wait_for_the_server,
    test_counters_survive_kills,
    test_kills_among_failures_and_dead_letters_lose_nothing,
)
from tests.support.home import Home
from tests.support.hosted import HostedStandin, Work
from tests.support.http1 import Answer, Request, retry_after
from tests.support.shapes import entries, texts

__all__ = [
    "test_a_stop_does_not_wait_for_the_server",
    "test_counters_survive_kills",
    "test_kills_among_failures_and_dead_letters_lose_nothing",
]
_CUT = Answer(reset=True)
_TAKEN = Answer(reset=True, stores=True)  # and nobody hears of it


@pytest.mark.row(1)
@pytest.mark.row(36)
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("kills", "total"), [(5, 120), pytest.param(25, 500, marks=pytest.mark.slow)]
)
def test_kills_among_events_lose_nothing(
    home: Home, server: HostedStandin, kills: int, total: int
) -> None:
    """Events of any length, some that fail, cut-off requests, 429s, kills: each text is there once.

    Nothing is sent again but what was cut off, failed, or was under way at a kill without an event.
    """
    chance = random.Random(kills)  # noqa: S311  (no secret)
    queue = entries(total)
    names = texts(queue)
    chance.shuffle(names)
    failing, cut, taken, slowed = (names[n::12][: total // 12] for n in range(4))
    for text in cut:
        server.script(_CUT, content=text)
    for text in taken:
        server.script(_TAKEN, content=text)
    for text in slowed[:3]:
        server.script(retry_after(429, 0), content=text)
    tries: Counter[str] = Counter()

    def works(request: Request) -> Work:
        tries[request.content] += 1
        fails = request.content in failing and tries[request.content] == 1
        seconds = chance.choice((0.0, chance.uniform(0.01, 0.2), chance.uniform(0.2, 2.0)))
        return Work(seconds, "the model gave no answer" if fails else "")

    server.works = works
    home.write_queue(queue)
    drain_with_kills(home, server, kills, total)
    assert server.missing(names) == []
    assert server.total_stored() == total
    assert home.queue_items() == []
    assert home.dlq_items() == []
    assert home.stats()["total_synced"] == total
    again = {text: n - 1 for text, n in Counter(server.order()).items() if n > 1}
    unasked = sum(again.values()) - len(failing) - len(cut) - len(taken) - len(slowed[:3])
    assert unasked <= 8 * kills  # as many as there are senders
