"""How long people and other programs wait for us."""

import json
import statistics
import subprocess
import sys
import time
from functools import partial
from typing import Final

from tests.benchmarks.figure import Figure, median_ms
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
    detail = f"worst {max(times) * 1000:.0f} ms; a bare Python starts in {bare_python(home):.0f} ms"
    median = statistics.median(times) * 1000
    return [Figure("add to sent, median, 10,000 dead letters", median, "ms", 200, detail=detail)]


def stop(home: Home, server: Standin) -> list[Figure]:
    """How long a stop takes while every request hangs."""
    server.default = Answer(delay=30)
    home.write_queue(entries(20))
    worker = home.worker()
    server.wait_for(lambda: server.has_saves(1))
    return [Figure("stop in the middle of requests that hang", seconds(worker.stop), "s", 1)]


def hooks(home: Home, server: Standin) -> list[Figure]:
    """How long a hook takes as a whole process, with 10,000 waiting and a server that hangs."""
    home.write_queue(entries(MANY))
    health, server.health, server.default = server.health, Answer(delay=30), Answer(delay=30)
    server.script_questions(*[Answer(delay=30)] * 30)
    begin = partial(_hook, home, "SessionStart", "s")
    begun = max(seconds(begin) for _ in range(5))
    figures = _without_worker(home, "s", "no worker yet")
    server.health = health
    worker = home.worker()
    home.wait(
        lambda: home.read(home.metrics, {"queue_size": 0})["queue_size"] > MANY, 30, "taken in"
    )
    server.clear_scripts()
    beside = median_ms(21, begin)
    worker.stop()
    detail = f"without one {median_ms(21, begin):.0f} ms"
    return [
        *figures,
        *_without_worker(home, "t", "the worker has left"),
        Figure("hook SessionStart beside a worker", beside, "ms", 100, detail=detail),
        Figure("hook SessionStart, worst, the server hangs", begun, "s", 1),
    ]


def _without_worker(home: Home, session: str, when: str) -> list[Figure]:
    line = median_ms(21, partial(home.run, "status", "--line"))
    answers = iter(range(42))  # no two are the same
    marked = median_ms(21, lambda: _hook(home, "Stop", session, f"mem0: {next(answers)}"))
    plain = median_ms(21, lambda: _hook(home, "Stop", session, f"done {next(answers)}"))
    detail = f"one that queues nothing {plain:.0f} ms"
    return [
        Figure(f"status --line, {when}", line, "ms", 100),
        Figure(f"hook Stop, {when}", marked, "ms", 100, detail=detail),
    ]


def _hook(home: Home, event: str, session: str, answer: str = "done") -> None:
    told = {"session_id": session, "cwd": str(home.root), "last_assistant_message": answer}
    home.ok("hook", event, stdin=json.dumps(told))


def lock(home: Home, server: Standin) -> list[Figure]:
    """How long four producers wait for the lock: alone, and beside us and a slow server."""
    server.latency = 0.05
    alone = _longest_wait(home)
    home.queue.unlink()
    home.worker()
    beside = _longest_wait(home)
    detail = f"{alone:.3f} s without us"
    return [Figure("a producer's longest wait for the lock", beside, "s", 0.3, detail=detail)]


def bare_python(home: Home) -> float:
    """What Python takes to start and end, in milliseconds."""
    command = [sys.executable, "-c", "pass"]
    return median_ms(11, partial(subprocess.run, command, env=home.env, check=True))


def _longest_wait(home: Home) -> float:
    producers = [home.producer("--count", "175", "--pause", "0.01") for _ in range(4)]
    for producer in producers:
        producer.wait(120)
    return max(float(json.loads(producer.out)["longest_wait"]) for producer in producers)


FEW: Final = 100
LETTERS: Final = 100_000
_ROUNDS: Final = 5
_REST: Final = 60.0  # seconds for the worker to write a large DLQ file


def growth(home: Home, server: Standin) -> list[Figure]:
    """Commands beside a worker with 100,000 dead letters, as a ratio to those with 100."""
    few = _times(home, server, FEW)
    with Home(home.root.with_name("many"), server.url) as larger:
        many = _times(larger, server, LETTERS)
    return [
        Figure(
            f"{name} with {LETTERS:,} dead letters beside {FEW}",
            took / few[name],
            "times as long",
            2,
            detail=f"{took:.0f} ms and {few[name]:.0f} ms",
        )
        for name, took in many.items()
        if name != "stats"  # it counts them all, so it is held to the longest alone
    ] + [Figure(f"the longest of these with {LETTERS:,}", max(many.values()), "ms", 300)]


def _times(home: Home, server: Standin, number: int) -> dict[str, float]:
    server.health = Answer(503)  # nothing is sent
    home.write_dlq([waiting(f"letter {n}", f"project {n % 20}") for n in range(number)])
    home.write_queue([])
    ids = iter([each["id"] for each in home.dlq_items()])
    home.worker(dlq_size=number)
    found = {
        " ".join(words): median_ms(_ROUNDS, partial(home.ok, *words))
        for words in (("status",), ("status", "--line"), ("list", "--limit", "20"), ("stats",))
    }
    for words in (("show",), ("diagnose",), ("retry",), ("delete", "--yes")):
        times = [_apart(home, *words, next(ids)) for _ in range(_ROUNDS)]
        found[f"{words[0]} ID"] = statistics.median(times) * 1000
    restores = [_apart(home, "restore") for _ in range(_ROUNDS)]
    return {**found, "restore": statistics.median(restores) * 1000}


def _apart(home: Home, *words: str) -> float:
    """The seconds of a command, once the worker has written what the last one did."""
    before = home.dlq.stat().st_mtime_ns
    took = seconds(partial(home.run, *words))
    if words[0] in ("retry", "delete"):
        home.wait(lambda: home.dlq.stat().st_mtime_ns != before, _REST, "published")
    return took
