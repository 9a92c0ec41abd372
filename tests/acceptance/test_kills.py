"""Kills at random moments, and stops: nothing is lost, nothing is stored twice."""

import time

import pytest

from tests.acceptance.kinds import ON_ALL, ON_OFFICIAL_TOO
from tests.support.home import Home
from tests.support.http1 import Answer
from tests.support.shapes import dead, entries, entry, texts
from tests.support.standin import Standin
from tests.support.variants import variants


def moment(number: int) -> float:
    """Spread moments evenly over 0..1, so that no two kills come at the same point."""
    return (number + 1) * 0.618034 % 1


def kill_after(home: Home, server: Standin, sends: int, enough: int) -> None:
    worker = home.start("run")
    goal = len(server.saves) + sends
    server.wait_for(lambda: server.has_saves(goal) or server.total_stored() >= enough)
    time.sleep(moment(goal) * 0.004)
    worker.kill()


def drain_with_kills(home: Home, server: Standin, kills: int, total: int) -> None:
    for number in range(kills):
        kill_after(home, server, 1 + int(moment(number) * total / kills), total)
    home.drained()


@pytest.fixture(params=variants(["asked", "plain", "keys"]))
def guarded(request: pytest.FixtureRequest, server: Standin) -> bool:
    """Give the server a way to tell what it has, or none; whether it has one."""
    server.honours_keys = request.param == "keys"
    server.can_be_asked = request.param == "asked"
    return str(request.param) != "plain"


def check_kills(home: Home, server: Standin, kills: int, total: int, *, guarded: bool) -> None:
    """Drain with kills: none lost; none stored twice, or two a kill where nobody can tell.

    There one sender works, so that a kill leaves two unknown (one under way, one claimed) on a
    slow machine too: with eight it would be as many as the answers' speed allows.
    """
    if not guarded:
        home.env["MEM0TRAY_SYNC_CONCURRENCY"] = "1"
    queue = entries(total)
    home.write_queue(queue)
    drain_with_kills(home, server, kills, total)
    assert server.missing(texts(queue)) == []
    doubled = server.total_stored() - total
    assert doubled <= (0 if guarded else 2 * kills)
    assert home.queue_items() == []
    assert home.stats()["total_synced"] == home.read(home.metrics)["total_synced"] == total
    assert home.stats()["total_queued"] == total


@pytest.mark.row(1)
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("kills", "total"), [(6, 400), pytest.param(25, 1500, marks=pytest.mark.slow)]
)
def test_kills_in_a_drain_lose_nothing(
    home: Home, server: Standin, kills: int, total: int, *, guarded: bool
) -> None:
    check_kills(home, server, kills, total, guarded=guarded)


def kill_while_starting(home: Home, times: int) -> None:
    for number in range(times):
        worker = home.start("run")
        time.sleep(0.1 + moment(number) / 2)
        worker.kill()


@pytest.mark.row(2)
@pytest.mark.parametrize("times", [6, pytest.param(40, marks=pytest.mark.slow)])
def test_kills_during_the_recovery_lose_nothing(
    home: Home, server: Standin, times: int, *, guarded: bool
) -> None:
    server.latency = 0.002
    if not guarded:
        home.env["MEM0TRAY_SYNC_CONCURRENCY"] = "1"
    queue = entries(1500 if times > 6 else 500)
    home.write_queue(queue)
    kill_while_starting(home, times)
    home.drained()
    assert server.missing(texts(queue)) == []
    assert server.total_stored() - len(queue) <= (0 if guarded else 2 * times)


@pytest.mark.row(1)
@ON_ALL
def test_kills_among_failures_and_dead_letters_lose_nothing(home: Home, server: Standin) -> None:
    queue, letters = entries(120), [dead(f"letter {n}", retry_count=2) for n in range(120)]
    bad = [item["content"] for item in [*queue, *letters] if item["content"].endswith("3")]
    for text in bad:
        server.script(Answer(500), content=text, forever=True)
    home.write_queue(queue)
    home.write_dlq(letters)
    for number in range(5):
        kill_after(home, server, 5 + int(moment(number) * 55), 240 - len(bad))
    home.drain()
    good = [text for text in texts([*queue, *letters]) if text not in bad]
    assert server.missing(good) == []
    assert server.surplus() == {}
    home.wait_dlq(bad)


@pytest.mark.parametrize("number", variants([15, 2]), ids=["SIGTERM", "SIGINT"])
@ON_ALL
def test_a_stop_does_not_wait_for_the_server(home: Home, server: Standin, number: int) -> None:
    server.script(Answer(delay=30, stores=False))
    home.write_queue(entries(3))
    worker = home.start("run")
    server.wait_for(lambda: server.has_saves(1))
    worker.signal(number)
    worker.wait()
    assert "Traceback" not in worker.err
    home.drained()
    assert server.total_stored() == 3


@ON_OFFICIAL_TOO
def test_a_stop_publishes_what_is_left(home: Home, server: Standin) -> None:
    server.latency = 0.05
    queue = entries(300)
    home.write_queue(queue)
    worker = home.start("run")
    server.wait_for(lambda: server.total_stored() >= 60)
    worker.stop()
    left = set(texts(home.queue_items()))
    stored = {text for _, text in server.stored}
    assert left | stored == set(texts(queue))
    assert len(left & stored) <= 8  # requests that were on their way
    home.drained()
    assert server.surplus() == {}


@pytest.mark.row(36)
@pytest.mark.parametrize("stores", [True, False], ids=["accepted", "not accepted"])
@pytest.mark.parametrize("means", ["asked", "keys"])
def test_an_item_on_its_way_when_killed_is_stored_once(
    home: Home, server: Standin, means: str, *, stores: bool
) -> None:
    server.honours_keys, server.can_be_asked = means == "keys", means == "asked"
    server.script(Answer(delay=20, stores=stores), content="on its way")
    item = entry("on its way")
    home.write_queue([item])
    worker = home.start("run")
    server.wait_for(lambda: server.has_saves(1))
    worker.kill()
    home.drained()
    assert server.count("on its way") == 1
    if server.can_be_asked:
        assert server.sends("on its way") == (1 if stores else 2)
    assert set(server.keys("on its way")) == {item["id"]}
