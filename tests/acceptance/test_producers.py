"""Foreign producers beside the worker: none waits long, none loses anything."""

import json
import time
from functools import partial

import pytest

from tests.support.home import Home
from tests.support.http1 import Answer
from tests.support.processes import Process
from tests.support.shapes import dead, entries, entry
from tests.support.standin import Standin

HEALTHY = Answer(body={"status": "ok"})


def four(home: Home, label: str, count: int, *options: str) -> list[Process]:
    """Start four producers of so many entries each, every other one by replacing the file."""
    return [
        home.producer(
            "--label", f"{label}{n}", "--count", str(count), *options, *(["--replace"] * (n % 2))
        )
        for n in range(4)
    ]


def contents(producers: list[Process], timeout: float = 60) -> list[str]:
    """Wait for the producers; what they wrote."""
    assert [producer.wait(timeout) for producer in producers] == [0] * len(producers)
    return [text for producer in producers for text in json.loads(producer.out)["contents"]]


def longest_wait(producers: list[Process]) -> float:
    """Read the longest time that one of them waited for the lock, in seconds."""
    return max(float(json.loads(producer.out)["longest_wait"]) for producer in producers)


@pytest.mark.row(20)
@pytest.mark.slow
def test_four_producers_and_a_slow_server(home: Home, server: Standin) -> None:
    server.latency = 0.03
    home.worker()
    waits: list[float] = []
    wanted: list[str] = []
    for number in range(2):  # the machine may be busy with something else once
        producers = four(home, f"round {number}, p", 175, "--pause", "0.01")
        wanted += contents(producers)
        waits.append(longest_wait(producers))
        if waits[-1] <= 0.3:
            break
    server.wait_for(lambda: server.total_stored() >= len(wanted), 40)
    home.wait(lambda: home.queue_items() == [], 10, "published")
    assert server.missing(wanted) == []
    assert server.surplus() == {}
    assert home.stats()["total_queued"] == len(wanted)
    assert min(waits) <= 0.3


@pytest.mark.row(20, 24)
@pytest.mark.parametrize(
    "count",
    [120, pytest.param(5000, marks=[pytest.mark.slow, pytest.mark.timeout(600)])],
)
def test_no_increment_is_lost(home: Home, server: Standin, count: int) -> None:
    home.worker()
    wanted = contents(four(home, "p", count), 500)
    server.wait_for(lambda: server.total_stored() >= 4 * count, 60)
    home.wait(lambda: home.queue_items() == [], 10, "published")
    assert home.stats()["total_queued"] == 4 * count
    assert home.stats()["total_synced"] == 4 * count
    assert server.missing(wanted) == []
    assert server.surplus() == {}


@pytest.mark.row(21)
def test_a_stopped_producer_does_not_stop_delivery(home: Home, server: Standin) -> None:
    server.health = Answer(503)
    home.write_queue(entries(10))
    home.write_dlq([dead("letter")])
    home.worker()
    home.wait(lambda: home.read(home.metrics)["queue_size"] == 10, 5, "taken in")
    holder = home.lock_holder()
    server.health = HEALTHY
    server.wait_for(lambda: server.total_stored() == 11, 5)
    home.write_emergency([entry("in the meantime")])
    server.wait_for(lambda: server.count("in the meantime") == 1, 5)
    home.wait_dlq([], 5)
    holder.kill()
    home.wait(lambda: home.queue_items() == [], 5, "published after all")
    assert len(server.saves) == 12


@pytest.mark.row(21)
def test_a_lock_that_is_held_at_the_start_holds_up_nothing_else(
    home: Home, server: Standin
) -> None:
    home.write_queue(entries(3))
    home.write_dlq([dead("letter")])
    holder = home.lock_holder()
    worker = home.start("run")
    server.wait_for(lambda: server.count("letter") == 1, 8)
    holder.kill()
    server.wait_for(lambda: server.total_stored() == 4, 5)
    assert worker.alive


@pytest.mark.row(21)
def test_nothing_is_written_while_a_producer_holds_the_lock(home: Home, server: Standin) -> None:
    home.write_queue(entries(3))
    before = home.queue.read_bytes()
    holder = home.lock_holder()
    worker = home.worker()
    server.wait_for(lambda: server.total_stored() == 3, 10)
    worker.stop()
    assert home.queue.read_bytes() == before
    holder.kill()
    home.drained()
    assert home.queue_items() == []
    assert server.surplus() == {}


@pytest.mark.row(21)
def test_a_stop_while_the_lock_is_held_is_quick(home: Home) -> None:
    home.write_queue(entries(3))
    holder = home.lock_holder()
    worker = home.start("run")
    home.wait(home.metrics.exists, 8, "started")
    worker.stop()
    assert holder.alive


def test_add_while_the_lock_is_held_writes_the_emergency_file(home: Home, server: Standin) -> None:
    home.worker()
    holder = home.lock_holder()
    started = time.monotonic()
    identity = home.ok("add", "--project", "alpha", "urgent").strip()
    assert time.monotonic() - started >= 0.9
    line = json.loads(home.emergency.read_text())
    assert (line["id"], line["content"], line["emergency"]) == (identity, "urgent", True)
    assert (line["project_id"], line["retries"]) == ("alpha", 0)
    server.wait_for(lambda: server.count("urgent") == 1, 5)
    holder.kill()


@pytest.mark.row(22)
def test_the_lock_file_may_be_a_symlink(home: Home, server: Standin) -> None:
    target = home.root / "the lock"
    target.touch()
    home.lock.symlink_to(target)
    home.worker()
    home.producer("--label", "linked").wait()
    server.wait_for(lambda: server.total_stored() == 1, 5)
    assert home.lock.is_symlink()


@pytest.mark.row(22)
def test_a_deleted_lock_file_is_made_again(home: Home, server: Standin) -> None:
    home.worker()
    for number in range(3):
        home.producer("--label", f"p{number}").wait()
        home.lock.unlink()
        home.producer("--label", f"q{number}").wait()
    server.wait_for(lambda: server.total_stored() == 6, 5)


@pytest.mark.row(22)
def test_a_read_only_lock_file_works_or_is_named(humble_home: Home, server: Standin) -> None:
    humble_home.write_queue([entry("x")])
    humble_home.lock.touch(mode=0o444)
    done = humble_home.drain()
    said = done.stderr + humble_home.log_text() + str(humble_home.state())
    assert server.count("x") == 1 or "mem0_queue.lock" in said


def test_the_lock_file_is_never_unlinked(home: Home) -> None:
    home.write_queue([entry("x")])
    home.lock.touch()
    inode = home.lock.stat().st_ino
    home.ok("add", "--project", "alpha", "y")
    home.drained()
    assert home.lock.stat().st_ino == inode


@pytest.mark.row(25)
def test_an_emergency_writer_that_keeps_its_file_open_loses_nothing(
    home: Home, server: Standin
) -> None:
    wanted = [f"line {n}" for n in range(12)]
    with home.emergency.open("a") as file:
        for number in range(3):
            worker = home.worker()
            for text in wanted[number * 4 : number * 4 + 4]:
                file.write(json.dumps({**entry(text), "emergency": True}) + "\n")
                file.flush()
            server.wait_for(partial(server.has_saves, number * 4 + 4), 5)
            worker.stop()
    home.drained()
    assert server.missing(wanted) == []
    assert len(server.saves) == 12


@pytest.mark.row(25)
@pytest.mark.slow
@pytest.mark.timeout(240)
def test_an_emergency_file_that_was_renamed_is_still_read(home: Home, server: Standin) -> None:
    home.worker()
    with home.emergency.open("a") as file:
        for number, pause in enumerate((0, 75, 75)):
            time.sleep(pause)
            file.write(json.dumps({**entry(f"late {number}"), "emergency": True}) + "\n")
            file.flush()
            server.wait_for(partial(server.has_saves, number + 1), 30)
    home.write_emergency([entry("a new file")])
    server.wait_for(lambda: server.count("a new file") == 1, 10)
    assert server.surplus() == {}
