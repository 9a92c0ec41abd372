"""What is a dead letter: the same answer, whoever counts or lists it."""

import time
from collections.abc import Iterable

import pytest

from mem0tray.actions import overview, snapshot_reader
from mem0tray.actions.dead_letters import look
from mem0tray.actions.find import listing
from mem0tray.actions.read_files import DLQ_LIST
from mem0tray.actions.retry import retry_ids
from mem0tray.actions.snapshot import Part
from mem0tray.config.settings import ServerSettings, Settings
from mem0tray.core import item as items
from mem0tray.ledger.reader import Reader
from mem0tray.report import gathering
from mem0tray.system.paths import Paths
from mem0tray.worker.context import WorkerContext
from mem0tray.worker.dlq.moving_to_dlq import move_fresh_to_dlq
from tests.actions.scene import read, take_in, worker, write, write_dlq
from tests.support.shapes import Item, dead, entry, queue_document

SERVER = "https://server.test"
FORMER = "https://former.test"


def _letters(*names: str) -> list[Item]:
    return [dead(name, id=f"{name}-1111") for name in names]


def _texts(paths: Paths, server: str = SERVER) -> list[str]:
    """The texts of the dead letters, as overview and page count them too."""
    with Reader(paths.ledger) as reader:
        found = listing(look(paths, reader, server), DLQ_LIST)
    settings = Settings(server=ServerSettings(url=server))
    seen = snapshot_reader.read(settings, time.time(), Part.PAST)
    assert overview.of(seen).dlq == len(found.found)
    assert gathering.of(seen).dead == found
    return [each.item.content for each in found.found if each.item is not None]


def _deliver(context: WorkerContext, name: str, server: str = SERVER) -> None:
    """Record the delivery, and leave the file as it stands."""
    (row,) = context.inbox.by_ids([f"{name}-1111"])[f"{name}-1111"]
    context.outbox.record_delivery(row.key, server, time.time())


def _published(paths: Paths, letters: Iterable[object]) -> None:
    """Have a worker take these in and publish them."""
    write_dlq(paths, letters)
    with worker(paths):
        pass


@pytest.mark.parametrize("server", [SERVER, FORMER])
def test_what_was_delivered_is_none_though_the_file_shows_it(paths: Paths, server: str) -> None:
    """As where the folder has become read-only; the worker sends it nowhere else by itself."""
    _published(paths, _letters("sent", "left"))
    with worker(paths) as context:
        _deliver(context, "sent", server)
    assert [each["content"] for each in read(paths.dlq)["items"]] == ["sent", "left"]
    assert _texts(paths) == ["left"]


def test_what_has_failed_since_the_file_could_be_written_is_one(paths: Paths) -> None:
    """Else it would be counted nowhere: the queue's are those that are fresh in the ledger."""
    write(paths.queue, queue_document([entry("failed")]))
    with worker(paths) as context:
        (key,) = context.inbox.fresh_entries()
        move_fresh_to_dlq(context, key, time.time(), "500 odd")
    assert read(paths.dlq)["items"] == []
    assert _texts(paths) == ["failed"]


def test_what_makes_no_sense_stays_among_them(paths: Paths) -> None:
    """After what does, as the worker writes it."""
    _published(paths, [{"id": "odd"}, *_letters("left")])
    assert _texts(paths) == ["left"]
    with Reader(paths.ledger) as reader:
        found = listing(look(paths, reader, SERVER), DLQ_LIST)
    assert [each.id for each in found.found] == ["left-1111", "odd"]


def test_what_a_command_saved_with_others_is_none_after_its_delivery(paths: Paths) -> None:
    """The worker was stopped before it could rewrite the file, and has not seen it since."""
    _published(paths, _letters("sent", "left"))
    with worker(paths) as context:
        _deliver(context, "sent")
    retry_ids(paths, Settings(), ["left"])
    assert _texts(paths) == ["left"]


@pytest.mark.parametrize(
    ("delivered_to", "expected"), [(SERVER, ["left", "new"]), (FORMER, ["left", "new", "back"])]
)
def test_what_the_server_has_is_none_where_the_user_put_it_back(
    paths: Paths, delivered_to: str, expected: list[str]
) -> None:
    """The worker takes it out again, unless another server has it; it takes in what is new."""
    _published(paths, _letters("back", "left"))
    with worker(paths) as context:
        _deliver(context, "back", delivered_to)
        take_in(context)
    assert [each["content"] for each in read(paths.dlq)["items"]] == ["left"]
    write_dlq(paths, _letters("left", "new", "back"))
    assert _texts(paths) == expected
    with worker(paths) as context:
        assert sorted(raw["content"] for raw in map(items.load_object, _dead(context)) if raw) == (
            sorted(expected)
        )


def _dead(context: WorkerContext) -> list[bytes]:
    return context.generations.dead_raws()


def test_a_deletion_that_the_worker_has_not_seen_is_one(paths: Paths) -> None:
    """What the user has taken out is no dead letter, what they put back is one again."""
    _published(paths, _letters("a", "b"))
    whole = paths.dlq.read_text()
    write_dlq(paths, _letters("b"))
    assert _texts(paths) == ["b"]
    with worker(paths):
        pass
    paths.dlq.write_text(whole)
    assert _texts(paths) == ["a", "b"]
