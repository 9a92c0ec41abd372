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
    """5,000 memories against a bare keep-alive loop: a first start, and later ones."""
    server.can_be_asked = False
    first: list[float] = []
    loop: list[float] = []
    for number in range(ROUNDS):
        with _newcomer(home, number) as own:
            _in_turns(own, server, 5_000, number, first, loop)
    later: list[float] = []
    other_loop: list[float] = []
    home.drained()
    for number in range(ROUNDS):
        _in_turns(home, server, 5_000, number, later, other_loop)
    told = "5,000 on a first start, a server that cannot tell"
    return [
        beside(f"drain of {told}", first, loop, 0.95),
        beside("drain of 5,000 on a later start", later, other_loop, 1.0),
    ]


def drain_more(home: Home, server: Standin) -> list[Figure]:
    """10,000 memories on a first start with a server that has as many; and a plain worker."""
    first: list[float] = []
    loop: list[float] = []
    for number in range(ROUNDS):
        with _newcomer(home, number) as own:
            _in_turns(own, server, 10_000, number, first, loop)
    home.write_queue(entries(10_000, "plain worker"))
    plain = [seconds(lambda: _run(home, server, PLAIN_WORKER))]
    once = [_drained(home, 10_000, "beside a plain worker")]
    return [
        beside("drain of 10,000 on a first start, a server that lists", first, loop, 0.9),
        beside("drain of 10,000", once, plain, 2.0, "plain worker"),
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


def _newcomer(home: Home, number: int) -> Home:
    """A home whose ledger is yet to be begun."""
    return Home(home.root.with_name(f"newcomer-{number}"), home.env["MEM0TRAY_SERVER_URL"])


def _in_turns(
    home: Home, server: Standin, count: int, number: int, ours: list[float], loop: list[float]
) -> None:
    """Drain as many by the bare loop and by us, in changing order, so that a busy moment hits both.

    The server holds as many memories of the same projects as are drained.
    """
    server.begin_with(
        (each["project_id"], each["content"]) for each in entries(count, f"held {number}")
    )
    held = list(server.stored)
    for who in (loop, ours) if number % 2 else (ours, loop):
        server.begin_with(held)
        label = f"round {number}"
        if who is ours:
            ours.append(_drained(home, count, label))
        else:
            home.write_queue(entries(count, label))
            loop.append(seconds(lambda: _run(home, server, BARE_LOOP)))


def beside(
    name: str, ours: list[float], theirs: list[float], target: float, whose: str = "bare loop"
) -> Figure:
    """All rounds of both, start-ups counted."""
    return Figure(
        f"{name}, beside a {whose}", sum(theirs) / sum(ours), "", target, at_least=True,
        detail=f"{whose} {_each(theirs)} s, mem0tray {_each(ours)} s",
        parts=((whose, sum(theirs) / len(theirs)), ("mem0tray", sum(ours) / len(ours))),
        parts_unit="s",
    )  # fmt: skip


def _drained(home: Home, count: int, label: str) -> float:
    home.write_queue(entries(count, label))
    return seconds(lambda: home.drained(PATIENCE))


def _run(home: Home, server: Standin, script: str) -> None:
    command = [sys.executable, "-c", script, server.url, str(home.queue)]
    subprocess.run(command, env=home.env, check=True, timeout=PATIENCE)


def _each(times: list[float]) -> str:
    return "/".join(f"{time:.2f}" for time in times)
