"""How fast memories reach a server that answers at once, and one that takes its time."""

import subprocess
import sys
from typing import Final

from tests.benchmarks.figure import Figure
from tests.benchmarks.rest import MEGABYTE
from tests.support.home import Home
from tests.support.processes import seconds
from tests.support.shapes import entries
from tests.support.standin import Standin

ROUNDS: Final = 3
PATIENCE: Final = 300.0  # seconds
SIZES: Final = (1_000, 10_000, 100_000)

BARE_LOOP: Final = """
import httpx, json, sys
url, path = sys.argv[1:]
with httpx.Client(trust_env=False) as client:
    for item in json.load(open(path))["queue"]:
        body = {"user_id": item["project_id"], "content": item["content"]}
        headers = {"Idempotency-Key": item["id"]}
        client.post(url + "/memory", json=body, headers=headers).raise_for_status()
"""
# The worker that people write first: a request each, the file rewritten at the end.
PLAIN_WORKER: Final = """
import fcntl, httpx, json, sys
url, path = sys.argv[1:]
queue = json.load(open(path))
for item in queue["queue"]:
    body = {"user_id": item["project_id"], "content": item["content"]}
    httpx.post(url + "/memory", json=body, trust_env=False).raise_for_status()
with open(path.replace("queue.json", "queue.lock"), "w") as lock:
    fcntl.flock(lock, fcntl.LOCK_EX)
    with open(path, "w") as file:
        json.dump({**queue, "queue": []}, file, indent=2)
"""


def drain(home: Home, server: Standin) -> list[Figure]:
    """5,000 memories against a bare keep-alive loop; best of three, start-ups counted."""
    return [_beside(home, server, 5_000, "bare loop", BARE_LOOP, 0.85)]


def drain_more(home: Home, server: Standin) -> list[Figure]:
    """10,000 memories against the bare loop, and against a plain worker."""
    return [
        _beside(home, server, 10_000, "bare loop", BARE_LOOP, 1.0),
        _beside(home, server, 10_000, "plain worker", PLAIN_WORKER, 2.0, rounds=1),
    ]


def scale(home: Home, server: Standin) -> list[Figure]:
    """What one memory costs when 1,000, 10,000 and 100,000 wait; and its place in the ledger."""
    home.write_queue([])
    start = min(seconds(home.drained) for _ in range(ROUNDS))
    each: dict[int, float] = {}
    size = 0
    for count in SIZES:
        with Home(home.root.with_name(f"home-{count}"), server.url) as own:
            # A new ledger has the server asked about all that waits, which is not measured here.
            own.write_queue([])
            own.drained()
            rounds = ROUNDS if count < SIZES[-1] else 1
            taken = min(_drained(own, count, f"{count} {number}") for number in range(rounds))
            each[count] = (taken - start) / count * 1e6
            size = sum(path.stat().st_size for path in own.data_files("ledger*"))
    few, *_, most = each.values()
    parts = tuple((f"of {count:,}", cost) for count, cost in each.items())
    name = "cost of a memory of 100,000, beside one of 1,000"
    return [
        Figure(name, most / few, "", 1.3, parts=parts, parts_unit="µs"),
        Figure("ledger, for each delivered memory", size / SIZES[-1], "bytes", 400,
               detail=f"{size / MEGABYTE:.0f} MB for 100,000"),
    ]  # fmt: skip


def slow_server(home: Home, server: Standin) -> list[Figure]:
    """80 memories on a server that takes half a second for each."""
    server.latency = 0.5
    home.write_queue(entries(80))
    return [Figure("80 memories at 0.5 s each", seconds(home.drained), "s", 8)]


def _beside(
    home: Home,
    server: Standin,
    count: int,
    name: str,
    script: str,
    target: float,
    *,
    rounds: int = ROUNDS,
) -> Figure:
    """The best of some of both, in turns, so that a busy moment hits both."""
    theirs, ours = [], []
    for number in range(rounds):
        home.write_queue(entries(count, f"{name} {count} {number}"))
        theirs.append(seconds(lambda: _run(home, server, script)))
        ours.append(_drained(home, count, f"ours, beside {name} {number}"))
    parts = ((name, min(theirs)), ("mem0tray", min(ours)))
    detail = f"{name} {_each(theirs)} s, mem0tray {_each(ours)} s"
    return Figure(
        f"drain of {count:,}, beside a {name}", min(theirs) / min(ours), "", target,
        at_least=True, detail=detail, parts=parts, parts_unit="s",
    )  # fmt: skip


def _drained(home: Home, count: int, label: str) -> float:
    home.write_queue(entries(count, label))
    return seconds(lambda: home.drained(PATIENCE))


def _run(home: Home, server: Standin, script: str) -> None:
    command = [sys.executable, "-c", script, server.url, str(home.queue)]
    subprocess.run(command, env=home.env, check=True, timeout=PATIENCE)


def _each(times: list[float]) -> str:
    return "/".join(f"{time:.2f}" for time in times)
