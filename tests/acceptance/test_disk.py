"""Full, read-only and stubborn disks."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import machine
from tests.support.forked import ForkedHome
from tests.support.home import Home
from tests.support.http1 import Answer
from tests.support.processes import Process
from tests.support.shapes import dead, entries, entry, texts, waiting
from tests.support.standin import UNNAMED, Standin
from tests.support.variants import variants


@pytest.fixture
def small_home(tmp_path: Path, server: Standin) -> Iterator[Home]:
    with (
        machine.small_disk(tmp_path / "home", "6m"),
        ForkedHome(tmp_path / "home", server.url) as home,
    ):
        yield home


def probes(server: Standin, count: int) -> None:
    before = server.probes()
    server.wait_for(lambda: server.probes() >= before + count)


@pytest.mark.row(5, 6)
def test_a_full_disk_pauses_and_resumes_by_itself(small_home: Home, server: Standin) -> None:
    server.health = Answer(503)
    queue = entries(300)
    small_home.write_queue(queue)
    small_home.write_dlq([dead(f"letter {n}") for n in range(20)])
    worker = small_home.worker(queue_size=300)
    filler = machine.fill(small_home.root)
    server.health = UNNAMED
    probes(server, 8)
    assert worker.alive
    small_home.wait(  # though the metrics cannot be written
        lambda: "No space left" in small_home.ok("status"), what="the full disk in the status"
    )
    filler.unlink()
    server.wait_for(lambda: server.total_stored() >= 320)
    small_home.wait(lambda: small_home.queue_items() == [], what="published")
    small_home.wait_dlq([])
    assert server.missing([*texts(queue), *(f"letter {n}" for n in range(20))]) == []
    assert server.surplus() == {}
    assert "Free some disk space" in small_home.log_text() + small_home.printed()


@pytest.mark.row(5)
def test_a_disk_that_is_full_at_the_start(small_home: Home, server: Standin) -> None:
    small_home.write_queue(entries(20))
    filler = machine.fill(small_home.root)
    worker = small_home.start("run")
    small_home.wait(lambda: "Free some disk space" in small_home.printed(), what="said why")
    assert server.saves == []
    filler.unlink()
    if worker.alive:
        server.wait_for(lambda: server.total_stored() == 20)
    else:
        assert worker.wait() == 1
        small_home.drained()
    assert server.surplus() == {}
    assert server.total_stored() == 20


@pytest.mark.row(5)
def test_add_on_a_full_disk_says_so_or_is_kept(small_home: Home, server: Standin) -> None:
    small_home.write_queue(entries(50))
    filler = machine.fill(small_home.root)
    done = small_home.run("add", "--project", "alpha", "on a full disk " + "x" * 20_000)
    assert len(small_home.queue_items()) in (50, 51)
    filler.unlink()
    small_home.drained()
    assert server.total_stored() == 50 + (done.returncode == 0)
    assert done.returncode == 0 or "Nothing was queued: " in done.stderr
    assert done.returncode == 0 or "Free some disk space. Then add it again." in done.stderr


@pytest.mark.row(7)
def test_a_read_only_data_folder_sends_nothing(humble_home: Home, server: Standin) -> None:
    humble_home.data.mkdir(mode=0o500)
    humble_home.write_queue(entries(5))
    done = humble_home.run("run", "--until-idle")
    assert server.saves == []
    assert done.returncode == 1
    assert str(humble_home.data) in done.stderr
    assert "Traceback" not in done.stderr
    humble_home.data.rmdir()
    humble_home.drained()
    assert server.total_stored() == 5


@pytest.mark.row(7)
def test_a_read_only_claude_folder_is_said_and_loses_nothing(
    humble_home: Home, server: Standin
) -> None:
    humble_home.write_queue(entries(5))
    humble_home.write_dlq([waiting("later")])
    humble_home.claude.chmod(0o500)
    done = humble_home.run("run", "--until-idle")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert str(humble_home.claude) in done.stderr or ".claude" in done.stderr
    done = humble_home.run("add", "--project", "p", "text")
    assert "mem0_emergency.json: Permission denied. Mend the permissions" in done.stderr
    humble_home.claude.chmod(0o700)
    humble_home.drain()
    assert server.total_stored() == 5
    assert server.surplus() == {}
    assert humble_home.queue_items() == []
    assert humble_home.dlq_texts() == ["later"]


@pytest.mark.row(7)
def test_unreadable_files_are_named_and_kept(humble_home: Home, server: Standin) -> None:
    humble_home.write_queue(entries(5))
    humble_home.write_dlq([dead("letter")])
    before = humble_home.queue.read_bytes()
    humble_home.queue.chmod(0)
    done = humble_home.drain()
    assert done.returncode == 1
    assert "mem0_queue.json: Permission denied" in done.stderr.splitlines()[-1]
    assert "mem0_queue.json" in humble_home.log_text()
    assert "mem0_queue.json: Permission denied" in humble_home.json("status")["reason"]
    humble_home.queue.chmod(0o600)
    assert humble_home.queue.read_bytes() == before
    assert server.count("letter") == 1
    humble_home.drained()
    assert server.total_stored() == 6


def _terminal(worker: Process) -> list[str]:
    return f"{worker.out}\n{worker.err}".splitlines()


def _about_disk(lines: list[str]) -> list[str]:
    return [line for line in lines if "ead-only" in line]


@pytest.mark.parametrize("which", variants(["shared", "all", "ours"]))
@pytest.mark.row(50)
def test_a_disk_that_turns_read_only(home: Home, server: Standin, which: str) -> None:
    home.write_dlq([waiting("later"), dead("first")])
    worker = home.worker()
    server.wait_for(lambda: server.count("first") == 1)
    home.wait_dlq(["later"])
    with machine.read_only({"all": home.root, "shared": home.claude, "ours": home.data}[which]):
        seen = home.json("status")
        assert seen["state"] == "action needed"
        assert "Read-only file system. The disk is read-only: mount it" in seen["reason"]
        for health in (Answer(503), UNNAMED):  # things to write
            server.health = health
            probes(server, 12)
        seen = home.json("status")
        assert seen["state"] == "action needed"
        assert {each["waits_for"] for each in home.json("list", "--queue")} <= {seen["reason"]}
        first = home.json("diagnose")[0]
        assert (first["cause"], "ead-only" in first["detail"]) == ("action needed", True)
        if which == "shared":
            home.wait(lambda: home.data_files("state.json"), what="noted where it can be")
        home.wait(lambda: _about_disk(_terminal(worker)), what="told")
    home.wait(lambda: any("in order again" in each for each in _terminal(worker)), 30, "over")
    home.wait(lambda: home.json("status")["state"] == "healthy", what="healthy")
    home.write_queue([entry("after")])
    server.wait_for(lambda: server.count("after") == 1)
    home.wait(lambda: home.queue_items() == [], what="published")
    for lines in (_terminal(worker), home.log_text().splitlines()):
        assert len(_about_disk(lines)) == 1, lines
        assert sum("in order again" in line for line in lines) == 1, lines
    assert server.surplus() == {}
    assert home.data_files("state.json") == []
