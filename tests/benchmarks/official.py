"""How fast memories reach an official server: Mem0's own library on Postgres with pgvector."""

import sys
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Final

from tests.benchmarks.figure import Figure
from tests.benchmarks.throughput import PATIENCE, ROUNDS, beside, run_loop
from tests.support.home import Home
from tests.support.needs import LIBRARY
from tests.support.official_server import OfficialServer, exactly
from tests.support.postgres import Postgres
from tests.support.processes import seconds
from tests.support.shapes import Item, entries, texts
from tests.support.standin import Standin

COUNT: Final = 5_000
BARE_LOOP: Final = """
import httpx, json, sys
url, path = sys.argv[1:]
with httpx.Client(trust_env=False, timeout=60) as client:
    for item in json.load(open(path))["queue"]:
        body = {
            "messages": [{"role": "user", "content": item["content"]}],
            "user_id": item["project_id"], "infer": False, "metadata": {"mem0tray_id": item["id"]},
        }
        client.post(url + "/memories", json=body).raise_for_status()
"""


def official(home: Home, server: Standin) -> list[Figure]:
    """5,000 memories to Mem0's own library, beside a loop of the posts."""
    del server
    if LIBRARY.args[0]:
        print(f"official: skipped, {LIBRARY.kwargs['reason']}", file=sys.stderr)
        return []
    first, first_loop = _rounds(home, anew=True)
    later, later_loop = _rounds(home, anew=False)
    told = f"drain of {COUNT:,} to an official server"
    return [
        beside(f"{told}, later starts", later, later_loop, 0.9),
        beside(f"{told}, first starts", first, first_loop, 0.9),
    ]


def _of_new_projects(name: str) -> list[Item]:
    """A queue of projects that the server does not have yet.

    Of a project that has 1,000 memories already the server shows only a part, so that a first
    start and a migration ask it for each memory before they send that.
    """
    return [{**each, "project_id": f"{each['project_id']}-{name}"} for each in entries(COUNT, name)]


def _rounds(home: Home, *, anew: bool) -> tuple[list[float], list[float]]:
    """Seconds of ours and of the loop, in turns that change; `anew`: with a new ledger each."""
    ours: list[float] = []
    loop: list[float] = []
    folder = home.root.with_name(f"official-{anew}")
    wanted: list[str] = []
    with (
        Postgres() as database,
        OfficialServer(folder, database=database.connection) as served,
        ExitStack() as homes,
    ):
        own = Home(folder.with_name(f"{folder.name}-home"), served.url)
        homes.enter_context(own)
        own.write_queue([])
        own.drained()
        for number in range(ROUNDS):
            if anew:
                own = homes.enter_context(Home(Path(f"{own.root}-{number}"), served.url))
            for who in (loop, ours) if number % 2 else (ours, loop):
                queue = _of_new_projects(f"{'ours' if who is ours else 'loop'}-{number}")
                wanted += texts(queue)
                own.write_queue(queue)
                loops = partial(run_loop, own, BARE_LOOP, served.url, str(own.queue))
                who.append(seconds(partial(own.drained, PATIENCE) if who is ours else loops))
        assert served.texts() == exactly(wanted)
    return ours, loop
