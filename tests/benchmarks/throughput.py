"""How fast memories reach a server that answers at once, and one that takes its time."""

import subprocess
import sys

from tests.benchmarks.figure import Figure
from tests.support.home import Home
from tests.support.processes import seconds
from tests.support.shapes import entries
from tests.support.standin import Standin

ROUNDS = 3
BARE_LOOP = """
import httpx, json, sys
url, path = sys.argv[1:]
with httpx.Client(trust_env=False) as client:
    for item in json.load(open(path))["queue"]:
        body = {"user_id": item["project_id"], "content": item["content"]}
        headers = {"Idempotency-Key": item["id"]}
        client.post(url + "/memory", json=body, headers=headers).raise_for_status()
"""


def drain(home: Home, server: Standin) -> list[Figure]:
    """5,000 memories against a bare keep-alive loop; best of three, start-ups counted."""
    loops, drains = [], []
    for number in range(ROUNDS):
        home.write_queue(entries(5000, f"loop {number}"))
        loops.append(seconds(lambda: _bare_loop(home, server)))
        home.write_queue(entries(5000, f"drain {number}"))
        drains.append(seconds(home.drained))
    detail = f"bare {_each(loops)} s, mem0tray {_each(drains)} s"
    ratio = min(loops) / min(drains)
    name = "drain of 5,000 against a bare httpx loop"
    return [Figure(name, ratio, "", 0.85, at_least=True, detail=detail)]


def slow_server(home: Home, server: Standin) -> list[Figure]:
    """80 memories on a server that takes half a second for each."""
    server.latency = 0.5
    home.write_queue(entries(80))
    return [Figure("80 memories at 0.5 s each", seconds(home.drained), "s", 8)]


def _bare_loop(home: Home, server: Standin) -> None:
    command = [sys.executable, "-c", BARE_LOOP, server.url, str(home.queue)]
    subprocess.run(command, env=home.env, check=True, timeout=120)


def _each(times: list[float]) -> str:
    return "/".join(f"{time:.2f}" for time in times)
