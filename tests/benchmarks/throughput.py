"""How fast memories reach a server that answers at once, and one that takes its time."""

import subprocess
import sys
from functools import partial
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
    first = []
    for number in range(_ROUNDS):
        with Home(home.root.with_name(f"newcomer-{number}"), server.url) as own:
            first.append(_in_turns(own, server, number))
    home.drained()
    later = [_in_turns(home, server, number) for number in range(_ROUNDS)]
    return [
        _beside("drain of 5,000 on a first start, a server that cannot tell", first),
        _beside("drain of 5,000 on a later start", later),
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


def _in_turns(home: Home, server: Standin, number: int) -> tuple[float, float]:
    """Drain 5,000 by us and by the bare loop; the seconds of each.

    In changing order, so that a busy moment hits both. The server holds as many memories of
    the same projects as are drained.
    """
    count, label = 5_000, f"round {number}"
    held = [(each["project_id"], each["content"]) for each in entries(count, f"held {number}")]
    took = {}
    for who in ("loop", "us") if number % 2 else ("us", "loop"):
        server.begin_with(held)
        if who == "us":
            took[who] = _drained(home, count, label)
        else:
            home.write_queue(entries(count, label))
            command = [sys.executable, "-c", BARE_LOOP, server.url, str(home.queue)]
            run = partial(subprocess.run, command, env=home.env, check=True, timeout=_PATIENCE)
            took[who] = seconds(run)
    return took["us"], took["loop"]


def _beside(name: str, times: list[tuple[float, float]]) -> Figure:
    ours, loop = zip(*times, strict=True)
    detail = ", ".join(
        f"{who} {'/'.join(f'{time:.2f}' for time in each)} s"
        for who, each in (("bare loop", loop), ("mem0tray", ours))
    )
    ratio = sum(loop) / sum(ours)
    return Figure(f"{name}, beside a bare loop", ratio, "", 0.7, at_least=True, detail=detail)


def _drained(home: Home, count: int, label: str) -> float:
    home.write_queue(entries(count, label))
    return seconds(lambda: home.drained(_PATIENCE))
