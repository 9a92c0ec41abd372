"""How long it takes to read memories back."""

import itertools
import random
import sqlite3
import statistics
from contextlib import closing
from functools import partial
from typing import Final

from tests.benchmarks.figure import Figure
from tests.support.home import Home
from tests.support.processes import seconds
from tests.support.standin import Standin

MANY: Final = 100_000
_WORDS: Final = 20_000
_LONG: Final = 20  # words of a memory
_ROUNDS: Final = 15


def reading(home: Home, server: Standin) -> list[Figure]:
    """Recall and search, 100,000 memories of a project in the embedded server, the worker on."""
    assert server.saves == []  # it is not asked for anything here
    home.configure('[server]\nurl = "local"\nlocal_port = 0\n')
    del home.env["MEM0TRAY_SERVER_URL"]
    serving = home.start("serve")
    home.wait(lambda: "\n" in serving.out, 10, "serving")
    serving.stop()
    words = _fill(home)
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
    bare = statistics.median(seconds(partial(home.run, "--version")) for _ in range(_ROUNDS)) * 1000
    return [
        Figure(
            f"{name} of {MANY:,}",
            statistics.median(seconds(partial(home.ok, *said)) for _ in range(_ROUNDS)) * 1000,
            "ms",
            150,
            detail=f"--version takes {bare:.0f} ms",
        )
        for name, said in asked.items()
    ]


def _fill(home: Home) -> list[str]:
    """Put the memories into the embedded server's database; their words, the most common first."""
    chance = random.Random(1)  # noqa: S311  (nothing secret)
    words = ["".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=8)) for _ in range(_WORDS)]
    often = list(itertools.accumulate(1 / (place + 1) for place in range(_WORDS)))
    (path,) = home.data_files("**/memories.sqlite3")
    texts = (
        " ".join(chance.choices(words, cum_weights=often, k=_LONG)).encode() for _ in range(MANY)
    )
    with closing(sqlite3.connect(path)) as database, database:
        database.executemany(
            "INSERT INTO memories (project, memory, created) VALUES (?, ?, 0)",
            ((b"alpha", text) for text in texts),
        )
    return words
