"""Applying a verb: by the worker that runs, or in its place."""

import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest import mock

import pytest

from mem0tray.actions.one_writer import submit
from mem0tray.actions.verbs import Changed, Deleted, delete, edit_text
from mem0tray.config import server_choice
from mem0tray.config.settings import LOCAL_URL, Settings
from mem0tray.core import item as items
from mem0tray.core.errors import FileUnavailableError, LedgerError, LockTimeoutError
from mem0tray.files import orders
from mem0tray.files.lock import COMMAND, InstanceLock
from mem0tray.files.orders import DELIVERED, DONE, IN_FLIGHT, PERHAPS, Order, Text
from mem0tray.ledger.database import Ledger
from mem0tray.system.paths import Paths
from mem0tray.worker.queue.publish import QueuePublisher
from tests.actions.scene import chosen, contents, holding, queued, worker, write, write_dlq
from tests.support.shapes import entry, queue_document, waiting

Command = Callable[[Paths], Deleted | Changed]
HERE = "https://server.test"
COMMANDS = pytest.mark.parametrize(
    "command",
    [
        lambda paths: delete(paths, Settings(), chosen(paths, "qq")),
        lambda paths: edit_text(paths, Settings(), chosen(paths, "qq")[0], "new"),
    ],
    ids=["delete", "edit"],
)


@pytest.fixture(autouse=True)
def _entry(paths: Paths) -> None:
    write(paths.queue, queue_document([entry("old", id="qq-1")]))
    chosen(paths, "qq")  # the ledger knows it


@pytest.fixture
def _worker(paths: Paths) -> Iterator[None]:
    with holding(paths):
        yield


def became(done: Deleted | Changed) -> set[str]:
    if isinstance(done, Changed):
        return {done.outcome}
    lists = {DELIVERED: done.delivered, IN_FLIGHT: done.in_flight, PERHAPS: done.perhaps}
    return {outcome for outcome, found in lists.items() if found} or {DONE}


def left(paths: Paths) -> list[Path]:
    return list(paths.orders.glob("*.json"))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Callable[[], None]]]:
    """Let time pass only in sleeps; call what stands in the list at each."""
    now = [0.0]
    calls: list[Callable[[], None]] = []

    def pass_by(seconds: float) -> None:
        now[0] += seconds
        for call in calls:
            call()

    monkeypatch.setattr(time, "sleep", pass_by)
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    yield calls
    assert now[0] < 2.1


@COMMANDS
@pytest.mark.usefixtures("_worker")
@pytest.mark.parametrize("outcome", [DONE, DELIVERED, PERHAPS])
def test_a_command_ends_when_the_worker_has_answered(
    paths: Paths, clock: list[Callable[[], None]], command: Command, outcome: str
) -> None:
    name = chosen(paths, "qq")[0].identity

    def answer() -> None:
        for order in left(paths):
            orders.answer(order, {name: outcome})

    clock.append(answer)
    done = command(paths)
    assert done.heard
    assert became(done) == {outcome}
    assert queued(paths) == ["old"]  # the worker publishes
    assert list(paths.orders.iterdir()) == []


@COMMANDS
@pytest.mark.usefixtures("_worker", "clock")
def test_a_worker_that_does_not_answer_is_left_to_itself(paths: Paths, command: Command) -> None:
    assert not command(paths).heard
    assert len(left(paths)) == 1


def test_a_worker_that_ends_before_it_answers_is_stood_in_for(
    paths: Paths, clock: list[Callable[[], None]]
) -> None:
    lock = InstanceLock(paths.instance_lock)
    lock.acquire()
    clock.append(lock.release)
    assert delete(paths, Settings(), chosen(paths, "qq")).items
    assert queued(paths) == []


@pytest.mark.usefixtures("clock")
def test_a_command_that_hangs_is_named_after_two_seconds(paths: Paths) -> None:
    named = pytest.raises(LockTimeoutError, match=rf"command \(process {os.getpid()}\)")
    with holding(paths, COMMAND), named:
        delete(paths, Settings(), chosen(paths, "qq"))
    assert left(paths) == []
    assert queued(paths) == ["old"]


def test_an_order_about_what_a_torn_file_may_hold_waits_for_the_file(
    paths: Paths, clock: list[Callable[[], None]]
) -> None:
    written = waiting("dead", id="dd-1")
    name = items.identity(json.dumps(written).encode())
    paths.dlq.write_text('{"items": [')
    clock.append(lambda: write_dlq(paths, [written]))
    answer = submit(paths, Settings(), orders.about(orders.DELETE, [name]))
    assert answer.of(name) == DONE
    assert answer.heard
    assert contents(paths) == []


def test_what_is_applied_counts_though_the_command_is_interrupted_then(
    paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(QueuePublisher, "run_once", mock.Mock(side_effect=KeyboardInterrupt))
    done = delete(paths, Settings(), chosen(paths, "qq"))
    assert [each.id for each in done.items] == ["qq-1"]
    assert done.backup.exists()


@pytest.mark.usefixtures("_worker")
@pytest.mark.parametrize("outcome", [None, DONE, IN_FLIGHT])
def test_an_interrupted_command_changes_nothing_or_counts(
    paths: Paths, clock: list[Callable[[], None]], outcome: str | None
) -> None:
    (found,) = chosen(paths, "qq")

    def interrupt() -> None:
        for order in left(paths) if outcome else ():
            orders.answer(order, {found.identity: outcome or ""})
        raise KeyboardInterrupt

    clock.append(interrupt)
    if outcome is None:
        with pytest.raises(KeyboardInterrupt):
            delete(paths, Settings(), [found])
        assert left(paths) == list(paths.claude_dir.glob("*.backup-*")) == []
    else:
        assert delete(paths, Settings(), [found]).backup.exists()


def test_files_that_a_command_makes_are_not_those_of_others(paths: Paths) -> None:
    paths.queue.unlink()
    shutil.rmtree(paths.data_dir)
    text = Text.of(json.dumps(entry("back")).encode(), dead=False)
    submit(paths, Settings(), Order(orders.RESTORE, texts=[text]))
    assert queued(paths) == ["back"]
    assert server_choice.chosen("", paths) == LOCAL_URL


@pytest.mark.parametrize("place", ["ledger", "lock"])
def test_an_order_that_cannot_be_applied_is_taken_back(
    paths: Paths, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    found = chosen(paths, "qq")
    if place == "ledger":
        monkeypatch.setattr(Ledger, "__init__", mock.Mock(side_effect=LedgerError("full")))
    else:
        fail = mock.Mock(side_effect=FileUnavailableError("no"))
        monkeypatch.setattr(InstanceLock, "acquire", fail)
    with pytest.raises((LedgerError, FileUnavailableError)):
        delete(paths, Settings(), found)
    assert left(paths) == []
    assert queued(paths) == ["old"]
    assert not list(paths.claude_dir.glob("*.backup-*"))


@pytest.mark.usefixtures("_worker")
@pytest.mark.parametrize("ends", ["delivered", "failed", "lost", "not yet"])
def test_what_is_in_flight_is_waited_for(
    paths: Paths, clock: list[Callable[[], None]], ends: str
) -> None:
    (found,) = chosen(paths, "qq")
    with worker(paths) as context:
        row = context.inbox.known(found.identity)
        assert row is not None
        with context.ledger.transaction() as db:
            db.execute("UPDATE items SET unknown = NULL")  # a ledger that is new asks about all
        context.outbox.claim(row.key, 5.0, HERE)
        steps = 0

        def step() -> None:
            nonlocal steps
            steps += 1
            for order in left(paths):
                orders.answer(order, {found.identity: IN_FLIGHT})
            if steps == 50 and ends == "delivered":
                context.outbox.record_delivery(row.key, HERE, 6.0)
            elif steps == 50 and ends in {"failed", "lost"}:
                context.outbox.release(row.key)
                if ends == "lost":
                    context.outbox.mark_unknown(row.key, HERE, 6.0, timed_out=False)

        clock.append(step)
        answer = submit(paths, Settings(), orders.about(orders.DELETE, [found.identity]))
    expected = {"delivered": DELIVERED, "failed": DONE, "lost": PERHAPS, "not yet": IN_FLIGHT}
    assert answer.of(found.identity) == expected[ends]
