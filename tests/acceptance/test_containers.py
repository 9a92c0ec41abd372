"""Workers in containers that share `~/.claude`: real process namespaces with one host name."""

import json
import sys
from collections import Counter
from functools import partial
from pathlib import Path

import pytest

from tests.support import needs
from tests.support.home import Home
from tests.support.shapes import entries
from tests.support.standin import Standin

pytestmark = [
    needs.linux("only it has process namespaces"),
    needs.program("unshare"),
    needs.root("makes process namespaces"),
]
CONTAINER = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc")


def starts(home: Home) -> None:
    """Start a worker, and wait until it has written its log."""
    home.start("run")
    home.wait(lambda: home.data_files("ledger.sqlite3"), 20, "started")


def names_the_other(home: Home) -> bool:
    """Tell whether `status` names a worker in another container."""
    return "in another container" in home.json("status")["reason"]


@pytest.mark.row(33)
@pytest.mark.parametrize("asks", [True, False], ids=["can tell", "cannot tell"])
def test_two_workers_of_one_host_name_and_process_id_know_each_other(
    tmp_path: Path, server: Standin, *, asks: bool
) -> None:
    server.can_be_asked = asks
    server.latency = 0.05
    first = Home(tmp_path / "first", server.url, wrapper=CONTAINER)
    second = Home(tmp_path / "second", server.url, wrapper=CONTAINER)
    second.env["MEM0TRAY_PATHS_CLAUDE_DIR"] = str(first.claude)
    with first, second:
        first.write_queue(entries(2000))
        starts(first)
        server.wait_for(lambda: server.total_stored() > 10, 20)
        starts(second)
        for home in (first, second):
            home.wait(partial(names_the_other, home), 20, "named")
        stored = Counter(text for _, text in server.stored)
        assert 10 < len(stored) < 2000
        assert max(stored.values()) == 1


@pytest.mark.row(33)
def test_a_worker_elsewhere_has_the_process_id_of_an_innocent_process(
    tmp_path: Path, server: Standin
) -> None:
    ours, other = Home(tmp_path / "ours", server.url), Home(tmp_path / "other", server.url)
    other.env["MEM0TRAY_PATHS_CLAUDE_DIR"] = str(ours.claude)
    with ours, other:
        innocent = ours.background("import time; time.sleep(600)")
        number = f"echo {innocent.pid - 1} > /proc/sys/kernel/ns_last_pid"
        inside = f"{number}; {sys.executable} -m mem0tray run & wait"
        other._spawn([*CONTAINER, "sh", "-c", inside], other.env)
        ours.wait(lambda: ours.read(ours.metrics, {}).get("pid") == innocent.pid, 20, "same id")
        ours.start("run")
        ours.wait(partial(names_the_other, ours), 20, "named")
        done = ours.run("doctor", "--no-notify", "--stop-other", timeout=60)
        assert "No process can be named for sure" in done.stderr
        assert f"kill {innocent.pid}" not in done.stdout + json.dumps(ours.json("status"))
        assert innocent.alive
