"""Commands and the worker: what a command waits for before it ends."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mem0tray.actions.delete import delete
from mem0tray.actions.edit_text import edit_text
from mem0tray.files.lock import InstanceLock
from mem0tray.system.paths import Paths
from tests.actions.scene import chosen, write
from tests.support.shapes import entry, queue_document

Command = Callable[[Paths], object]
COMMANDS = pytest.mark.parametrize(
    "command",
    [
        lambda paths: delete(paths, chosen(paths, "qq")),
        lambda paths: edit_text(paths, chosen(paths, "qq")[0], "new", keep_days=90),
    ],
    ids=["delete", "edit"],
)


@pytest.fixture(autouse=True)
def _entry(paths: Paths) -> None:
    """Have an entry wait."""
    write(paths.queue, queue_document([entry("old", id="qq-1")]))


@pytest.fixture
def _worker(paths: Paths) -> Iterator[None]:
    """Hold the lock that a worker holds."""
    lock = InstanceLock(paths.instance_lock)
    lock.acquire()
    yield
    lock.release()


def left(paths: Paths) -> list[Path]:
    """List the orders that are not carried out."""
    return list(paths.orders.iterdir())


@COMMANDS
@pytest.mark.usefixtures("_worker")
def test_a_change_of_what_waits_ends_when_the_worker_knows(
    paths: Paths, monkeypatch: pytest.MonkeyPatch, command: Command
) -> None:
    """Else it might send the old text after the command."""

    def carry_out(_: float) -> None:
        (order,) = left(paths)
        order.unlink()

    monkeypatch.setattr(time, "sleep", carry_out)
    command(paths)
    assert left(paths) == []


@COMMANDS
@pytest.mark.usefixtures("_worker")
def test_a_worker_that_does_not_answer_is_left_to_itself(
    paths: Paths, monkeypatch: pytest.MonkeyPatch, command: Command
) -> None:
    """After two seconds the order waits for it."""
    now = 0.0

    def pass_by(seconds: float) -> None:
        nonlocal now
        now += seconds

    monkeypatch.setattr(time, "sleep", pass_by)
    monkeypatch.setattr(time, "monotonic", lambda: now)
    command(paths)
    assert len(left(paths)) == 1
    assert 2 < now < 2.1


@COMMANDS
def test_without_a_worker_nothing_is_waited_for(
    paths: Paths, monkeypatch: pytest.MonkeyPatch, command: Command
) -> None:
    """The order is for the next start."""
    monkeypatch.setattr(time, "sleep", lambda _: pytest.fail("waited"))
    command(paths)
    assert len(left(paths)) == 1
