"""What commands do beside a running worker is told as that, once; edits by hand as edits."""

import pytest

from tests.support import user
from tests.support.home import Home
from tests.support.http1 import Answer
from tests.support.machine import tool
from tests.support.processes import Process
from tests.support.shapes import Item, entry, waiting
from tests.support.standin import Standin

BY_COMMAND, BY_HAND = "Deleted: ", "DLQ edited: "
NUMBER = 7


@pytest.fixture
def letters(home: Home) -> list[Item]:
    """Write dead letters that wait for an hour."""
    made = [waiting(f"text {n}", f"project-{n}", id=f"{n}aaa-{n}") for n in range(NUMBER)]
    home.write_dlq(made)
    return made


@pytest.fixture(params=[True, False], ids=["running", "stopped"])
def worker(request: pytest.FixtureRequest, home: Home, letters: list[Item]) -> Process | None:
    """Start a worker that knows them, and stop it again or not."""
    process = home.worker()
    home.wait(lambda: home.read(home.metrics)["dlq_size"] == len(letters), 5, "taken in")
    if request.param:
        return process
    process.stop()
    return None


def seen(home: Home, worker: Process | None, left: int) -> None:
    """Let a worker see the files: the running one, or one that comes now."""
    if worker is None:
        home.drain()
    home.wait(lambda: home.read(home.metrics)["dlq_size"] == left, 5, f"{left} left")


def told(home: Home, *marks: str) -> list[str]:
    """The log's lines with one of these marks, without their times, in order."""
    lines = home.log_text().splitlines()
    return [line.split(" ", 2)[2] for line in lines if any(mark in line for mark in marks)]


def test_a_deletion_is_told_once(home: Home, worker: Process | None) -> None:
    output = home.ok("delete", "0aaa", "1aaa", "--yes")
    seen(home, worker, NUMBER - 2)
    (line,) = told(home, BY_COMMAND, BY_HAND)
    assert line.startswith("Deleted: 2 dead letters (`mem0tray restore mem0_queue_dlq.backup-")
    assert line.partition("restore ")[2].partition("`")[0] in output


def test_retry_and_restore_are_told_as_that(
    home: Home, server: Standin, worker: Process | None
) -> None:
    home.ok("delete", "0aaa", "--yes")
    seen(home, worker, NUMBER - 1)
    home.ok("restore")
    seen(home, worker, NUMBER)
    server.default = Answer(500)
    home.ok("retry", "1aaa", "2aaa")
    if worker is None:
        home.drain()
    home.wait(lambda: len(server.saves) == 2, 5, "retried")
    assert told(home, "Restored: ", "Retry asked for: ") == [
        "Restored: 1 dead letter",
        "Retry asked for: 2 dead letters",
    ]
    assert told(home, BY_HAND) == []


def test_an_edit_by_hand_at_the_same_moment_is_told_as_that(
    home: Home, worker: Process | None
) -> None:
    user.remove(home, "text 0")
    home.ok("delete", "1aaa", "--yes")
    user.remove(home, "text 2")
    seen(home, worker, NUMBER - 3)
    lines = told(home, BY_COMMAND, BY_HAND)
    removed = sum(int(line.split()[2]) for line in lines if line.startswith(BY_HAND))
    assert [line.split()[1] for line in lines if line.startswith(BY_COMMAND)] == ["1"]
    assert removed == 2
    assert all("`mem0tray restore" in line for line in lines)


def test_a_waiting_entry_that_is_deleted_is_told(home: Home, server: Standin) -> None:
    server.health = Answer(503)
    home.write_queue([entry("unwanted", id="eeee-1")])
    home.worker()
    home.wait(lambda: home.read(home.metrics)["queue_size"] == 1, 5, "taken in")
    home.ok("delete", "eeee", "--yes")
    home.wait(lambda: home.read(home.metrics)["queue_size"] == 0, 5, "deleted")
    (line,) = told(home, BY_COMMAND)
    assert line.startswith("Deleted: 1 waiting entry (")


def test_what_is_forgotten_is_not_offered_again(home: Home, worker: Process | None) -> None:
    home.ok("delete", "0aaa", "--yes", "--forget")
    seen(home, worker, NUMBER - 1)
    assert told(home, BY_COMMAND, BY_HAND, "for good") == ["Deleted for good: 1 dead letter"]


@pytest.mark.slow
def test_a_command_killed_at_any_rename_hides_no_removal_by_hand(
    home: Home, worker: Process | None
) -> None:
    trace = [tool("strace"), "-f", "-qq", "-o", "/dev/null"]
    renames = "rename,renameat,renameat2"
    by_command = 0
    for at in range(NUMBER):
        inject = ["-e", f"trace={renames}", "-e", f"inject={renames}:signal=KILL:when={at + 1}"]
        command = home.start("delete", f"{at}aaa", "--yes", wrapper=[*trace, *inject])
        command.popen.wait(30)
        if f"text {at}" in home.dlq_texts():
            user.remove(home, f"text {at}")
        else:
            by_command += 1
        seen(home, worker, NUMBER - at - 1)
        lines = told(home, BY_COMMAND, BY_HAND)
        assert len(lines) == at + 1
        assert sum(line.startswith(BY_COMMAND) for line in lines) == by_command
    assert 0 < by_command < NUMBER
