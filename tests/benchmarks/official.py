"""How fast memories reach an official server: Mem0's own library on Postgres with pgvector."""

import sqlite3
import subprocess
import sys
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from typing import Final

from tests.benchmarks.figure import Figure
from tests.benchmarks.throughput import PATIENCE, ROUNDS, beside, brought_over
from tests.support.home import Home
from tests.support.needs import LIBRARY
from tests.support.official_server import OfficialServer, exactly
from tests.support.postgres import Postgres
from tests.support.processes import seconds, wait_until
from tests.support.shapes import Item, entries, texts
from tests.support.standin import Standin

COUNT: Final = 5_000
_SYNCED: Final = "SELECT value FROM meta WHERE name = 'total_synced'"
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
    """5,000 memories to Mem0's own library, queued or brought over, beside a loop of the posts."""
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
        _migration(home),
    ]


def _migration(home: Home) -> Figure:
    """5,000 memories brought over from the embedded server, until the worker beside it is done."""
    ours: list[float] = []
    loop: list[float] = []
    folder = home.root.with_name("official-migration")
    wanted: list[str] = []
    with Postgres() as database, OfficialServer(folder, database=database.connection) as served:
        for number in range(ROUNDS):
            for who in (loop, ours) if number % 2 else (ours, loop):
                name = f"{'ours' if who is ours else 'loop'}-{number}"
                queue = _of_new_projects(name)
                wanted += texts(queue)
                # A new home each time: what is on the server is not brought over twice.
                with Home(Path(f"{folder}-{name}"), "local") as own:
                    own.write_queue(queue)
                    if who is loop:
                        own.env["MEM0TRAY_SERVER_URL"] = served.url
                        loop.append(seconds(lambda: _run(own)))
                        continue
                    own.drained(PATIENCE)
                    wait = partial(_delivered, own, 2 * COUNT)
                    ours.append(brought_over(own, served.url, wait))
        assert served.texts() == exactly(wanted)
    return beside(f"migration of {COUNT:,} to an official server", ours, loop, 0.9)


def _of_new_projects(name: str) -> list[Item]:
    """A queue of projects that the server does not have yet.

    Of a project that has 1,000 memories already the server shows only a part, so that a first
    start and a migration ask it for each memory before they send that.
    """
    return [{**each, "project_id": f"{each['project_id']}-{name}"} for each in entries(COUNT, name)]


def _delivered(home: Home, count: int) -> None:
    """Wait until the worker has delivered so many in all, by its ledger.

    The metrics file would say so up to two seconds later, and the server is kept busy by a look.
    """
    (ledger,) = home.ledgers()
    with closing(sqlite3.connect(f"{ledger.as_uri()}?mode=ro", uri=True)) as db:
        wait_until(lambda: db.execute(_SYNCED).fetchone()[0] >= count, PATIENCE, "delivered")


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
                who.append(seconds(lambda: own.drained(PATIENCE) if who is ours else _run(own)))  # noqa: B023
        assert served.texts() == exactly(wanted)
    return ours, loop


def _run(home: Home) -> None:
    command = [sys.executable, "-c", BARE_LOOP, home.env["MEM0TRAY_SERVER_URL"], str(home.queue)]
    subprocess.run(command, env=home.env, check=True, timeout=PATIENCE)
