"""A `~/.claude` that moves, is missing or is a link."""

import json
from pathlib import Path

import pytest

from tests.support.home import Home, one_line
from tests.support.machine import without_inotify
from tests.support.processes import Process
from tests.support.shapes import dead, entry, waiting
from tests.support.standin import Standin


def move_and_link(home: Home) -> Path:
    elsewhere = home.claude.rename(home.root / "larger disk")
    home.claude.symlink_to(elsewhere)
    return elsewhere


def is_found(home: Home, worker: Process) -> None:
    assert home.json("status")["worker"]["pid"] == worker.pid
    assert "not running" not in home.ok("status")
    for arguments in (["run"], ["run", "--until-idle"]):
        done = home.run(*arguments)
        assert done.returncode == 1
        assert f"already running for this folder (process {worker.pid})" in one_line(done.stderr)


@pytest.mark.row(48)
def test_commands_find_the_worker_of_a_folder_that_moved(home: Home, server: Standin) -> None:
    home.write_dlq([waiting("letter")])
    worker = home.worker()
    elsewhere = move_and_link(home)
    is_found(home, worker)
    by_real_path = {"MEM0TRAY_PATHS_CLAUDE_DIR": str(elsewhere)}
    assert home.json("status", env=by_real_path)["worker"]["pid"] == worker.pid
    assert home.run("run", "--once", env=by_real_path).returncode == 1
    home.ok("retry", "--all")
    server.wait_for(lambda: server.count("letter") == 1)
    assert "not running" not in home.ok("pause")
    home.wait(lambda: home.json("status")["state"] == "paused", what="paused")
    home.ok("resume")
    home.write_queue([entry("after the move")])
    server.wait_for(lambda: server.count("after the move") == 1)
    is_found(home, worker)
    assert server.surplus() == {}
    assert worker.alive


@pytest.mark.parametrize("running", [True, False])
@pytest.mark.row(48)
def test_after_a_restart_all_is_where_it_was(home: Home, server: Standin, *, running: bool) -> None:
    home.write_queue([entry("delivered")])
    home.write_dlq([waiting("deleted"), waiting("kept")])
    worker = home.worker()
    home.wait(lambda: home.queue_items() == [] and server.total_stored() == 1, what="delivered")
    home.ok("delete", home.dead_letter("deleted")["id"], "--yes")
    home.wait_dlq(["kept"])
    home.ok("pause")
    ledgers = home.ledgers()
    if not running:
        worker.stop()
    move_and_link(home)
    if running:
        home.wait(lambda: "The shared folder is" in home.log_text(), what="noticed")
        worker.stop()
    assert home.json("status")["paused"]
    worker = home.worker()
    assert home.state()[0] == "paused"
    assert home.ledgers() == ledgers
    home.ok("resume")
    home.ok("restore")
    home.wait_dlq(["deleted", "kept"])
    assert server.total_stored() == 1


@pytest.mark.row(48)
def test_a_folder_that_is_made_anew_keeps_its_worker(home: Home, server: Standin) -> None:
    worker = home.worker()
    home.claude.rename(home.root / "old")
    home.claude.mkdir()
    is_found(home, worker)
    home.write_queue([entry("in the new one")])
    server.wait_for(lambda: server.count("in the new one") == 1)
    home.wait(lambda: "Delivered" in home.log_text(), what="told in the new log")
    is_found(home, worker)


@pytest.mark.row(48)
def test_a_link_that_leads_to_another_folder_is_followed(home: Home, server: Standin) -> None:
    first, second = home.root / "first", home.root / "second"
    home.claude.rename(first)
    second.mkdir()
    home.claude.symlink_to(first)
    home.write_dlq([waiting("of the first")])
    worker = home.worker()
    home.claude.unlink()
    home.claude.symlink_to(second)
    is_found(home, worker)
    home.write_queue([entry("of the second")])
    server.wait_for(lambda: server.count("of the second") == 1)
    is_found(home, worker)
    home.wait(lambda: home.dlq_items() == [] and home.queue_items() == [], what="published")
    assert len(home.log_lines("The shared folder is")) == 1
    by_the_other = {"MEM0TRAY_PATHS_CLAUDE_DIR": str(first)}
    there = home.json("status", env=by_the_other)
    assert (there["worker"]["running"], there["dlq"]) == (False, 1)
    home.ok("retry", "--all", env=by_the_other)
    home.drained(env=by_the_other)
    assert server.count("of the first") == 1
    assert worker.alive


@pytest.mark.row(48)
def test_a_link_to_nothing_is_waited_for(home: Home, server: Standin) -> None:
    away = home.claude.rename(home.root / "disk")
    home.claude.symlink_to(home.root / "not mounted" / "disk")
    done = home.run("run", "--until-idle")
    assert done.returncode == 1
    assert "which is not there. Mount its disk" in one_line(done.stderr)
    worker = home.start("run")
    home.wait(lambda: "which is not there" in worker.err, what="said")
    assert not (home.root / "not mounted").exists()
    home.claude.unlink()
    home.claude.symlink_to(away)
    home.write_queue([entry("mounted")])
    server.wait_for(lambda: server.count("mounted") == 1)
    assert not (home.root / "not mounted").exists()


@pytest.mark.row(34)
def test_a_missing_folder_is_no_obstacle(home: Home, server: Standin) -> None:
    home.claude.rmdir()
    worker = home.start("run")
    server.wait_for(lambda: server.probes() >= 3)
    home.claude.mkdir(exist_ok=True)
    home.producer("--label", "first").wait()
    server.wait_for(lambda: server.total_stored() == 1)
    assert worker.alive


@pytest.mark.row(34)
def test_symlinked_files_stay_links(home: Home, server: Standin) -> None:
    targets = {}
    home.write_queue([entry("x")])
    home.write_dlq([dead("y"), waiting("z")])
    for path in (home.queue, home.dlq):
        targets[path] = home.root / f"real {path.name}"
        path.rename(targets[path])
        path.symlink_to(targets[path])
    home.drain()
    assert server.total_stored() == 2
    home.wait_dlq(["z"])
    assert home.queue_items() == []
    for path, target in targets.items():
        assert path.is_symlink()
        assert json.loads(target.read_text()) == home.read(path)


@pytest.mark.row(35)
def test_without_inotify_the_files_are_polled(home: Home, server: Standin) -> None:
    worker = home.start("run", wrapper=without_inotify())
    server.wait_for(lambda: server.probes() >= 1)
    home.producer("--label", "polled").wait()
    server.wait_for(lambda: server.total_stored() == 1)
    home.write_dlq([dead("by hand")])
    server.wait_for(lambda: server.count("by hand") == 1)
    assert worker.alive
