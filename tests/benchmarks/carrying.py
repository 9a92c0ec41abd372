"""What it costs to carry all that a server has elsewhere: `export`, and `add --jsonl`."""

import json
import sqlite3
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Final

from tests.benchmarks.figure import Figure
from tests.benchmarks.rest import peak_memory
from tests.benchmarks.verifying import LISTING
from tests.support.home import Home
from tests.support.processes import seconds
from tests.support.standin import Standin

MANY: Final = 100_000
_FEW: Final = 10_000
_ROUNDS: Final = 3


def carrying(home: Home, server: Standin) -> list[Figure]:
    """Export 100,000 memories beside a loop that lists them, and queue them out of that file."""
    assert server.saves == []  # it is not asked for anything here
    home.configure('[server]\nurl = "local"\nlocal_port = 0\n')
    del home.env["MEM0TRAY_SERVER_URL"]
    serving = home.start("serve")
    home.wait(lambda: "\n" in serving.out, 10, "serving")
    _fill(home)
    (place,) = (json.loads(path.read_bytes()) for path in home.data_files("**/server.json"))
    loop = [sys.executable, "-c", LISTING, f"http://127.0.0.1:{place['port']}", place["token"]]
    out = home.root / "memories.jsonl"
    listed, exported = [], []
    for _ in range(_ROUNDS):
        listed.append(seconds(partial(subprocess.run, loop, check=True, capture_output=True)))
        exported.append(seconds(partial(home.ok, "export", "--out", str(out), timeout=120)))
    peak = peak_memory(home.start("export", "--out", str(out)))
    bare, whole = statistics.median(listed), statistics.median(exported)
    few, many = (statistics.median(_adding(home, out, number)) for number in (_FEW, MANY))
    return [
        Figure(
            f"export of {MANY:,}, beside a loop that lists them",
            whole / bare,
            "",
            3,
            detail=f"the loop {bare:.2f} s, export {whole:.2f} s",
        ),
        Figure(f"export of {MANY:,}: memory at its peak", peak / 1e6, "MB", 100),
        Figure(
            f"add --jsonl of {MANY:,}, beside {_FEW:,}: a memory's part of the time",
            many / MANY / (few / _FEW),
            "",
            2.5,  # each write doubles the file; one for each line would make it ten
            detail=f"{_FEW:,} in {few:.2f} s, {MANY:,} in {many:.2f} s",
        ),
    ]


def _adding(home: Home, file: Path, number: int) -> Iterator[float]:
    """Queue so many of a file's lines where nothing waits; seconds, a start taken off."""
    part = home.root / "part.jsonl"
    with file.open("rb") as lines:
        part.write_bytes(b"".join(next(lines) for _ in range(number)))
    for _ in range(_ROUNDS):
        home.queue.unlink(missing_ok=True)
        bare = seconds(partial(home.ok, "add", "--jsonl"))
        yield seconds(partial(home.ok, "add", "--jsonl", str(part), timeout=120)) - bare


def _fill(home: Home) -> None:
    (database,) = home.data_files("**/memories.sqlite3")
    with closing(sqlite3.connect(database)) as opened, opened:
        opened.executemany(
            "INSERT INTO memories (project, memory, created) VALUES (?, ?, 0)",
            ((b"alpha", f"memory number {n} of a garden with oaks".encode()) for n in range(MANY)),
        )
