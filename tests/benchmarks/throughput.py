"""How fast memories reach a server that answers at once, and one that takes its time."""

import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Final

from tests.benchmarks.figure import Figure
from tests.benchmarks.idle import MEGABYTE, at_rest
from tests.support.home import Home
from tests.support.official import OfficialStandin, SimpleStore
from tests.support.processes import seconds
from tests.support.shapes import Item, entries
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


def drain(home: Home, server: Standin) -> list[Figure]:
    """5,000 memories against a bare keep-alive loop: a first start, and later ones."""
    server.can_be_asked = False
    first: list[float] = []
    loop: list[float] = []
    for number in range(ROUNDS):
        with _newcomer(home, number) as own:
            _in_turns(own, server, number, first, loop)
    later: list[float] = []
    other_loop: list[float] = []
    home.drained()
    for number in range(ROUNDS):
        _in_turns(home, server, number, later, other_loop)
    told = "5,000 on a first start, a server that cannot tell"
    return [
        beside(f"drain of {told}", first, loop, 0.7),
        beside("drain of 5,000 on a later start", later, other_loop, 0.7),
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
            loop.append(seconds(lambda: run_loop(home, BARE_LOOP, server.url, str(home.queue))))


def beside(name: str, ours: list[float], loop: list[float], target: float) -> Figure:
    """All rounds of both, start-ups counted."""
    told = [
        f"{who} {'/'.join(f'{time:.2f}' for time in times)} s"
        for who, times in (("bare loop", loop), ("mem0tray", ours))
    ]
    name, detail = f"{name}, beside a bare loop", ", ".join(told)
    return Figure(name, sum(loop) / sum(ours), "", target, at_least=True, detail=detail)


def _drained(home: Home, count: int, label: str) -> float:
    home.write_queue(entries(count, label))
    return seconds(lambda: home.drained(PATIENCE))


def run_loop(home: Home, script: str, *arguments: str) -> None:
    command = [sys.executable, "-c", script, *arguments]
    subprocess.run(command, env=home.env, check=True, timeout=PATIENCE)


COUNT: Final = 10_000
# The loop has the memories at hand. Ours are listed by one server, looked for on the other, and
# written into the queue file, taken in and recorded, some 0.3 ms each: a server that answers at
# once, in half a millisecond, hides none of it. Measured: 0.62 for `vps`, 0.58 for `oss`.
AT_LEAST: Final = 0.5
MIGRATING_LOOP: Final = """
import httpx, json, sys
url, path, kind = sys.argv[1:]
with httpx.Client(trust_env=False) as client:
    for item in json.load(open(path)):
        project, text, name = (item[key] for key in ("project_id", "content", "id"))
        if kind == "vps":
            body, way = {"user_id": project, "content": text}, "/memory"
        else:
            messages, kept = [{"role": "user", "content": text}], {"mem0tray_id": name}
            body = {"messages": messages, "user_id": project, "infer": False, "metadata": kept}
            way = "/memories"
        headers = {"Idempotency-Key": name}
        client.post(url + way, json=body, headers=headers).raise_for_status()
"""
_KINDS: Final[dict[str, Callable[[], AbstractContextManager[Standin]]]] = {
    "vps": Standin,
    "oss": lambda: OfficialStandin(SimpleStore()),
}


def migrate(home: Home, server: Standin) -> list[Figure]:
    """10,000 memories brought over, the command and its worker's deliveries, and a bare loop."""
    del server  # a new one each time: it has nothing yet
    queue = entries(COUNT, "brought over")
    home.env["MEM0TRAY_SERVER_URL"] = "local"
    home.write_queue(queue)
    home.drained(PATIENCE)
    return [_figure(home, queue, kind) for kind in _KINDS]


def _figure(home: Home, queue: list[Item], kind: str) -> Figure:
    path = Path(home.root, "queue-of-the-loop.json")
    path.write_text(json.dumps(queue), encoding="utf-8")
    ours: list[float] = []
    loop: list[float] = []
    for number in range(ROUNDS):
        for who in (loop, ours) if number % 2 else (ours, loop):
            with _KINDS[kind]() as standin:
                if who is ours:
                    who.append(brought_over(home, standin.url, partial(_has_all, standin)))
                else:
                    run = partial(run_loop, home, MIGRATING_LOOP, standin.url, str(path), kind)
                    who.append(seconds(run))
    return beside(f"migration of 10,000 to {kind} that answers at once", ours, loop, AT_LEAST)


def brought_over(home: Home, url: str, wait: Callable[[], None]) -> float:
    """The seconds from the command's start until the server at `url` has all; a worker is on.

    `wait` returns when it has.
    """
    home.env["MEM0TRAY_SERVER_URL"] = url
    worker = home.worker()

    def bring() -> None:
        home.ok("migrate", "--from", "local", timeout=PATIENCE)
        wait()

    taken = seconds(bring)
    worker.stop()
    return taken


def _has_all(server: Standin) -> None:
    server.wait_for(lambda: server.total_stored() >= COUNT, PATIENCE)


CALM: Final = {"MEM0TRAY_CLAUDE_AUTO_MEMORY": "true", "MEM0TRAY_SYNC_PROBE_INTERVAL": "30"}
NOTES: Final = (1_000, 10_000)
_IN_A_PROJECT: Final = 20
_LONG_AGO: Final = 360_000  # seconds


def notes(home: Home, server: Standin) -> list[Figure]:
    """What one note costs of 1,000 and of 10,000; and a worker at rest beside 10,000."""
    home.write_queue([])
    start = min(seconds(home.drained) for _ in range(ROUNDS))
    each = dict.fromkeys(NOTES, math.inf)
    for number in range(ROUNDS):
        for count in NOTES:
            with Home(home.root.with_name(f"home-{count}-{number}"), server.url) as own:
                taken = _taken_in(own, count) - start
                assert server.total_stored() == count
                server.begin_with(())
                each[count] = min(each[count], taken / count * 1e6)
                if count == NOTES[-1] and number == ROUNDS - 1:
                    use = at_rest(own.worker())
    few, many = each.values()
    name = "cost of a note of 10,000, beside one of 1,000"
    return [
        Figure(name, many / few, "", 1.3, detail=f"{few:.0f} and {many:.0f} µs"),
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
