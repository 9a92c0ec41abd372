"""From the files to the server: the main job, lanes, order, concurrency, bodies and keys."""

import json
import os
import shutil
import time
from functools import partial
from pathlib import Path

import pytest

from tests.support.forked import ForkedHome, preset
from tests.support.home import Home
from tests.support.http1 import Answer
from tests.support.processes import seconds
from tests.support.shapes import (
    dead,
    entries,
    entry,
    further_key,
    is_iso,
    queue_document,
    recovered_marker,
    waiting,
)
from tests.support.standin import Standin

METRICS_KEYS = [
    *("last_update", "vps_status", "queue_size", "dlq_size", "total_synced", "total_queued"),
    *("host", "pid", "state", "reason", "destination", "last_delivery", "oldest_waiting"),
]
SAMPLES = Path(__file__).parents[1] / "support" / "samples"


def test_what_waits_is_stored_once_and_told_as_the_contract_says(
    home: Home, server: Standin
) -> None:
    """500 entries, two emergency lines and a due dead letter, with foreign extras."""
    queued, urgent = entries(500), entries(2, "emergency")
    letter = dead("a dead letter", "omega", retry_count=3, note={"kept": [1, 2]})
    document = queue_document(queued, made_by="producer 7")
    document["stats"] |= {"total_queued": 743, "total_synced": 243, "shade": "blue"}
    home.dump(home.queue, document)
    home.write_emergency(urgent)
    home.write_dlq([letter], comment="mine")
    home.drained()
    everything = [*queued, *urgent, letter]
    assert sorted(server.stored) == sorted(
        (each["project_id"], each["content"]) for each in everything
    )
    document = home.read(home.queue)
    assert (document["queue"], document["failed"]) == ([], [])
    assert document["made_by"] == "producer 7"
    assert [item for item in document["last_100"] if item in queued[-100:]] == queued[-100:]
    assert len(document["last_100"]) == 100
    assert document["stats"]["total_synced"] == 243 + 503
    assert document["stats"]["total_queued"] in (743, 745)  # silent on emergency lines
    assert document["stats"]["total_failed"] == 0
    assert document["stats"]["shade"] == "blue"
    assert is_iso(document["stats"]["last_sync"])
    dlq = home.read(home.dlq)
    assert (dlq["items"], dlq["comment"]) == ([], "mine")
    assert is_iso(dlq["last_update"])
    assert len(dlq["last_update"].partition(".")[2].rstrip("Z")) >= 6, "to the microsecond"
    metrics = home.read(home.metrics)
    assert list(metrics)[: len(METRICS_KEYS)] == METRICS_KEYS
    assert (metrics["queue_size"], metrics["dlq_size"]) == (0, 0)
    assert metrics["total_synced"] == 243 + 503
    assert metrics["vps_status"] == "healthy"
    assert is_iso(metrics["last_update"])
    assert server.netloc in metrics["destination"]
    (line,) = home.log_lines("DLQ recovered")
    time_of_day, _, event = line.partition(" ✅")
    assert is_iso(time_of_day.split()[0])
    assert f"✅{event}" == recovered_marker(letter, 3)


def test_the_samples_are_delivered(home: Home, server: Standin) -> None:
    for sample in SAMPLES.iterdir():
        shutil.copy(sample, home.claude / sample.name)
    home.drain()
    assert server.count("Décision : le coffre Obsidian reste la source de vérité.") == 1
    assert server.count("Deuxième ligne — « été »") == 1
    assert server.count("Mémoire à synchroniser") == 1
    left = "Entry left behind by an older worker."
    assert server.count(left) + home.dlq_texts().count(left) == 1
    assert home.read(home.queue)["failed"] == []


def test_entries_of_an_older_worker_become_dead_letters(home: Home) -> None:
    old = entry("left behind", retries=3)
    home.write_queue([], failed=[old])
    before = time.time()
    done = home.drain()
    letter = home.dead_letter("left behind")
    assert (letter["id"], letter["retry_count"]) == (old["id"], 0)
    assert letter["last_attempt"] == pytest.approx(before, abs=15)
    assert letter["moved_to_dlq_at"] == pytest.approx(letter["last_attempt"], abs=1)
    assert home.read(home.queue)["failed"] == []
    assert done.returncode == 1


@pytest.mark.row(16)
@pytest.mark.parametrize("lane", ["queue", "DLQ"])
def test_an_id_with_two_contents_stores_each_once(home: Home, server: Standin, lane: str) -> None:
    server.honours_keys = True
    make, write = (entry, home.write_queue) if lane == "queue" else (dead, home.write_dlq)
    first = make("first text")
    write([first, {**first, "content": "second text"}, first])
    home.drained()
    assert sorted(server.order()) == ["first text", "second text"]
    keys = {request.content: request.key for request in server.saves}
    assert keys == {
        "first text": first["id"],
        "second text": further_key(first["id"], "alpha", "second text"),
    }


def test_a_slow_server_gets_eight_requests_at_once(home: Home, server: Standin) -> None:
    server.default = Answer(after=lambda: server.max_concurrency >= 8)
    home.write_queue(entries(40))
    home.drained()
    assert server.max_concurrency == 8
    assert server.total_stored() == 40


def test_what_we_write_is_indented_utf8_that_json_tool_loads(home: Home) -> None:
    home.write_queue([entry("\ud800 lone", project=None, odd=float("nan"))])
    home.drain()
    for path in (home.queue, home.dlq, home.metrics):
        text = path.read_text(encoding="utf-8")
        assert text.startswith('{\n  "'), path
        assert json.loads(text)
    assert home.dlq.stat().st_mode & 0o777 == 0o600
    assert home.metrics.stat().st_mode & 0o777 == 0o600


WANTED = {"MEM0TRAY_CLAUDE_AUTO_MEMORY": "true"}
GARDEN = "-home-ann-garden"


def write(home: Home, name: str, text: str, project: str = GARDEN, age: float = 3600) -> Path:
    path = home.claude / "projects" / project / "memory" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    os.utime(path, (time.time() - age,) * 2)
    return path


def test_notes_are_delivered_as_they_come(home: ForkedHome, server: Standin) -> None:
    write(home, "soil.md", "---\nname: soil\n---\nIt is clay.\n")
    write(home, "MEMORY.md", "- [Soil](soil.md)")
    transcript = home.claude / "projects" / GARDEN / "session.jsonl"
    transcript.write_text(json.dumps({"cwd": "/home/ann/garden"}), encoding="utf-8")
    home.start("run", env=WANTED, before=preset({"mem0tray.worker.queue.notes.LOOK": 1.0}))
    server.wait_for(lambda: server.missing(["It is clay."]) == [])
    write(home, "soil.md", "It is sand.")
    write(home, "plants/roses.md", "They want sun.")
    write(home, "path.md", "It is gravel.", project="-field")
    texts = ["It is sand.", "They want sun.", "It is gravel."]
    server.wait_for(lambda: server.missing(texts) == [], 30)
    home.wait(lambda: home.stats()["total_synced"] == 4, what="published")
    assert home.stats()["total_queued"] == 4
    assert server.total_stored() == 4
    projects = [json.loads(save.body)["user_id"] for save in server.saves]
    assert sorted(projects) == ["-field", "garden", "garden", "garden"]


@pytest.mark.row(1)
def test_a_killed_worker_sends_each_note_once(home: Home, server: Standin) -> None:
    wanted = [f"text {n}" for n in range(600)]
    for n, text in enumerate(wanted):
        write(home, f"{n}.md", text)
    for stored in (1, 150, 300, 450):
        worker = home.start("run", env=WANTED)
        server.wait_for(partial(_has, server, stored), 30)
        worker.kill()
    assert home.run("run", "--until-idle", env=WANTED, timeout=60).returncode == 0
    assert server.missing(wanted) == []
    assert server.surplus() == {}


def _has(server: Standin, least: int) -> bool:
    return server.total_stored() >= least


LARGE = pytest.param(100_000, marks=[pytest.mark.slow, pytest.mark.timeout(300)])


@pytest.mark.row(39)
@pytest.mark.parametrize("count", [8_000, LARGE])
def test_a_huge_queue_holds_the_lock_briefly(home: Home, server: Standin, count: int) -> None:
    server.health = Answer(503)
    padding = "x" * 140
    queue = [entry(f"{n} {padding}") for n in range(count)]
    home.dump(home.queue, queue_document(queue, last_100=[]))
    begun = time.monotonic()
    worker = home.start("run")
    waiter = home.producer("--only-lock", "--count", "200", "--pause", "0.02")
    home.wait(lambda: home.read(home.metrics, {}).get("queue_size") == count, 60, "taken in")
    taken_in = time.monotonic() - begun  # in which a busy machine has taken its time elsewhere
    assert waiter.wait(60) == 0
    assert json.loads(waiter.out)["longest_wait"] < max(0.5, 0.2 * taken_in)
    assert worker.alive
    assert len(home.queue_items()) == count


@pytest.mark.row(40)
@pytest.mark.parametrize("count", [5_000, LARGE])
def test_a_huge_dlq_stays_responsive(home: Home, server: Standin, count: int) -> None:
    home.write_dlq([waiting(f"letter {n}") for n in range(count)])
    worker = home.worker(dlq_size=count)
    took = []
    for number in range(3):
        home.ok("add", "--project", "alpha", f"quick {number}")
        delivered = partial(server.wait_for, partial(server.count, f"quick {number}"))
        took.append(seconds(delivered))
    assert min(took) < 2  # whatever else the machine did in one of them
    for words in (("status",), ("list", "--limit", "20"), ("stats",)):
        home.ok(*words)
    assert worker.stop() == 0
    assert len(home.dlq_items()) == count


@pytest.mark.timeout(300)
@pytest.mark.parametrize("megabytes", [10, pytest.param(50, marks=pytest.mark.slow)])
@pytest.mark.row(59)
def test_a_large_memory_is_delivered_as_any_other(
    home: Home, server: Standin, megabytes: int
) -> None:
    line = "Ein « längerer » Satz mit Zeilenende.\n"
    text = line * (megabytes * 1_000_000 // len(line.encode()) + 1)
    home.write_queue([entry(text)])
    home.drained(timeout=120)
    assert server.stored == [("alpha", text)]
