"""What it costs to read back, export and verify 100,000 memories of the embedded server."""

import itertools
import json
import random
import sqlite3
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Final

from tests.benchmarks.figure import Figure
from tests.benchmarks.idle import peak_memory
from tests.support.delivered import deliver
from tests.support.home import Home
from tests.support.processes import Process, seconds
from tests.support.shapes import entry, texts
from tests.support.standin import Standin

MANY: Final = 100_000
_FEW: Final = 10_000
_ROUNDS: Final = 3
_QUICK_ROUNDS: Final = 15
_LOST: Final = 10
_WORDS: Final = 20_000
_LONG: Final = 20  # words of a memory
_LISTING: Final = """
import json, sys
import httpx
url, token = sys.argv[1:]
count, before = 0, ""
with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}) as client:
    while True:
        page = client.get(f"/memory/alpha?limit=1000{before}").json()["memories"]["results"]
        count += len(page)
        if not page:
            break
        before = f"&before={page[-1]['id']}"
print(count)
"""


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
    bare = _median(partial(home.run, "--version"), _QUICK_ROUNDS) * 1000
    return [
        Figure(
            f"{name} of {MANY:,}",
            _median(partial(home.ok, *said), _QUICK_ROUNDS) * 1000,
            "ms",
            150,
            detail=f"--version takes {bare:.0f} ms",
        )
        for name, said in asked.items()
    ]


def verifying(home: Home, server: Standin) -> list[Figure]:
    """Verify 100,000 memories of a project, the worker on, beside a loop that lists them."""
    del server
    _serve(home).stop()
    home.ok("add", "-p", "alpha", "the first")
    home.drained()
    entries = [entry(f"memory number {n} of a garden with oaks", id=f"{n}") for n in range(MANY)]
    deliver(home.ledgers()[0], "local", entries)
    _hold(home, texts(entries[_LOST:]))
    home.worker()

    def verify() -> None:
        said = home.json("verify")
        assert (said["asked"], len(said["missing"])) == (MANY + 1, _LOST)

    return [
        _beside_the_loop(home, "verify", verify, 2),
        _peak(home, "verify"),
    ]


def carrying(home: Home, server: Standin) -> list[Figure]:
    """Export 100,000 memories beside a loop that lists them, and queue them out of that file."""
    del server
    _serve(home)
    _hold(home, (f"memory number {n} of a garden with oaks" for n in range(MANY)))
    out = home.root / "memories.jsonl"
    export = ("export", "--out", str(out))
    figures = [
        _beside_the_loop(home, "export", partial(home.ok, *export, timeout=120), 3),
        _peak(home, *export),
    ]
    few, many = (statistics.median(_adding(home, out, number)) for number in (_FEW, MANY))
    figures.append(
        Figure(
            f"add --jsonl of {MANY:,}, beside {_FEW:,}: a memory's part of the time",
            many / MANY / (few / _FEW),
            "",
            2.5,  # each write doubles the file; one for each line would make it ten
            detail=f"{_FEW:,} in {few:.2f} s, {MANY:,} in {many:.2f} s",
        )
    )
    return figures


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


def _beside_the_loop(home: Home, name: str, work: Callable[[], object], most: float) -> Figure:
    (place,) = (json.loads(path.read_bytes()) for path in home.data_files("**/server.json"))
    loop = [sys.executable, "-c", _LISTING, f"http://127.0.0.1:{place['port']}", place["token"]]
    listed, done = [], []
    for _ in range(_ROUNDS):
        listed.append(seconds(partial(subprocess.run, loop, check=True, capture_output=True)))
        done.append(seconds(work))
    bare, whole = statistics.median(listed), statistics.median(done)
    return Figure(
        f"{name} of {MANY:,}, beside a loop that lists them",
        whole / bare,
        "",
        most,
        detail=f"the loop {bare:.2f} s, {name} {whole:.2f} s",
    )


def _peak(home: Home, *command: str) -> Figure:
    peak = peak_memory(home.start(*command))
    return Figure(f"{command[0]} of {MANY:,}: memory at its peak", peak / 1e6, "MB", 100)


def _adding(home: Home, file: Path, number: int) -> Iterator[float]:
    """Queue so many of a file's lines where nothing waits; seconds, a start taken off."""
    part = home.root / "part.jsonl"
    with file.open("rb") as lines:
        part.write_bytes(b"".join(next(lines) for _ in range(number)))
    for _ in range(_ROUNDS):
        home.queue.unlink(missing_ok=True)
        bare = seconds(partial(home.ok, "add", "--jsonl"))
        yield seconds(partial(home.ok, "add", "--jsonl", str(part), timeout=120)) - bare


def _median(work: Callable[[], object], rounds: int) -> float:
    return statistics.median(seconds(work) for _ in range(rounds))
