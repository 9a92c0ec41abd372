"""The wall clock jumps while the worker runs."""

import signal
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.support.home import Home
from tests.support.http1 import Answer
from tests.support.machine import WallClock
from tests.support.shapes import dead, entry, waiting
from tests.support.standin import Standin
from tests.support.variants import variants

YEAR = 365.25 * 86_400
# When the clocks of Paris go forward and back.
SPRING = datetime(2027, 3, 28, 1, tzinfo=UTC).timestamp()
AUTUMN = datetime(2027, 10, 31, 1, tzinfo=UTC).timestamp()


@pytest.fixture
def clock(tmp_path: Path, home: Home) -> WallClock:
    """Give every process of the home a wall clock that the test can set."""
    clock = WallClock(tmp_path)
    home.env |= clock.env
    return clock


@pytest.mark.row(41)
def test_a_jump_forward_misses_no_retry(home: Home, server: Standin, clock: WallClock) -> None:
    home.write_dlq([waiting("later")])
    home.worker()
    clock.jump(3700)
    server.wait_for(lambda: server.count("later") == 1, 10)


@pytest.mark.row(32)
@pytest.mark.parametrize("years", variants([-10, 15, 10]), ids=["-10", "+15, past 2038", "+10"])
def test_work_goes_on_after_a_jump(
    home: Home, server: Standin, clock: WallClock, years: int
) -> None:
    home.worker()
    clock.jump(years * YEAR)
    home.write_emergency([entry("fine"), entry("bad")])
    server.script(Answer(500), Answer(500), content="bad")
    server.wait_for(lambda: server.count("fine") == 1 and server.count("bad") == 1, 5)


@pytest.mark.row(32)
@pytest.mark.parametrize("change", variants([SPRING, AUTUMN]), ids=["spring", "autumn"])
def test_summer_time_moves_no_retry(
    home: Home, server: Standin, clock: WallClock, change: float
) -> None:
    home.env["TZ"] = "Europe/Paris"
    clock.jump(int(change - 3 - time.time()))
    begun = time.monotonic()
    later = dead("later", retry_count=0)
    home.write_dlq([dead("soon", last_attempt=change - 28), later | {"last_attempt": change}])
    home.worker()
    server.wait_for(lambda: server.count("soon") == 1, 12)
    assert time.monotonic() - begun >= 4
    home.wait_dlq(["later"])
    assert home.run("list").returncode == 0
    assert server.order() == ["soon"]


@pytest.mark.row(41)
def test_a_worker_that_slept_takes_up_its_work(home: Home, server: Standin) -> None:
    server.script(Answer(delay=0.5), content="under way")
    home.write_queue([entry("under way")])
    home.write_dlq([dead("due meanwhile", ago=25)])
    worker = home.worker()
    server.wait_for(lambda: server.sends("under way") == 1, 10)
    worker.signal(signal.SIGSTOP)
    server.wait_for(lambda: server.saves[0].finished is not None, 5)
    time.sleep(5)  # it is the sleep itself that is tried
    assert server.count("due meanwhile") == 0
    worker.signal(signal.SIGCONT)
    server.wait_for(lambda: server.count("due meanwhile") == 1, 5)
    home.wait(lambda: home.queue_items() == [] and home.dlq_items() == [], 5, "published")
    assert server.surplus() == {}


@pytest.mark.row(41)
@pytest.mark.parametrize("seconds", variants([-10 * YEAR, -3600, 3600]))
def test_a_jump_makes_no_busy_loop(
    home: Home, server: Standin, clock: WallClock, seconds: float
) -> None:
    home.write_dlq([waiting(f"later {n}", retry_count=12) for n in range(5)])
    worker = home.worker()
    server.default = Answer(500)
    clock.jump(seconds)
    probed = server.probes()
    server.wait_for(lambda: server.probes() >= probed + 3, 10)
    before, started = worker.cpu_seconds(), time.monotonic()
    server.wait_for(lambda: server.probes() >= probed + 13, 10)
    assert worker.cpu_seconds() - before < 0.25 * (time.monotonic() - started)
    assert len(server.saves) <= 5


@pytest.mark.row(32)
@pytest.mark.slow
def test_a_clock_set_back_delays_a_retry_by_one_delay_at_most(
    home: Home, server: Standin, clock: WallClock
) -> None:
    home.write_queue([entry("bad", retries=4)])
    server.script(Answer(500), content="bad")
    clock.jump(10 * YEAR)
    home.worker()
    home.wait_dlq(["bad"])
    clock.jump(0)
    started = time.monotonic()
    server.wait_for(lambda: server.count("bad") == 1, 40)
    assert time.monotonic() - started >= 25


@pytest.mark.row(32)
def test_a_start_with_the_clock_set_back_postpones_nothing(
    home: Home, server: Standin, clock: WallClock
) -> None:
    clock.jump(10 * YEAR)
    home.write_queue([entry("bad")])
    server.default = Answer(500)
    patient = {"MEM0TRAY_SYNC_RETRY_INTERVAL": "2"}
    worker = home.worker(env=patient)
    server.wait_for(lambda: server.sends("bad") >= 1, 5)
    worker.stop()
    clock.jump(0)
    server.default = Answer()
    home.worker(env=patient)
    server.wait_for(lambda: server.count("bad") == 1, 8)


@pytest.mark.row(32)
def test_a_run_after_a_jump_starts_normally(home: Home, server: Standin, clock: WallClock) -> None:
    home.write_queue([entry("now")])
    home.drained()
    clock.jump(-10 * YEAR)
    home.write_emergency([entry("then")])
    home.drained()
    assert server.count("then") == 1


@pytest.mark.row(32)
def test_a_letter_set_aside_waits_no_longer_after_the_clock_was_set_back(
    home: Home, server: Standin, clock: WallClock
) -> None:
    home.env["MEM0TRAY_SYNC_RETRY_INTERVAL"] = "900"
    home.write_dlq([dead("bad", retry_count=0, ago=35)])
    server.script(Answer(502), content="bad")
    home.worker()
    server.wait_for(lambda: server.sends("bad") == 1)
    clock.jump(-10 * YEAR)
    home.ok("pause")
    # By then the worker has looked at the clock.
    home.wait(lambda: home.state()[0] == "paused", what="paused")
    home.ok("resume")
    server.health = Answer(500)
    home.wait(lambda: home.state()[0] == "down", what="down")
    server.health = Answer(body={"status": "ok"})
    clock.jump(-10 * YEAR + 60)
    server.wait_for(lambda: server.count("bad") == 1, 10)
