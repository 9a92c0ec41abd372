"""Foreign producers beside the worker: none waits long, none loses anything."""

import json
from functools import partial

import pytest

from tests.support.home import Home
from tests.support.processes import Process
from tests.support.shapes import dead, entries, entry
from tests.support.standin import Standin


def four(home: Home, label: str, count: int, *options: str) -> list[Process]:
    """Start four producers of so many entries each, every other one by replacing the file."""
    return [
        home.producer(
            "--label", f"{label}{n}", "--count", str(count), *options, *(["--replace"] * (n % 2))
        )
        for n in range(4)
    ]


def contents(producers: list[Process], timeout: float = 60) -> list[str]:
    assert [producer.wait(timeout) for producer in producers] == [0] * len(producers)
    return [text for producer in producers for text in json.loads(producer.out)["contents"]]


@pytest.mark.row(20, 24)
@pytest.mark.parametrize(
    "count", [120, pytest.param(5000, marks=[pytest.mark.slow, pytest.mark.timeout(600)])]
)
def test_no_increment_is_lost(home: Home, server: Standin, count: int) -> None:
    home.worker()
    assert home.read(home.dlq)["items"] == []  # made at the start
    wanted = contents(four(home, "p", count), 500)
    server.wait_for(lambda: server.total_stored() >= 4 * count, 60)
    home.wait(lambda: home.queue_items() == [], what="published")
    assert home.stats()["total_queued"] == 4 * count
    assert home.stats()["total_synced"] == 4 * count
    assert server.missing(wanted) == []
    assert server.surplus() == {}


@pytest.mark.row(21)
def test_nothing_is_written_while_a_producer_holds_the_lock(home: Home, server: Standin) -> None:
    home.write_queue(entries(3))
    home.write_dlq([dead("letter")])
    before = home.queue.read_bytes()
    holder = home.lock_holder()
    worker = home.worker()
    server.wait_for(lambda: server.total_stored() == 4)
    home.write_emergency([entry("in the meantime")])
    server.wait_for(lambda: server.count("in the meantime") == 1)
    home.wait_dlq([])
    worker.stop()
    assert home.queue.read_bytes() == before
    holder.kill()
    home.drained()
    assert home.queue_items() == []
    assert server.surplus() == {}


@pytest.mark.row(22)
def test_the_lock_file_may_be_a_symlink(home: Home, server: Standin) -> None:
    target = home.root / "the lock"
    target.touch()
    home.lock.symlink_to(target)
    home.worker()
    home.producer("--label", "linked").wait()
    server.wait_for(lambda: server.total_stored() == 1)
    assert home.lock.is_symlink()


@pytest.mark.row(22)
def test_a_deleted_lock_file_is_made_again(home: Home, server: Standin) -> None:
    home.worker()
    for number in range(3):
        home.producer("--label", f"p{number}").wait()
        home.lock.unlink()
        home.producer("--label", f"q{number}").wait()
    server.wait_for(lambda: server.total_stored() == 6)


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
            server.wait_for(partial(server.has_saves, number * 4 + 4))
            worker.stop()
    home.drained()
    assert server.missing(wanted) == []
    assert len(server.saves) == 12


@pytest.mark.row(20)
def test_many_adds_at_once_are_all_kept(home: Home, server: Standin) -> None:
    commands = [home.start("add", "--project", "alpha", f"at once {n}") for n in range(8)]
    assert [command.wait(30) for command in commands] == [0] * 8
    home.drained()
    assert server.missing([f"at once {n}" for n in range(8)]) == []
    assert home.stats()["total_queued"] == 8
