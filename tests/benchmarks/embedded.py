"""What it costs to read back 100,000 memories of the embedded server."""

import itertools
import random
import sqlite3
import statistics
from collections.abc import Callable, Iterable
from contextlib import closing
from functools import partial
from typing import Final

from tests.benchmarks.figure import Figure
from tests.support.home import Home
from tests.support.processes import Process, seconds
from tests.support.standin import Standin

MANY: Final = 100_000
_ROUNDS: Final = 15
_WORDS: Final = 20_000
_LONG: Final = 20  # words of a memory


def reading(home: Home, server: Standin) -> list[Figure]:
    """Recall and search, 100,000 memories of a project in the embedded server, the worker on."""
    del server
    _serve(home).stop()
    words = _hold_random_texts(home)
    home.worker()
    found = home.ok("search", "-p", "alpha", words[0], timeout=120)  # all is indexed now
    assert len(found.splitlines()) == 10
    asked = {
        "recall": ("recall", "-p", "alpha"),
        "search, a rare word": ("search", "-p", "alpha", words[-1]),
        "search, three words, one of which every other memory has": (
            "search", "-p", "alpha", words[0], words[50], words[-2],
        ),
    }  # fmt: skip
    bare = _median(partial(home.run, "--version"), _ROUNDS) * 1000
    return [
        Figure(
            f"{name} of {MANY:,}",
            _median(partial(home.ok, *said), _ROUNDS) * 1000,
            "ms",
            150,
            detail=f"--version takes {bare:.0f} ms",
        )
        for name, said in asked.items()
    ]


def _serve(home: Home) -> Process:
    home.configure('[server]\nurl = "local"\nlocal_port = 0\n')
    del home.env["MEM0TRAY_SERVER_URL"]
    serving = home.start("serve")
    home.wait(lambda: "\n" in serving.out, 10, "serving")
    return serving


def _hold(home: Home, memories: Iterable[str]) -> None:
    """Put these into the embedded server's database."""
    (path,) = home.data_files("**/memories.sqlite3")
    with closing(sqlite3.connect(path)) as database, database:
        database.executemany(
            "INSERT INTO memories (project, memory, created) VALUES (?, ?, 0)",
            ((b"alpha", each.encode()) for each in memories),
        )


def _hold_random_texts(home: Home) -> list[str]:
    """Hold as many; their words, the most common first."""
    chance = random.Random(1)  # noqa: S311  (nothing secret)
    words = ["".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=8)) for _ in range(_WORDS)]
    often = list(itertools.accumulate(1 / (place + 1) for place in range(_WORDS)))
    _hold(home, (" ".join(chance.choices(words, cum_weights=often, k=_LONG)) for _ in range(MANY)))
    return words


def _median(work: Callable[[], object], rounds: int) -> float:
    return statistics.median(seconds(work) for _ in range(rounds))
