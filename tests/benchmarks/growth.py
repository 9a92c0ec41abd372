"""How much longer commands take with many dead letters."""

import statistics
from functools import partial
from pathlib import Path
from typing import Final

from tests.benchmarks.figure import Figure
from tests.support.home import Home
from tests.support.http1 import Answer
from tests.support.processes import seconds
from tests.support.shapes import waiting
from tests.support.standin import Standin

FEW: Final = 100
MANY: Final = 100_000
_ROUNDS: Final = 5
_LONGEST: Final = 0.3  # seconds
_REST: Final = 60.0  # seconds for the worker to write a large DLQ file


def growth(home: Home, server: Standin) -> list[Figure]:
    """Commands beside a worker with 100,000 dead letters, as a ratio to those with 100."""
    few = _times(home, server, FEW)
    with Home(Path(home.root).with_name("many"), server.url) as larger:
        many = _times(larger, server, MANY)
    return [
        Figure(
            f"{name} with {MANY:,} dead letters beside {FEW}",
            many[name] / few[name] if many[name] > _LONGEST else 1.0,
            "times as long",
            2,
            detail=f"{many[name] * 1000:.0f} ms and {few[name] * 1000:.0f} ms",
        )
        for name in few
    ]


def _times(home: Home, server: Standin, number: int) -> dict[str, float]:
    """The seconds of each command, with so many dead letters."""
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
