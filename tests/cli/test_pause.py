"""`pause` and `resume`."""

import json
import time

import pytest

from mem0tray.core.errors import FileUnavailableError
from mem0tray.files import orders
from mem0tray.files.lock import FileLock
from tests.cli.scratch import Scratch
from tests.support import needs


def test_a_pause_without_minutes_lasts_until_resumed(home: Scratch) -> None:
    assert "until `mem0tray resume`" in home.ok("pause")
    assert json.loads(home.paths.pause.read_text()) == {"until": None}
    assert orders.read_pause(home.paths) == float("inf")
    assert home.ok("resume").startswith("Deliveries go on as soon as")
    assert orders.read_pause(home.paths) is None
    assert "were not paused" in home.ok("resume")


def test_a_pause_of_some_minutes_ends_by_itself(home: Scratch) -> None:
    assert "(in 5 min)" in home.ok("pause", "5")
    until = json.loads(home.paths.pause.read_text())["until"]
    assert 290 < until - time.time() <= 300


@pytest.mark.row(7)
def test_a_pause_that_cannot_be_read_is_not_taken_for_none(home: Scratch) -> None:
    home.paths.pause.mkdir(parents=True)  # the one thing that not even root can read
    with pytest.raises(FileUnavailableError, match=r"pause\.json is a folder, not a file"):
        orders.read_pause(home.paths)


@needs.LINKS
@pytest.mark.row(7)
def test_a_pause_that_cannot_be_read_can_be_ended(home: Scratch) -> None:
    home.paths.orders.mkdir(parents=True)
    home.paths.pause.symlink_to(home.paths.pause)
    assert "action needed" in home.ok("status")
    assert "symbolic links" in home.ok("status")
    assert home.ok("resume").startswith("Deliveries go on as soon as")
    assert not home.paths.pause.is_symlink()


def test_a_pause_says_when_no_worker_runs(home: Scratch) -> None:
    assert "not running" in home.ok("pause")
    lock = FileLock(home.paths.instance_lock)
    lock.acquire(1)
    assert "not running" not in home.ok("pause")
    lock.release()


@pytest.mark.parametrize("minutes", ["0", "-5", "inf", "1e9", "soon", "--json"])
def test_absurd_minutes_are_errors_of_usage(home: Scratch, minutes: str) -> None:
    done = home.run("pause", minutes)
    assert (done.code, done.out) == (2, "")
    assert not home.paths.pause.exists()
