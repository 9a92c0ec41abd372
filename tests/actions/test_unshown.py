"""A dead letter that no file shows yet: what lists it names it, and what acts finds it."""

import pytest

from mem0tray.actions import retry
from mem0tray.actions.dead_letters import look
from mem0tray.actions.delete import delete
from mem0tray.actions.find import everything, listing
from mem0tray.actions.read_files import DLQ_LIST
from mem0tray.core.errors import NotFoundError
from mem0tray.core.events import Event, UserAction
from mem0tray.files import receipts
from mem0tray.ledger.reader import Reader
from mem0tray.system.paths import Paths
from mem0tray.worker import carrying_out
from mem0tray.worker.dlq.moving_to_dlq import move_fresh_to_dlq
from tests.actions.scene import chosen, contents, read, take_in, worker, write, write_dlq
from tests.support.shapes import entry, queue_document, texts, waiting

_SERVER = "https://server.test"


@pytest.fixture
def unshown(paths: Paths) -> Paths:
    """Have a dead letter in the file, and one that has failed since."""
    write_dlq(paths, [waiting("shown", id="aa-1")])
    write(paths.queue, queue_document([entry("failed", id="ff-1")]))
    with worker(paths) as context:
        (key,) = context.inbox.fresh_entries()
        move_fresh_to_dlq(context, key, context.now(), "500 odd")
    write(paths.queue, queue_document([]))
    return paths


def listed(paths: Paths) -> list[str]:
    """The ids that `list` shows."""
    with Reader(paths.ledger) as reader:
        return [each.id for each in listing(look(paths, reader, _SERVER), DLQ_LIST).found]


def told_by_a_worker(paths: Paths) -> list[Event]:
    """What a worker that starts now tells."""
    told: list[Event] = []
    with worker(paths) as context:
        context.events.subscribe(told.append)
        carrying_out.process(context)
        take_in(context)
    return [each for each in told if isinstance(each, UserAction)]


def test_it_is_found_once(unshown: Paths) -> None:
    """Also where somebody has put it into the file meanwhile."""
    assert [each.id for each in everything(unshown)] == listed(unshown) == ["aa-1", "ff-1"]
    raws = [each.item for each in chosen(unshown, "ff")]
    assert [each.content for each in raws if each is not None] == ["failed"]
    write_dlq(unshown, [waiting("shown", id="aa-1"), waiting("failed", id="ff-1")])
    assert [each.id for each in everything(unshown)] == listed(unshown) == ["aa-1", "ff-1"]


def test_a_save_that_nobody_has_merged_does_not_hide_it(unshown: Paths) -> None:
    """What the user took out is gone, and what they never saw is there."""
    write_dlq(unshown, [])
    assert [each.id for each in everything(unshown)] == listed(unshown) == ["ff-1"]


def test_it_is_retried_by_the_worker(unshown: Paths) -> None:
    """It is asked: the file stays as it is, but for what it shows; nothing of its count is lost."""
    assert [item.id for item in retry.retry_ids(unshown, ["ff"])] == ["ff-1"]
    assert contents(unshown) == ["shown"]
    assert told_by_a_worker(unshown) == [UserAction(receipts.RETRY, 1)]
    by_id = {each["id"]: each["last_attempt"] for each in read(unshown.dlq)["items"]}
    assert by_id["ff-1"] == 0 < by_id["aa-1"]


def test_it_is_among_all_and_those_of_its_project(unshown: Paths) -> None:
    """Each is named once."""
    for found in (retry.retry_project(unshown, "alpha"), retry.retry_all(unshown)):
        assert [item.id for item in found] == ["aa-1", "ff-1"]
    assert retry.retry_project(unshown, "beta") == []


def test_it_is_deleted_and_kept(unshown: Paths) -> None:
    """A backup holds it, the worker tells of the deletion once, and it is gone for all at once."""
    done = delete(unshown, chosen(unshown, "ff"))
    assert [each.id for each in done.items] == ["ff-1"]
    assert texts(read(done.backup)["items"]) == ["failed"]
    assert [each.id for each in everything(unshown)] == listed(unshown) == ["aa-1"]
    assert [item.id for item in retry.retry_all(unshown)] == ["aa-1"]
    with pytest.raises(NotFoundError):
        retry.retry_ids(unshown, ["ff"])
    assert told_by_a_worker(unshown) == [UserAction(receipts.DELETE, 1, backup=done.backup.name)]
    assert contents(unshown) == ["shown"]


def test_it_is_deleted_with_one_that_the_file_shows(unshown: Paths) -> None:
    """Both go into one backup."""
    done = delete(unshown, chosen(unshown, "aa", "ff"))
    assert [each.id for each in done.items] == ["aa-1", "ff-1"]
    assert texts(read(done.backup)["items"]) == ["shown", "failed"]
    told_by_a_worker(unshown)
    assert contents(unshown) == listed(unshown) == []
