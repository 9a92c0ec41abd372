"""Two workers, other workers, and a `~/.claude` that moves under our feet."""

import json
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.support.home import Home, one_line, plain
from tests.support.machine import without_inotify
from tests.support.processes import Process
from tests.support.shapes import dead, entries, entry, waiting
from tests.support.standin import Standin

OTHER_WORKER = """
import json, os, sys, time
path, fields = sys.argv[1], json.loads(sys.argv[2])
while True:
    with open(path, 'w') as file:
        json.dump({'last_update': time.ctime(), 'vps_status': 'healthy', 'queue_size': 0,
                   'dlq_size': 0, 'total_synced': 1, 'total_queued': 1, **fields}, file, indent=2)
    time.sleep(0.1)
"""


@contextmanager
def other_worker(home: Home, **fields: object) -> Iterator[Process]:
    """Run a worker of another make, which rewrites the metrics all the time."""
    output = home.root.with_name("other-worker")
    command = [sys.executable, "-c", OTHER_WORKER, str(home.metrics), json.dumps(fields)]
    process = Process(command, env=home.env, output=output)
    try:
        yield process
    finally:
        process.kill()


# Other workers --------------------------------------------------------------------------


@pytest.mark.row(33)
def test_a_second_instance_leaves(home: Home, server: Standin) -> None:
    first = home.worker()
    for arguments in (["run"], ["run", "--once"], ["run", "--until-idle"]):
        done = home.run(*arguments)
        assert done.returncode == 1
        assert "run" in one_line(done.stderr)
    assert first.alive
    home.write_emergency([entry("x")])
    server.wait_for(lambda: server.count("x") == 1, 5)


@pytest.mark.row(33)
def test_a_second_instance_by_another_name_leaves(home: Home) -> None:
    home.worker()
    (home.root / "link").symlink_to(home.claude)
    done = home.run("run", "--once", env={"MEM0TRAY_PATHS_CLAUDE_DIR": str(home.root / "link")})
    assert done.returncode == 1
    assert one_line(done.stderr)


def test_workers_of_two_folders_live_side_by_side(home: Home, server: Standin) -> None:
    home.worker()
    other = home.root / "other"
    other.mkdir()
    shutil.copy(home.dlq, other)
    done = home.run("run", "--once", env={"MEM0TRAY_PATHS_CLAUDE_DIR": str(other)})
    assert done.returncode == 0
    assert server.saves == []


def test_after_a_kill_the_next_instance_starts(home: Home, server: Standin) -> None:
    home.worker().kill()
    home.write_queue(entries(2))
    home.drained()
    assert server.total_stored() == 2


@pytest.mark.row(33)
@pytest.mark.parametrize(
    "fields", [{}, {"pid": 999_999, "host": "elsewhere"}], ids=["older make", "other computer"]
)
def test_another_worker_pauses_us_and_is_named(
    home: Home, server: Standin, fields: dict[str, object]
) -> None:
    home.write_dlq([waiting("later")])
    home.worker()
    with other_worker(home, **fields):
        home.wait(lambda: "action needed" in plain(home.ok("status")), 8, "action needed")
        probed = server.probes()
        home.write_emergency(entries(5))
        time.sleep(1)
        assert server.saves == []
        assert server.probes() >= probed
        text = home.ok("status")
        assert "another worker" in plain(text)
        if fields:
            assert "elsewhere" in text


@pytest.mark.row(33)
def test_metrics_that_an_older_worker_left_behind_do_no_harm(home: Home, server: Standin) -> None:
    home.write_metrics(pid=1, host="elsewhere")
    home.write_queue(entries(3))
    home.drained()
    assert server.total_stored() == 3


# The folder moves ------------------------------------------------------------------------


@pytest.mark.row(34)
def test_a_missing_folder_is_no_obstacle(home: Home, server: Standin) -> None:
    home.claude.rmdir()
    worker = home.start("run")
    server.wait_for(lambda: server.probes() >= 3, 10)
    home.claude.mkdir(exist_ok=True)
    home.producer("--label", "first").wait()
    server.wait_for(lambda: server.total_stored() == 1, 8)
    assert worker.alive


@pytest.mark.row(34)
def test_a_replaced_folder_is_picked_up(home: Home, server: Standin) -> None:
    home.write_dlq([waiting("later")])
    worker = home.worker()
    home.claude.rename(home.root / "old")
    home.claude.mkdir()
    home.write_queue([entry("in the new one")])
    server.wait_for(lambda: server.count("in the new one") == 1, 10)
    home.wait(home.dlq.exists, 10, "published in the new folder")
    assert worker.alive


@pytest.mark.row(34)
def test_a_removed_folder_loses_nothing(home: Home, server: Standin) -> None:
    home.write_dlq([waiting("later")])
    worker = home.worker()
    gone = home.claude.rename(home.root / "gone")  # at once: it is written to meanwhile
    shutil.rmtree(gone)
    home.claude.mkdir(exist_ok=True)
    home.wait_dlq(["later"], 10)
    home.producer("--label", "again").wait()
    server.wait_for(lambda: server.total_stored() == 1, 10)
    assert worker.alive


@pytest.mark.row(34)
def test_a_symlinked_folder_works(home: Home, server: Standin) -> None:
    target = home.root / "dotfiles"
    home.claude.rename(target)
    home.claude.symlink_to(target)
    home.write_dlq([dead("letter")])
    home.worker()
    server.wait_for(lambda: server.count("letter") == 1, 5)
    home.producer("--label", "linked").wait()
    server.wait_for(lambda: server.total_stored() == 2, 5)
    assert home.claude.is_symlink()
    home.wait(lambda: home.queue_items() == [], 5, "published")


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
        if path.is_symlink():
            assert json.loads(target.read_text()) == home.read(path)


# Watching --------------------------------------------------------------------------------


@pytest.mark.row(35)
def test_without_inotify_the_files_are_polled(home: Home, server: Standin) -> None:
    worker = home.start("run", wrapper=without_inotify())
    server.wait_for(lambda: server.probes() >= 1, 10)
    home.producer("--label", "polled").wait()
    server.wait_for(lambda: server.total_stored() == 1, 10)
    home.write_dlq([dead("by hand")])
    server.wait_for(lambda: server.count("by hand") == 1, 10)
    assert worker.alive
