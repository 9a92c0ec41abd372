"""Foreign producers beside the worker: none waits long, none loses anything."""

import json
import subprocess
import time
import uuid
from functools import partial

import pytest

from tests.support.home import COMMAND, Home
from tests.support.http1 import Answer
from tests.support.machine import tool
from tests.support.official import OfficialStandin, SimpleStore
from tests.support.processes import Process
from tests.support.shapes import dead, entries, entry, queue_document
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


def test_add_queues_an_entry_as_a_producer_does(home: Home) -> None:
    document = queue_document(entries(100), shade="blue")
    home.dump(home.queue, document)
    before = time.time()
    identity = home.ok("add", "--project", "my project", "« été »").strip()
    after = home.read(home.queue)
    added = after["queue"][-1]
    assert added["id"] == identity
    assert uuid.UUID(identity)
    assert set(added) >= {"id", "project_id", "content", "timestamp", "retries"}
    assert (added["project_id"], added["content"]) == ("my project", "« été »")
    assert added["retries"] == 0
    assert before - 1 <= added["timestamp"] <= time.time() + 1
    assert after["queue"][:-1] == document["queue"]
    assert after["last_100"] == [*document["last_100"][1:], added]
    assert after["stats"]["total_queued"] == 101
    assert after["shade"] == "blue"


def test_add_works_in_an_empty_home(bare_home: Home) -> None:
    bare_home.claude.rmdir()
    bare_home.ok("add", "--project", "alpha", "first")
    (item,) = bare_home.queue_items()
    assert item["content"] == "first"
    assert bare_home.queue.stat().st_mode & 0o777 == 0o600


@pytest.mark.row(10)
def test_add_keeps_a_broken_queue_file_s_entries(home: Home, server: Standin) -> None:
    text = json.dumps(queue_document(entries(5), last_100=[]), indent=2)
    home.queue.write_text(text[: text.index("memory number 4")])
    home.ok("add", "--project", "alpha", "new")
    home.drain()
    assert server.missing(["new", *(f"memory number {n}" for n in range(4))]) == []


def test_add_is_synced_to_the_disk(home: Home) -> None:
    trace = home.root / "trace"
    command = [tool("strace"), "-f", "-qq", "-e", "trace=fsync,fdatasync", "-o", str(trace)]
    subprocess.run(
        [*command, *COMMAND, "add", "--project", "alpha", "safe"],
        env=home.env,
        cwd="/",
        check=True,
        capture_output=True,
        timeout=30,
    )
    assert "sync(" in trace.read_text()


@pytest.mark.row(20)
def test_many_adds_at_once_are_all_kept(home: Home, server: Standin) -> None:
    commands = [home.start("add", "--project", "alpha", f"at once {n}") for n in range(8)]
    assert [command.wait(30) for command in commands] == [0] * 8
    home.drained()
    assert server.missing([f"at once {n}" for n in range(8)]) == []
    assert home.stats()["total_queued"] == 8


def lines(number: int, size: int = 1) -> str:
    """Make so many lines, each a memory of about so many bytes, without ids."""
    return "".join(
        json.dumps({"project_id": "p", "content": f"memory {n} " + "x" * size}) + "\n"
        for n in range(number)
    )


def kill_when_larger(home: Home, size: int, *arguments: str) -> None:
    """Start a command, and kill it when the queue file has more bytes than these."""
    process = home.start(*arguments)
    home.wait(
        lambda: not process.alive or (home.queue.exists() and home.queue.stat().st_size > size)
    )
    process.kill()


@pytest.mark.parametrize("number", [1000, pytest.param(4000, marks=pytest.mark.slow)])
def test_a_run_that_was_killed_can_be_made_again(home: Home, server: Standin, number: int) -> None:
    text = lines(number, 1000)
    file = home.root / "memories.jsonl"
    file.write_text(text)
    for size in (1, number * 250, number * 500):
        kill_when_larger(home, size, "add", "--jsonl", str(file))
    home.ok("add", "--jsonl", str(file))
    home.drained()
    assert server.total_stored() == number
    assert not server.surplus()


def test_what_was_delivered_is_added_again_only_if_that_is_wanted(
    home: Home, server: Standin
) -> None:
    text = lines(3)
    home.ok("add", "--jsonl", stdin=text)
    home.drained()
    said = home.ok("add", "--jsonl", stdin=text)
    assert said.startswith("Nothing was queued.\n3 delivered to this server before")
    assert home.ok("add", "--jsonl", "--again", stdin=text) == "3 memories are queued.\n"
    assert home.ok("add", "--jsonl", "--again", stdin=text).endswith("3 waited already.\n")
    home.drained()
    assert server.total_stored() == 6
    with Standin() as other:
        env = {"MEM0TRAY_SERVER_URL": other.url}
        done = home.run("add", "--jsonl", stdin=text, env=env)
        assert done.stdout == "3 memories are queued.\n"
        home.drained(env=env)
        assert other.total_stored() == 3


def test_what_was_exported_is_not_sent_to_the_same_server_again(home: Home) -> None:
    with OfficialStandin(SimpleStore()) as server:
        home.env["MEM0TRAY_SERVER_URL"] = server.url
        names = [("one", "x"), ("two", "x"), ("three", "\u00fc"), ("four", "\u00fc"), ("five", "*")]
        home.write_queue([entry(text, id=name) for text, name in names])
        home.drained()
        exported = home.run("export").stdout
        assert len(exported.splitlines()) == len(names)
        said = home.ok("add", "--jsonl", stdin=exported)
        assert said.startswith("Nothing was queued.\n5 delivered to this server before")
