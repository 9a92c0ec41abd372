"""Beside an older worker: real processes on one queue, and a server that stores what comes.

The oracle: each memory is delivered, waiting, held, a dead letter, or discarded and
restorable; and the server holds it once.
"""

import json
import random
import shutil
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from tests.support import needs, older_worker
from tests.support.held import gone, held, named, taken_in_while_paused
from tests.support.home import Home
from tests.support.http1 import Answer
from tests.support.oracle import faults
from tests.support.processes import Process
from tests.support.shapes import dead, emergency_lines, entries, entry, texts
from tests.support.standin import Standin


@contextmanager
def older(home: Home, server: Standin, *options: str) -> Iterator[Process]:
    program = home.root.with_name("mem0_worker.py")
    shutil.copy(older_worker.__file__, program)
    script = [sys.executable, str(program), "--claude", str(home.claude)]
    output = home.root.with_name("older-worker")
    process = Process([*script, "--url", server.url, *options], env=home.env, output=output)
    try:
        yield process
    finally:
        process.kill()


def told(home: Home, server: Standin, accepted: list[str]) -> list[str]:
    """Ask the oracle, which must hold with a server that cannot tell as well."""
    stored = Counter(text for _, text in server.stored)
    twice = [f"stored {n} times: {text}" for text, n in stored.items() if n > 1]
    return sorted({*faults(home, server, accepted), *twice})


@pytest.mark.row(45)
@pytest.mark.parametrize("asks", [True, False], ids=["can tell", "cannot tell"])
def test_what_an_older_worker_took_is_not_sent_again(
    home: Home, server: Standin, *, asks: bool
) -> None:
    server.can_be_asked = asks
    memories = entries(10)
    taken_in_while_paused(home, memories)
    with older(home, server, "--pid"):
        server.wait_for(lambda: server.total_stored() == 10)
        home.wait(lambda: named(home), what="named")
        home.wait(lambda: home.queue_items() == [], what="taken out")
    home.ok("resume")
    home.wait(lambda: gone(home), what="gone")
    if asks:
        home.wait(lambda: home.json("status")["queue"] == 0, what="asked about")
        home.wait(lambda: home.stats()["total_synced"] == 10, what="each counted once")
    else:
        home.wait(lambda: home.json("status")["held"] == 10, what="held")
        home.wait(lambda: len(home.read(home.queue).get("held", [])) == 10, what="shown")
    assert told(home, server, texts(memories)) == []
    assert server.total_stored() == 10


@pytest.mark.row(45)
def test_what_vanished_without_another_worker_is_delivered(home: Home, server: Standin) -> None:
    server.can_be_asked = False
    taken_in_while_paused(home, entries(5))
    home.write_queue([entry("the new start")])
    home.wait(lambda: len(home.queue_items()) == 6, what="put back")
    home.ok("resume")
    server.wait_for(lambda: server.total_stored() == 6)
    assert home.json("status")["held"] == 0


@pytest.mark.row(45)
def test_what_vanished_just_before_the_other_was_seen_is_held(home: Home, server: Standin) -> None:
    server.can_be_asked = False
    taken_in_while_paused(home, entries(3))
    home.write_queue([])
    home.wait(lambda: len(home.queue_items()) == 3, what="put back")
    home.write_metrics()
    home.wait(lambda: named(home), what="named")
    home.wait(lambda: home.queue_items() == [], what="out of the other's reach")
    home.ok("resume")
    assert home.json("status")["held"] == 3
    assert server.saves == []


@pytest.mark.row(45)
def test_a_kill_beside_another_worker_changes_nothing(home: Home, server: Standin) -> None:
    server.can_be_asked = False
    memories = entries(8)
    ours = taken_in_while_paused(home, memories)
    with older(home, server, "--pid", "--pause", "0.3"):
        home.wait(lambda: named(home), what="named")
        ours.kill()
        server.wait_for(lambda: server.total_stored() == 8)
        home.wait(lambda: home.queue_items() == [], what="taken out")
    home.ok("resume")
    home.worker()
    home.wait(lambda: home.json("status")["held"] == 8, what="held")
    home.wait(lambda: gone(home), what="gone")
    assert told(home, server, texts(memories)) == []


@pytest.mark.row(45)
def test_another_worker_between_two_runs_of_ours(home: Home, server: Standin) -> None:
    server.can_be_asked = False
    memories = entries(4)
    taken_in_while_paused(home, memories).stop()
    with older(home, server):
        server.wait_for(lambda: server.total_stored() == 4)
        home.wait(lambda: home.queue_items() == [], what="taken out")
        home.wait(lambda: "pid" not in home.read(home.metrics), what="its metrics")
    home.ok("resume")
    done = home.drain()
    assert done.returncode == 1
    assert "held" in done.stderr
    assert server.total_stored() == 4
    assert home.json("status")["held"] == 4


@pytest.mark.row(45)
def test_dead_letters_that_another_worker_delivers_can_be_restored(
    home: Home, server: Standin
) -> None:
    home.ok("pause")
    home.write_dlq([dead("due", ago=1e5)])
    server.health, healthy = Answer(503), server.health
    home.worker()
    with older(home, server, "--pid"):
        home.wait(lambda: named(home), what="named")
        server.health = healthy
        server.wait_for(lambda: server.count("due") == 1)
        home.wait(lambda: home.dlq_texts() == [], what="taken out")
    home.wait(lambda: gone(home), what="gone")
    assert "another worker" in home.ok("restore", "--list")
    assert told(home, server, ["due"]) == []
    home.ok("restore")
    home.ok("resume")
    home.wait(lambda: home.json("status")["dlq"] == 0, what="asked about")
    assert server.count("due") == 1


@pytest.mark.row(45)
def test_held_entries_are_shown_sent_and_dropped(home: Home, server: Standin) -> None:
    first, second, third = held(home, server)
    assert "held" in home.ok("status")
    assert "perhaps delivered by another worker" in home.ok("list", "--queue")
    listed = home.json("list", "--queue")
    assert [(each["held"], each["next_retry"]) for each in listed] == [(True, None)] * 3
    assert home.json("stats")["held"] == 3
    assert home.json("diagnose", first["id"])[0]["cause"] == "held"
    assert "held" in home.ok("diagnose")
    home.wait(lambda: home.read(home.metrics).get("held") == 3, what="in the metrics")
    home.ok("retry", first["id"])
    server.wait_for(lambda: server.count(first["content"]) == 1)
    home.ok("delete", "--yes", second["id"])
    home.wait(lambda: home.json("status")["held"] == 1, what="deleted")
    assert "1 memory" in home.ok("status")
    assert server.total_stored() == 1
    home.ok("restore")
    home.wait(lambda: home.json("status")["held"] == 2, what="restored as it was")
    home.ok("retry", "--project", third["project_id"])
    home.ok("retry", "--all")
    server.wait_for(lambda: server.total_stored() == 3)
    home.wait(lambda: home.json("status")["queue"] == 0, what="delivered")
    home.wait(lambda: "held" not in home.read(home.queue), what="no longer shown")


@pytest.mark.row(45)
def test_held_entries_outlive_restart_and_ledger(home: Home, server: Standin) -> None:
    memories = held(home, server)
    home.wait(lambda: len(home.read(home.queue).get("held", [])) == 3, what="shown")
    for process in list(home._processes):
        process.kill()
    for path in home.data_files("ledger*"):
        path.unlink()
    document = home.read(home.queue)
    document["queue"].append(memories[0])
    home.dump(home.queue, document)
    done = home.drain()
    assert done.returncode == 1
    assert "held" in done.stderr
    status = home.json("status")
    assert (status["queue"], status["held"]) == (3, 3)
    assert server.saves == []
    assert json.loads(home.queue.read_text())["queue"] == []


def other_worker_checks(home: Home) -> list[dict[str, str]]:
    checks = home.json("doctor")["checks"]
    return [each for each in checks if each["name"] == "another worker"]


@pytest.mark.row(33)
def test_doctor_names_the_other_worker_and_stops_it(home: Home, server: Standin) -> None:
    home.worker()
    with older(home, server, "--pid") as other:
        home.wait(lambda: named(home), what="named")
        (check,) = other_worker_checks(home)
        assert check["level"] == "warn"
        assert f"process {other.pid}" in check["message"]
        assert "mem0_worker.py" in check["message"]
        assert f"`kill {other.pid}`" in check["remedy"]
        home.run("doctor", "--no-notify")
        assert other.alive
        done = home.run("doctor", "--no-notify", "--stop-other")
        assert f"Process {other.pid} has ended" in done.stdout
        other.wait()
    home.wait(lambda: gone(home), 30, "gone")
    assert str(home.metrics) not in json.dumps(other_worker_checks(home))
    done = home.run("doctor", "--no-notify", "--stop-other")
    assert done.returncode == 1
    assert "No process can be named" in done.stderr


@pytest.mark.slow
@pytest.mark.row(45)
@pytest.mark.parametrize("seed", range(24))
def test_kills_beside_an_older_worker_lose_and_double_nothing(
    home: Home, server: Standin, seed: int
) -> None:
    """In mid-request only where the server can tell, or knows keys: else nobody could."""
    chance = random.Random(seed)  # noqa: S311  (the same story each time)
    server.can_be_asked, server.honours_keys = [(True, False), (False, True), (False, False)][
        seed % 3
    ]
    server.latency = chance.choice([0.0, 0.02])
    memories = entries(chance.randint(5, 25), label=f"seed {seed}")
    refused = memories[-1]["content"]
    if chance.random() < 0.5:
        server.script(Answer(500), content=refused, forever=True)
    options = ["--pid", "--keys", "--pause", "0.05"]
    options += ["--replace"] if chance.random() < 0.5 else []
    ours = taken_in_while_paused(home, memories)
    with older(home, server, *options) as other:
        home.wait(lambda: named(home), what="named")
        if chance.random() < 0.5:
            late = entries(5, label=f"late {seed}")
            # Whole at once: the older one removes the file under a writer that has just opened it.
            beside = home.root / "late"
            beside.write_text(emergency_lines(late), encoding="utf-8")
            beside.rename(home.emergency)
            memories += late
        enough = chance.randint(0, len(memories) - 7) if len(memories) > 7 else 0
        server.wait_for(lambda: server.total_stored() >= enough, 30)
        if chance.random() < 0.7:
            ours.kill()
            if chance.random() < 0.5:
                server.wait_for(lambda: server.total_stored() > enough, 30)
            home.start("run")
        if not (server.can_be_asked or server.honours_keys):
            server.clear_scripts()
            server.wait_for(lambda: server.missing(texts(memories)) == [], 30)
            home.wait(lambda: home.queue_items() == [], 30, "taken out")
        other.kill()
    server.clear_scripts()
    home.ok("resume")
    home.wait(lambda: gone(home), 30, "gone")
    home.wait(lambda: at_rest(home), 30, "at rest")
    assert told(home, server, texts(memories)) == []


def at_rest(home: Home) -> bool:
    status = home.json("status")
    return bool(status["state"] == "healthy" and status["queue"] == status["held"])


# In a chroot nothing below it can change how mounts spread; that of /proc is private anyway.
CONTAINER = (
    *("unshare", "--pid", "--fork", "--kill-child"),
    *("--mount-proc", "--propagation", "unchanged"),
)


def starts(home: Home) -> None:
    home.start("run")
    home.wait(lambda: home.data_files("ledger.sqlite3"), what="started")


def names_the_other(home: Home) -> bool:
    return "in another container" in home.json("status")["reason"]


@pytest.mark.row(33)
@needs.root("makes process namespaces")
def test_two_workers_of_one_host_name_and_process_id_know_each_other(
    tmp_path: Path, server: Standin
) -> None:
    server.can_be_asked = False
    server.latency = 0.05
    first = Home(tmp_path / "first", server.url, wrapper=CONTAINER)
    second = Home(tmp_path / "second", server.url, wrapper=CONTAINER)
    second.env["MEM0TRAY_PATHS_CLAUDE_DIR"] = str(first.claude)
    with first, second:
        first.write_queue(entries(4000))
        starts(first)
        server.wait_for(lambda: server.total_stored() > 10)
        starts(second)
        for home in (first, second):
            home.wait(partial(names_the_other, home), what="named")
        stored = Counter(text for _, text in server.stored)
        assert 10 < len(stored) < 4000
        assert max(stored.values()) == 1
