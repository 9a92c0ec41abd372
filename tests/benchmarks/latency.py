"""How long people and other programs wait for us."""

import json
import statistics
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Final

from tests.benchmarks.figure import Figure
from tests.support.home import Home
from tests.support.http1 import Answer
from tests.support.processes import seconds
from tests.support.shapes import entries, waiting
from tests.support.standin import Standin

MANY = 10_000


def add_to_sent(home: Home, server: Standin) -> list[Figure]:
    """From typing `add` to the request's arrival, with 10,000 dead letters waiting."""
    home.write_dlq([waiting(f"letter {n}") for n in range(MANY)])
    home.worker(dlq_size=MANY)
    times = []
    for number in range(21):
        started = time.monotonic()
        home.ok("add", "--project", "alpha", f"quick {number}")
        server.wait_for(partial(server.count, f"quick {number}"), 5)
        times.append(server.saves[-1].started - started)
    bare = statistics.median(seconds(partial(_bare_python, home)) for _ in range(11))
    detail = f"worst {max(times) * 1000:.0f} ms; a bare Python starts in {bare * 1000:.0f} ms"
    median = statistics.median(times) * 1000
    return [Figure("add to sent, median, 10,000 dead letters", median, "ms", 200, detail=detail)]


def commands(home: Home, server: Standin) -> list[Figure]:
    """What shows the state, with 10,000 dead letters and a busy worker."""
    server.default = Answer(delay=30)
    home.write_dlq([waiting(f"letter {n}") for n in range(MANY)])
    home.write_queue(entries(20))
    worker = home.worker(dlq_size=MANY)
    asked = {
        "add, every request hanging": ("add", "--project", "alpha", "x"),
        "status": ("status",),
        "status --line": ("status", "--line"),
        "list --limit 20": ("list", "--limit", "20"),
        "stats": ("stats",),
    }
    figures = [
        Figure(
            name,
            statistics.median(_time(home, *words) for _ in range(5)) * 1000,
            "ms",
            100 if "--line" in words else 500,
        )
        for name, words in asked.items()
    ]
    stopped = seconds(worker.stop)
    return [*figures, Figure("stop in the middle of requests that hang", stopped, "s", 1)]


def hooks(home: Home, server: Standin) -> list[Figure]:
    """How long a hook takes as a whole process, with 10,000 waiting and a server that hangs."""
    home.write_queue(entries(MANY))
    health, server.health, server.default = server.health, Answer(delay=30), Answer(delay=30)
    server.script_questions(*[Answer(delay=30)] * 30)
    told = {"session_id": "s", "cwd": str(home.root), "last_assistant_message": "done"}
    begun = _hooks(home, "SessionStart", 5, told)
    figures = _without_worker(home, told, "no worker yet")
    server.health = health
    worker = home.worker()
    home.wait(
        lambda: home.read(home.metrics, {"queue_size": 0})["queue_size"] > MANY, 30, "taken in"
    )
    server.clear_scripts()
    beside = statistics.median(_hooks(home, "SessionStart", 21, told)) * 1000
    worker.stop()
    alone = statistics.median(_hooks(home, "SessionStart", 21, told)) * 1000
    figures += _without_worker(home, {**told, "session_id": "t"}, "the worker has left")
    detail = f"without one {alone:.0f} ms"
    return [
        *figures,
        Figure("hook SessionStart beside a worker", beside, "ms", 100, detail=detail),
        Figure("hook SessionStart, worst, the server hangs", max(begun), "s", 1),
    ]


def _without_worker(home: Home, told: dict[str, str], when: str) -> list[Figure]:
    line = [_time(home, "status", "--line") for _ in range(21)]
    marked = _hooks(home, "Stop", 21, told, "mem0: ")
    plain = _hooks(home, "Stop", 21, told)
    detail = f"one that queues nothing {statistics.median(plain) * 1000:.0f} ms"
    return [
        Figure(f"status --line, {when}", statistics.median(line) * 1000, "ms", 100),
        Figure(f"hook Stop, {when}", statistics.median(marked) * 1000, "ms", 100, detail=detail),
    ]


def lock(home: Home, server: Standin) -> list[Figure]:
    """How long four producers wait for the lock: alone, and beside us and a slow server."""
    server.latency = 0.05
    alone = _longest_wait(home)
    home.queue.unlink()
    home.worker()
    beside = _longest_wait(home)
    detail = f"{alone:.3f} s without us"
    return [Figure("a producer's longest wait for the lock", beside, "s", 0.3, detail=detail)]


def _time(home: Home, *words: str) -> float:
    return seconds(lambda: home.run(*words))


def _hooks(home: Home, event: str, count: int, told: dict[str, str], mark: str = "") -> list[float]:
    times = []
    for number in range(count):
        answer = f"{mark}{told['last_assistant_message']} {number}"
        given = json.dumps({**told, "last_assistant_message": answer})
        times.append(seconds(partial(home.ok, "hook", event, stdin=given)))
    return times


def _bare_python(home: Home) -> None:
    subprocess.run([sys.executable, "-c", "pass"], env=home.env, check=True)


def _longest_wait(home: Home) -> float:
    producers = [home.producer("--count", "175", "--pause", "0.01") for _ in range(4)]
    for producer in producers:
        producer.wait(120)
    return max(float(json.loads(producer.out)["longest_wait"]) for producer in producers)


FEW: Final = 100
LETTERS: Final = 100_000
_ROUNDS: Final = 5
_LONGEST: Final = 0.3  # seconds
_REST: Final = 60.0  # seconds for the worker to write a large DLQ file


def growth(home: Home, server: Standin) -> list[Figure]:
    """Commands beside a worker with 100,000 dead letters, as a ratio to those with 100."""
    few = _times(home, server, FEW)
    with Home(Path(home.root).with_name("many"), server.url) as larger:
        many = _times(larger, server, LETTERS)
    return [
        Figure(
            f"{name} with {LETTERS:,} dead letters beside {FEW}",
            many[name] / few[name],
            "times as long",
            2,
            detail=f"{many[name] * 1000:.0f} ms and {few[name] * 1000:.0f} ms",
        )
        for name in few
    ] + [Figure(f"the longest of these with {LETTERS:,}", max(many.values()), "s", _LONGEST)]


def _times(home: Home, server: Standin, number: int) -> dict[str, float]:
    server.health = Answer(503)  # nothing is sent
    home.write_dlq([waiting(f"letter {n}", f"project {n % 20}") for n in range(number)])
    home.write_queue([])
    ids = iter([each["id"] for each in home.dlq_items()])
    home.start("run")
    home.wait(lambda: home.read(home.metrics, {}).get("dlq_size") == number, 120, "taken in")
    found = {
        " ".join(words): statistics.median(
            seconds(partial(home.ok, *words)) for _ in range(_ROUNDS)
        )
        for words in (("status",), ("status", "--line"), ("list", "--limit", "20"))
    }
    for words in (("show",), ("diagnose",), ("retry",), ("delete", "--yes")):
        found[f"{words[0]} ID"] = statistics.median(
            _apart(home, *words, next(ids)) for _ in range(_ROUNDS)
        )
    found["restore"] = statistics.median(_apart(home, "restore") for _ in range(_ROUNDS))
    return found


def _apart(home: Home, *words: str) -> float:
    """The seconds of a command, once the worker has written what the last one did."""
    before = home.dlq.stat().st_mtime_ns
    took = seconds(partial(home.run, *words))
    if words[0] in ("retry", "delete"):
        home.wait(lambda: home.dlq.stat().st_mtime_ns != before, _REST, "published")
    return took
