"""A dead letter that no file shows yet: what lists it names it, and what acts finds it."""

import pytest

from mem0tray.actions import retry
from mem0tray.actions.dead_letters import look
from mem0tray.actions.delete import delete
from mem0tray.actions.find import everything, listing
from mem0tray.actions.read_files import DLQ_LIST
from mem0tray.config.settings import Settings
from mem0tray.core.errors import NotFoundError
from mem0tray.ledger.reader import Reader
from mem0tray.system.paths import Paths
from mem0tray.worker.dlq.moving_to_dlq import move_fresh_to_dlq
from tests.actions.scene import chosen, contents, read, worker, write, write_dlq
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


def test_it_is_retried(unshown: Paths) -> None:
    """And it alone; the file shows it then."""
    assert [item.id for item in retry.retry_ids(unshown, Settings(), ["ff"])] == ["ff-1"]
    by_id = {each["id"]: each["last_attempt"] for each in read(unshown.dlq)["items"]}
    assert by_id["ff-1"] == 0 < by_id["aa-1"]


def test_it_is_among_all_and_those_of_its_project(unshown: Paths) -> None:
    """Each is named once."""
    for found in (
        retry.retry_project(unshown, Settings(), "alpha"),
        retry.retry_all(unshown, Settings()),
    ):
        assert [item.id for item in found] == ["aa-1", "ff-1"]
    assert retry.retry_project(unshown, Settings(), "beta") == []


def test_it_is_deleted_and_kept(unshown: Paths) -> None:
    """A backup holds it, and it is gone for all at once."""
    done = delete(unshown, Settings(), chosen(unshown, "ff"))
    assert [each.id for each in done.items] == ["ff-1"]
    assert texts(read(done.backup)["items"]) == ["failed"]
    assert [each.id for each in everything(unshown)] == listed(unshown) == ["aa-1"]
    assert [item.id for item in retry.retry_all(unshown, Settings())] == ["aa-1"]
    with pytest.raises(NotFoundError):
        retry.retry_ids(unshown, Settings(), ["ff"])
    assert contents(unshown) == ["shown"]


def test_it_is_deleted_with_one_that_the_file_shows(unshown: Paths) -> None:
    """Both go into one backup."""
    done = delete(unshown, Settings(), chosen(unshown, "aa", "ff"))
    assert [each.id for each in done.items] == ["aa-1", "ff-1"]
    assert texts(read(done.backup)["items"]) == ["shown", "failed"]
    assert contents(unshown) == listed(unshown) == []
