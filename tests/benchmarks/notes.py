"""What a note of Claude Code's costs on its way from its file to the server."""

import json
import math
import os
import time
from pathlib import Path
from typing import Final

from tests.benchmarks.figure import Figure
from tests.benchmarks.rest import at_rest
from tests.support.home import Home
from tests.support.processes import seconds
from tests.support.standin import Standin

CALM: Final = {"MEM0TRAY_CLAUDE_AUTO_MEMORY": "true", "MEM0TRAY_SYNC_PROBE_INTERVAL": "30"}
SIZES: Final = (1_000, 10_000)
ROUNDS: Final = 3
PATIENCE: Final = 300.0  # seconds
_IN_A_PROJECT: Final = 20
_LONG_AGO: Final = 360_000  # seconds


def notes(home: Home, server: Standin) -> list[Figure]:
    """What one note costs of 1,000 and of 10,000; and a worker at rest beside 10,000."""
    home.write_queue([])
    start = min(seconds(home.drained) for _ in range(ROUNDS))
    each = dict.fromkeys(SIZES, math.inf)
    for number in range(ROUNDS):
        for count in SIZES:
            with Home(home.root.with_name(f"home-{count}-{number}"), server.url) as own:
                taken = _taken_in(own, count) - start
                assert server.total_stored() == count
                server.begin_with(())
                each[count] = min(each[count], taken / count * 1e6)
                if count == SIZES[-1] and number == ROUNDS - 1:
                    use = at_rest(own.worker())
    few, many = each.values()
    parts = tuple((f"of {count:,}", cost) for count, cost in each.items())
    name = "cost of a note of 10,000, beside one of 1,000"
    return [
        Figure(name, many / few, "", 1.3, parts=parts, parts_unit="µs"),
        Figure("idle, 10,000 notes: share of a core", use.share, "%", 0.1,
               detail=f"{use.wakeups:.2f} wake-ups a second, PSS {use.memory:.0f} MB"),
    ]  # fmt: skip


def _taken_in(home: Home, count: int) -> float:
    """The seconds that so many notes take from the worker's start until the server has them."""
    # A new ledger has the server asked about all that waits, which is not measured here.
    home.write_queue([])
    home.drained()
    home.env |= CALM
    _write(home, count)
    return seconds(lambda: home.drained(PATIENCE))


def _write(home: Home, count: int) -> None:
    """Notes of many projects, changed in an order that goes from project to project."""
    then = time.time() - _LONG_AGO
    projects = count // _IN_A_PROJECT
    for n in range(count):
        project = f"-home-ann-{n % projects}"
        folder = home.claude / "projects" / project / "memory"
        if n < projects:
            folder.mkdir(parents=True)
            _transcript(folder.parent, f"/home/ann/{n}")
        path = folder / f"{n}.md"
        path.write_text(f"---\nname: note {n}\n---\nWhat was learnt: {n}.\n", encoding="utf-8")
        os.utime(path, (then + n,) * 2)


def _transcript(folder: Path, directory: str) -> None:
    (folder / "session.jsonl").write_text(json.dumps({"cwd": directory}), encoding="utf-8")
