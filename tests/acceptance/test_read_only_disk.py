"""A disk that turns read-only while the worker runs, and back."""

import time
from pathlib import Path

import pytest

from tests.support import machine
from tests.support.forked import ForkedHome
from tests.support.home import Home
from tests.support.http1 import Answer
from tests.support.processes import Process
from tests.support.shapes import dead, entry, waiting
from tests.support.standin import Standin
from tests.support.variants import variants

pytestmark = pytest.mark.row(50)

HEALTHY = Answer(body={"status": "ok"})


def probes(server: Standin, count: int) -> None:
    """Let the worker look at the server so many times more."""
    before = server.probes()
    server.wait_for(lambda: server.probes() >= before + count, 20)


def _folders(home: Home) -> dict[str, Path]:
    return {"all": home.root, "shared": home.claude, "ours": home.data}


def _terminal(worker: Process) -> list[str]:
    return f"{worker.out}\n{worker.err}".splitlines()


def _about_disk(lines: list[str]) -> list[str]:
    return [line for line in lines if "ead-only" in line]


@pytest.mark.parametrize("which", variants(["shared", "all", "ours"]))
def test_a_disk_that_turns_read_only(home: Home, server: Standin, which: str) -> None:
    home.write_dlq([waiting("later"), dead("first")])
    worker = home.worker()
    server.wait_for(lambda: server.count("first") == 1, 10)
    home.wait_dlq(["later"])
    with machine.read_only(_folders(home)[which]):
        began = time.monotonic()
        seen = home.json("status")
        assert time.monotonic() - began < 10, "it does not hang"
        assert seen["state"] == "action needed"
        assert "Read-only file system. The disk is read-only: mount it" in seen["reason"]
        for health in (Answer(503), HEALTHY, Answer(503), HEALTHY):  # things to write, again
            server.health = health
            probes(server, 12)
        seen = home.json("status")
        assert seen["state"] == "action needed"
        assert {each["waits_for"] for each in home.json("list", "--queue")} <= {seen["reason"]}
        first = home.json("diagnose")[0]
        assert (first["cause"], "ead-only" in first["detail"]) == ("action needed", True)
        if which == "shared":
            home.wait(lambda: home.data_files("state.json"), 20, "noted where it can be")
        home.wait(lambda: _about_disk(_terminal(worker)), 20, "told")
    home.wait(lambda: any("in order again" in each for each in _terminal(worker)), 30, "over")
    home.wait(lambda: home.json("status")["state"] == "healthy", 20, "healthy")
    home.write_queue([entry("after")])
    server.wait_for(lambda: server.count("after") == 1, 15)
    home.wait(lambda: home.queue_items() == [], 10, "published")
    for lines in (_terminal(worker), home.log_text().splitlines()):
        assert len(_about_disk(lines)) == 1, lines
        assert sum("in order again" in line for line in lines) == 1, lines
    assert server.surplus() == {}
    assert home.data_files("state.json") == []


@pytest.mark.usefixtures("server")
def test_a_worker_that_has_ended_does_not_run_on_a_disk_that_is_read_only(home: Home) -> None:
    home.write_dlq([waiting("later")])
    home.worker().stop()
    with machine.read_only(home.root):
        assert not home.json("status")["worker"]["running"]
        assert "A worker still runs" not in home.run("uninstall").stderr


@pytest.mark.row(5)
def test_a_full_disk_is_told_once(tmp_path: Path, server: Standin) -> None:
    with (
        machine.small_disk(tmp_path / "home", "6m"),
        ForkedHome(tmp_path / "home", server.url) as home,
    ):
        home.write_dlq([waiting(f"letter {n}") for n in range(30)])
        worker = home.worker()
        filler = machine.fill(home.root)
        for n in range(4):
            server.health = Answer(503) if n % 2 else HEALTHY
            probes(server, 12)
        filler.unlink()
        home.wait(lambda: "in order again" in home.log_text(), 30, "over")
        for lines in (_terminal(worker), home.log_text().splitlines()):
            assert sum("No space left" in line or "is full" in line for line in lines) == 1, lines
