"""Commands and the worker: what a command waits for before it ends."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mem0tray.actions import ledger_writer
from mem0tray.actions.delete import Deleted, delete
from mem0tray.actions.edit_text import Changed, edit_text
from mem0tray.actions.find import FoundItem
from mem0tray.files.lock import InstanceLock
from mem0tray.system.paths import Paths
from mem0tray.worker.context import WorkerContext
from tests.actions.scene import chosen, read, worker, write, write_dlq
from tests.support.shapes import entry, queue_document, waiting

Command = Callable[[Paths], Deleted | Changed]
HERE = "https://server.test"
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


def key_of(context: WorkerContext, found: FoundItem) -> int:
    """Find the key by which the ledger has it."""
    assert found.item is not None
    row = context.inbox.known(found.item)
    assert row is not None
    return row.key


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
    """After two seconds the order waits for it, and the command says so."""
    now = 0.0

    def pass_by(seconds: float) -> None:
        nonlocal now
        now += seconds

    monkeypatch.setattr(time, "sleep", pass_by)
    monkeypatch.setattr(time, "monotonic", lambda: now)
    done = command(paths)
    assert not done.heard
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


@pytest.mark.usefixtures("_worker")
@pytest.mark.parametrize("ends", ["delivered", "failed", "lost", "not yet"])
def test_what_is_in_flight_is_waited_for(
    paths: Paths, monkeypatch: pytest.MonkeyPatch, ends: str
) -> None:
    """Two seconds, within which its outcome is known or is not."""
    now = 0.0
    (found,) = chosen(paths, "qq")
    with worker(paths) as context:
        key = key_of(context, found)
        with context.ledger.transaction() as db:
            db.execute("UPDATE items SET unknown = NULL")  # a ledger that is new asks about all
        context.outbox.claim(key, 5.0, HERE)

        def pass_by(seconds: float) -> None:
            nonlocal now
            now += seconds
            if now > 1 and ends == "delivered":
                context.outbox.record_delivery(key, HERE, 6.0)
            elif now > 1 and ends in {"failed", "lost"}:
                context.outbox.release(key)
                if ends == "lost":
                    context.outbox.mark_unknown(key, "https://s.test", 6.0, timed_out=False)

        monkeypatch.setattr(time, "sleep", pass_by)
        monkeypatch.setattr(time, "monotonic", lambda: now)
        heard = ledger_writer.let_hear(paths, [None], [found.identity, ("none", b"")])
    name = frozenset([found.identity])
    assert heard.answers
    assert heard.delivered == (name if ends == "delivered" else frozenset())
    assert heard.in_flight == (name if ends == "not yet" else frozenset())
    assert heard.perhaps == (name if ends == "lost" else frozenset())
    assert now == pytest.approx(2.01 if ends == "not yet" else 1.01, abs=0.03)


@pytest.mark.usefixtures("_worker")
@pytest.mark.parametrize("dead", [False, True])
def test_what_is_delivered_is_not_deleted(
    paths: Paths, monkeypatch: pytest.MonkeyPatch, *, dead: bool
) -> None:
    """Nothing is offered to be restored: of what is delivered no backup is left."""
    if dead:
        write(paths.queue, queue_document([]))
        write_dlq(paths, [waiting("old", id="qq-1")])
    chosen_ones = chosen(paths, "qq")
    with worker(paths) as context:
        (found,) = chosen_ones
        key = key_of(context, found)
        context.outbox.record_delivery(key, HERE, 6.0)
        monkeypatch.setattr(time, "sleep", lambda _: left(paths).pop().unlink())
        done = delete(paths, chosen_ones)
    assert (done.delivered, done.items, done.gone) == (chosen_ones, [], [])
    assert not done.backup.exists()


@pytest.mark.usefixtures("_worker")
@pytest.mark.parametrize("command", ["delete", "edit"])
def test_a_dead_letter_s_command_ends_when_the_file_is_merged(
    paths: Paths, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """Until then the worker might send what was taken out of the file, or its old text."""
    write_dlq(paths, [waiting("dead", id="dd-1")])
    asked: list[str] = []

    def merge(_: float) -> None:
        for order in left(paths):
            asked.append(read(order)["verb"])
            order.unlink()

    monkeypatch.setattr(time, "sleep", merge)
    if command == "delete":
        assert delete(paths, chosen(paths, "dd")).heard
    else:
        assert edit_text(paths, chosen(paths, "dd")[0], "new", keep_days=90).heard
    assert asked == ["merge"]


def test_what_left_the_files_by_itself_was_delivered_where_the_ledger_says_so(
    paths: Paths,
) -> None:
    """Else nobody knows."""
    write(paths.queue, queue_document([entry("old", id="qq-1"), entry("odd", id="rr-1")]))
    both = chosen(paths, "qq", "rr")
    with worker(paths) as context:
        key = key_of(context, both[0])
        context.outbox.record_delivery(key, HERE, 6.0)
    write(paths.queue, queue_document([]))
    done = delete(paths, both)
    assert (done.delivered, done.gone) == (both[:1], both[1:])


@COMMANDS
@pytest.mark.parametrize("earlier", [False, True])
def test_what_was_being_sent_as_a_worker_ended_is_perhaps_there(
    paths: Paths, command: Command, *, earlier: bool
) -> None:
    """It is changed or deleted here, and nobody knows what the server made of it.

    Nor where a worker has come and gone since, which had not asked the server yet.
    """
    (found,) = chosen(paths, "qq")
    with worker(paths) as context:
        key = key_of(context, found)
        context.outbox.claim(key, 5.0, HERE)
        if earlier:
            context.outbox.mark_unknown(key, HERE, 6.0, timed_out=False)
            context.outbox.release(key)
    done = command(paths)
    assert done.perhaps
    assert not done.in_flight


def test_a_worker_that_has_heard_and_ended_since_is_believed(paths: Paths) -> None:
    """Its order is gone, and the ledger says that it had delivered the memory."""
    (found,) = chosen(paths, "qq")
    with worker(paths) as context:
        key = key_of(context, found)
        context.outbox.record_delivery(key, HERE, 6.0)
    heard = ledger_writer.let_hear(paths, [paths.orders / "1-7.json"], [found.identity])
    assert heard.delivered == {found.identity}


@COMMANDS
def test_what_the_server_lacks_for_certain_is_not_perhaps_there(
    paths: Paths, command: Command
) -> None:
    """It said that it lacks the memory, then failed it: no doubt is left, unless a later one."""
    (found,) = chosen(paths, "qq")
    with worker(paths) as context:
        key = key_of(context, found)
        context.outbox.mark_unknown(key, HERE, 5.0, timed_out=False)
        job = context.outbox.claim(key, 6.0, HERE)
        assert job is not None
        context.outbox.mark_absent(job, HERE)
        context.outbox.release(key)
    assert not command(paths).perhaps
