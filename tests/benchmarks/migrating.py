"""How fast memories come over from the server of this computer to one that answers at once.

That is a stand-in of the tests. Of a real server the benchmark `official` tells.
"""

import json
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Final

from tests.benchmarks.figure import Figure
from tests.support.home import Home
from tests.support.official import OfficialStandin, SimpleStore
from tests.support.processes import seconds
from tests.support.shapes import Item, entries
from tests.support.standin import Standin

ROUNDS: Final = 3
COUNT: Final = 10_000
PATIENCE: Final = 300.0  # seconds
# The loop has the memories at hand. Ours are listed by one server, looked for on the other, and
# written into the queue file, taken in and recorded, some 0.3 ms each: a server that answers at
# once, in half a millisecond, hides none of it. Measured: 0.62 for `vps`, 0.58 for `oss`.
AT_LEAST: Final = 0.5
BARE_LOOP: Final = """
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
                    command = [sys.executable, "-c", BARE_LOOP, standin.url, str(path), kind]
                    who.append(seconds(lambda: _run(home, command)))  # noqa: B023
    each = [f"{name} {'/'.join(f'{t:.2f}' for t in times)} s"
            for name, times in (("bare loop", loop), ("mem0tray", ours))]  # fmt: skip
    return Figure(
        f"migration of 10,000 to {kind} that answers at once, beside a bare loop",
        sum(loop) / sum(ours), "", AT_LEAST, at_least=True, detail=", ".join(each),
        parts=(("bare loop", sum(loop) / ROUNDS), ("mem0tray", sum(ours) / ROUNDS)),
        parts_unit="s",
    )  # fmt: skip


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


def _run(home: Home, command: list[str]) -> None:
    subprocess.run(command, env=home.env, check=True, timeout=PATIENCE)
