"""How fast memories reach a server that answers at once, and one that takes its time."""

import subprocess
import sys
from typing import Final

from tests.benchmarks.figure import Figure
from tests.benchmarks.idle import MEGABYTE
from tests.support.home import Home
from tests.support.processes import seconds
from tests.support.shapes import entries
from tests.support.standin import Standin

_ROUNDS: Final = 3
_PATIENCE: Final = 300.0  # seconds
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


def drain(home: Home, server: Standin) -> list[Figure]:
    """5,000 memories against a bare keep-alive loop: a first start, and later ones."""
    server.can_be_asked = False
    first: list[float] = []
    loop: list[float] = []
    for number in range(_ROUNDS):
        with _newcomer(home, number) as own:
            _in_turns(own, server, number, first, loop)
    later: list[float] = []
    other_loop: list[float] = []
    home.drained()
    for number in range(_ROUNDS):
        _in_turns(home, server, number, later, other_loop)
    told = "5,000 on a first start, a server that cannot tell"
    return [
        _beside(f"drain of {told}", first, loop, 0.7),
        _beside("drain of 5,000 on a later start", later, other_loop, 0.7),
    ]


def scale(home: Home, server: Standin) -> list[Figure]:
    """What one memory costs when 1,000, 10,000 and 100,000 wait; and its place in the ledger."""
    home.write_queue([])
    start = min(seconds(home.drained) for _ in range(_ROUNDS))
    each: dict[int, float] = {}
    size = 0
    for count in SIZES:
        with Home(home.root.with_name(f"home-{count}"), server.url) as own:
            # A new ledger has the server asked about all that waits, which is not measured here.
            own.write_queue([])
            own.drained()
            rounds = _ROUNDS if count < SIZES[-1] else 1
            taken = min(_drained(own, count, f"{count} {number}") for number in range(rounds))
            each[count] = (taken - start) / count * 1e6
            size = sum(path.stat().st_size for path in own.data_files("ledger*"))
    few, *_, most = each.values()
    name = "cost of a memory of 100,000, beside one of 1,000"
    return [
        Figure(name, most / few, "", 1.3, detail=f"{few:.0f} and {most:.0f} µs"),
        Figure("ledger, for each delivered memory", size / SIZES[-1], "bytes", 400,
               detail=f"{size / MEGABYTE:.0f} MB for 100,000"),
    ]  # fmt: skip


def slow_server(home: Home, server: Standin) -> list[Figure]:
    """80 memories on a server that takes half a second for each."""
    server.latency = 0.5
    home.write_queue(entries(80))
    return [Figure("80 memories at 0.5 s each", seconds(home.drained), "s", 6)]


def _newcomer(home: Home, number: int) -> Home:
    return Home(home.root.with_name(f"newcomer-{number}"), home.env["MEM0TRAY_SERVER_URL"])


def _in_turns(
    home: Home, server: Standin, number: int, ours: list[float], loop: list[float]
) -> None:
    """Drain as many by the bare loop and by us, in changing order, so that a busy moment hits both.

    The server holds as many memories of the same projects as are drained.
    """
    count = 5_000
    held = [(each["project_id"], each["content"]) for each in entries(count, f"held {number}")]
    for who in (loop, ours) if number % 2 else (ours, loop):
        server.begin_with(held)
        label = f"round {number}"
        if who is ours:
            ours.append(_drained(home, count, label))
        else:
            home.write_queue(entries(count, label))
            loop.append(seconds(lambda: _run_loop(home, BARE_LOOP, server.url, str(home.queue))))


def _beside(name: str, ours: list[float], loop: list[float], target: float) -> Figure:
    told = [
        f"{who} {'/'.join(f'{time:.2f}' for time in times)} s"
        for who, times in (("bare loop", loop), ("mem0tray", ours))
    ]
    name, detail = f"{name}, beside a bare loop", ", ".join(told)
    return Figure(name, sum(loop) / sum(ours), "", target, at_least=True, detail=detail)


def _drained(home: Home, count: int, label: str) -> float:
    home.write_queue(entries(count, label))
    return seconds(lambda: home.drained(_PATIENCE))


def _run_loop(home: Home, script: str, *arguments: str) -> None:
    command = [sys.executable, "-c", script, *arguments]
    subprocess.run(command, env=home.env, check=True, timeout=_PATIENCE)
