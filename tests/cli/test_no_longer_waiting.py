"""What commands that take an id say of a memory that no longer waits."""

import time

import pytest

from tests.actions.scene import worker
from tests.cli.scratch import Scratch
from tests.support.shapes import emergency_lines, entry, queue_document


@pytest.fixture
def gone(home: Scratch) -> None:
    """Leave three memories in the ledger alone: one delivered, two deleted."""
    ids = ("dddd-1", "rrrr-1", "rrrr-2")
    home.write("mem0_queue.json", queue_document([entry(name, id=name) for name in ids]))
    with worker(home.paths) as context:
        context.outbox.record_delivery(1, "local", time.time())
        context.inbox.discard([2], time.time() - 60.0, "deleted")
        context.inbox.discard([3], time.time(), "hand edit")
    home.write("mem0_queue.json", queue_document([]))


@pytest.mark.parametrize("command", [["retry"], ["delete", "--yes"]], ids=" ".join)
@pytest.mark.usefixtures("gone")
def test_what_became_of_it_is_said(home: Scratch, command: list[str]) -> None:
    done = home.run(*command, "dddd")
    assert done.code == 1
    assert done.line.startswith("mem0tray: dddd-1 no longer waits: delivered on ")
    assert done.line.endswith("to this computer only. Nothing to do.")
    line = home.run(*command, "rrrr").line
    assert line.startswith("mem0tray: rrrr-2 no longer waits: deleted on ")
    assert "So begin the ids of 1 more that no longer wait. `mem0tray restore --list`" in line


@pytest.mark.usefixtures("gone")
def test_why_it_was_deleted_is_said_where_that_tells_more(home: Scratch) -> None:
    assert "(deleted)" not in home.ok("diagnose", "rrrr-1")
    assert " (hand edit). " in home.ok("diagnose", "rrrr-2")


def test_what_only_the_emergency_file_has_waits_like_any_other(home: Scratch) -> None:
    home.write("mem0_queue.json", queue_document([]))
    home.paths.emergency.write_text(emergency_lines([entry("urgent", id="eeee1111-1")]))
    assert home.ok("list", "--queue").splitlines()[1].startswith("eeee1111")
    assert "it waits in the queue" in home.run("retry", "eeee").line
    home.ok("delete", "--yes", "eeee")
    assert home.ok("list", "--queue") == "Nothing waits.\n"


@pytest.mark.parametrize("command", ["show", "retry", "delete", "diagnose"])
@pytest.mark.usefixtures("gone")
def test_an_empty_id_is_said_to_be_empty(home: Scratch, command: str) -> None:
    done = home.run(command, "")
    assert done.code == 1
    assert "The id '' is empty and names nothing." in done.line
