"""When a dead letter is due: the file says it, absurd values do no harm."""

import re
import signal
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.support.home import Home
from tests.support.http1 import Answer, retry_after
from tests.support.machine import WallClock
from tests.support.shapes import (
    Item,
    backoff_marker,
    dead,
    delay,
    entry,
    retry_marker,
    texts,
    waiting,
)
from tests.support.standin import Standin
from tests.support.variants import variants

YEAR = 365.25 * 86_400
COUNTS = [*range(10), 30, 10**9]


def seconds(line: str) -> int:
    found = re.search(r"\(retry in (\d+)s\)", line)
    assert found, line
    return int(found[1])


def test_a_dead_letter_is_due_by_the_table(home: Home, server: Standin) -> None:
    due = [dead(f"due {n}", retry_count=n, ago=delay(min(n, 9)) + 3) for n in COUNTS]
    early = [dead(f"early {n}", retry_count=n, ago=delay(min(n, 9)) - 20) for n in COUNTS]
    home.write_dlq([*due, *early])
    assert home.drain().returncode == 1
    assert sorted(server.order()) == sorted(texts(due))
    assert home.dlq_texts() == sorted(texts(early))


def test_a_failed_retry_counts_and_sets_the_time(home: Home, server: Standin) -> None:
    letters = [dead(f"bad {n}", retry_count=n, extra=n) for n in (0, 3, 6, 8)]
    server.default = Answer(500)
    home.write_dlq(letters)
    home.drain()
    assert len(server.saves) == 4
    for before in letters:
        after = home.dead_letter(before["content"])
        assert after["retry_count"] == before["retry_count"] + 1
        assert after["last_attempt"] == pytest.approx(time.time(), abs=60)
        assert after["extra"] == before["extra"]
        assert after["moved_to_dlq_at"] == before["moved_to_dlq_at"]
        assert len(home.log_lines(retry_marker(before, before["retry_count"] + 1))) == 1


ABSURD: list[Item] = [
    {"retry_count": 10**9, "last_attempt": 10**9},
    {"retry_count": -3},
    {"retry_count": "many"},
    {"retry_count": None},
    {"retry_count": [1]},
    {"last_attempt": 0},
    {"last_attempt": None},
    {"last_attempt": "yesterday"},
    {"last_attempt": -(10**18)},
    {"last_attempt": 10**18},
    {"last_attempt": float("nan")},
    {"last_attempt": float("inf")},
    {"moved_to_dlq_at": "x", "timestamp": []},
]


@pytest.mark.row(32)
def test_absurd_values_neither_crash_nor_lose(home: Home, server: Standin) -> None:
    letters = [dead(f"absurd {n}", **field) for n, field in enumerate(ABSURD)]
    home.write_dlq([*letters, dead("plain")])
    home.drain()
    assert server.count("plain") == 1
    found = {text: server.count(text) + home.dlq_texts().count(text) for text in texts(letters)}
    assert found == dict.fromkeys(texts(letters), 1)
    home.ok("list")
    home.json("list")


@pytest.mark.row(32)
def test_a_clock_set_back_waits_at_most_one_delay(home: Home, server: Standin) -> None:
    letter = dead("far", retry_count=1, last_attempt=time.time() + 10 * YEAR)
    home.write_dlq([letter])
    home.drain()
    assert server.saves == []
    (line,) = home.log_lines(backoff_marker(letter))
    assert 50 <= seconds(line) <= 60


def test_a_wait_that_the_server_asks_for_outlives_the_worker(home: Home, server: Standin) -> None:
    bad = entry("bad", retries=4)
    home.write_queue([bad])
    server.script(retry_after(500, 600), content="bad", forever=True)
    for _ in range(2):
        home.drain()
    waits = [seconds(line) for line in home.log_lines(backoff_marker(bad))]
    assert [500 < wait <= 600 for wait in waits] == [True, True]
    assert server.sends("bad") == 1


# When the clocks of Paris go forward and back.
SPRING = datetime(2027, 3, 28, 1, tzinfo=UTC).timestamp()
AUTUMN = datetime(2027, 10, 31, 1, tzinfo=UTC).timestamp()


@pytest.fixture
def clock(tmp_path: Path, home: Home) -> WallClock:
    clock = WallClock(tmp_path)
    home.env |= clock.env
    return clock


@pytest.mark.row(32)
@pytest.mark.parametrize("years", variants([-10, 15]), ids=["-10", "+15, past 2038"])
def test_work_goes_on_after_a_jump(
    home: Home, server: Standin, clock: WallClock, years: int
) -> None:
    home.worker()
    clock.jump(years * YEAR)
    home.write_emergency([entry("fine"), entry("bad")])
    server.script(Answer(500), Answer(500), content="bad")
    server.wait_for(lambda: server.count("fine") == 1 and server.count("bad") == 1)


@pytest.mark.row(32)
@pytest.mark.parametrize("change", variants([SPRING, AUTUMN]), ids=["spring", "autumn"])
def test_summer_time_moves_no_retry(
    home: Home, server: Standin, clock: WallClock, change: float
) -> None:
    home.env["TZ"] = "Europe/Paris"
    clock.jump(int(change - 3 - time.time()))
    begun = time.monotonic()
    later = dead("later", retry_count=3)
    home.write_dlq([dead("soon", last_attempt=change - 28), later | {"last_attempt": change}])
    home.worker()
    server.wait_for(lambda: server.count("soon") == 1)
    assert time.monotonic() - begun >= 4
    home.wait_dlq(["later"])
    assert home.run("list").returncode == 0
    assert server.order() == ["soon"]


@pytest.mark.row(41)
def test_a_worker_that_slept_takes_up_its_work(
    home: Home, server: Standin, clock: WallClock
) -> None:
    asleep = threading.Event()
    server.script(Answer(after=asleep.is_set), content="under way")
    home.write_queue([entry("under way")])
    home.write_dlq([waiting("due meanwhile")])
    worker = home.worker()
    server.wait_for(lambda: server.sends("under way") == 1)
    worker.signal(signal.SIGSTOP)
    asleep.set()
    server.wait_for(lambda: server.saves[0].finished is not None)
    clock.jump(3700)
    worker.signal(signal.SIGCONT)
    server.wait_for(lambda: server.count("due meanwhile") == 1)
    home.wait(lambda: home.queue_items() == [] and home.dlq_items() == [], what="published")
    assert server.surplus() == {}


@pytest.mark.row(41)
@pytest.mark.parametrize("seconds", variants([-10 * YEAR, 3600]))
def test_a_jump_makes_no_busy_loop(
    home: Home, server: Standin, clock: WallClock, seconds: float
) -> None:
    home.write_dlq([waiting(f"later {n}", retry_count=12) for n in range(5)])
    worker = home.worker()
    server.default = Answer(500)
    clock.jump(seconds)
    probed = server.probes()
    server.wait_for(lambda: server.probes() >= probed + 3)
    before, started = worker.cpu_seconds(), time.monotonic()
    server.wait_for(lambda: server.probes() >= probed + 13)
    assert worker.cpu_seconds() - before < 0.5 * (time.monotonic() - started)
    assert len(server.saves) <= 5


@pytest.mark.row(32)
def test_a_start_with_the_clock_set_back_postpones_nothing(
    home: Home, server: Standin, clock: WallClock
) -> None:
    clock.jump(10 * YEAR)
    home.write_queue([entry("bad")])
    server.default = Answer(500)
    patient = {"MEM0TRAY_SYNC_RETRY_INTERVAL": "2"}
    worker = home.worker(env=patient)
    server.wait_for(lambda: server.sends("bad") >= 1)
    worker.stop()
    clock.jump(0)
    server.default = Answer()
    home.worker(env=patient)
    server.wait_for(lambda: server.count("bad") == 1)
