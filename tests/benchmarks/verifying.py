"""What it costs to ask the embedded server for all that it took."""

import json
import sqlite3
import statistics
import subprocess
import sys
from contextlib import closing
from functools import partial
from typing import Final

from tests.benchmarks.figure import Figure
from tests.benchmarks.rest import peak_memory
from tests.support.delivered import deliver
from tests.support.home import Home
from tests.support.processes import seconds
from tests.support.shapes import entry
from tests.support.standin import Standin

MANY: Final = 100_000
_LOST: Final = 10
_ROUNDS: Final = 3
LISTING: Final = """
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


def verifying(home: Home, server: Standin) -> list[Figure]:
    """Verify 100,000 memories of a project, the worker on, beside a loop that lists them."""
    assert server.saves == []  # it is not asked for anything here
    home.configure('[server]\nurl = "local"\nlocal_port = 0\n')
    del home.env["MEM0TRAY_SERVER_URL"]
    home.ok("add", "-p", "alpha", "the first")
    home.drained()
    _fill(home)
    home.worker()
    (place,) = (json.loads(path.read_bytes()) for path in home.data_files("**/server.json"))
    loop = [sys.executable, "-c", LISTING, f"http://127.0.0.1:{place['port']}", place["token"]]
    listed, verified = [], []
    for _ in range(_ROUNDS):
        listed.append(seconds(partial(subprocess.run, loop, check=True, capture_output=True)))
        verified.append(seconds(partial(_verify, home)))
    peak = peak_memory(home.start("verify"))
    bare, whole = statistics.median(listed), statistics.median(verified)
    return [
        Figure(
            f"verify of {MANY:,}, beside a loop that lists them",
            whole / bare,
            "",
            2,
            detail=f"the loop {bare:.2f} s, verify {whole:.2f} s",
        ),
        Figure(f"verify of {MANY:,}: memory at its peak", peak / 1e6, "MB", 100),
    ]


def _verify(home: Home) -> None:
    said = home.json("verify")
    assert (said["asked"], len(said["missing"])) == (MANY + 1, _LOST)


def _fill(home: Home) -> None:
    """Have the server have taken the memories, and all but a few still."""
    entries = [entry(f"memory number {n} of a garden with oaks", id=f"{n}") for n in range(MANY)]
    (ledger,) = home.ledgers()
    deliver(ledger, "local", entries)
    (database,) = home.data_files("**/memories.sqlite3")
    with closing(sqlite3.connect(database)) as opened, opened:
        opened.executemany(
            "INSERT INTO memories (project, memory, created) VALUES (?, ?, 0)",
            ((b"alpha", each["content"].encode()) for each in entries[_LOST:]),
        )
