"""The folders that are mem0tray's alone: what would be lost with them."""

import pytest

from mem0tray.actions import own_folders
from mem0tray.actions.delete import delete
from mem0tray.actions.edit_text import edit_text
from mem0tray.actions.own_folders import Holdings
from mem0tray.actions.restore import restore
from mem0tray.actions.restore_sources import last_delete
from mem0tray.config.settings import LOCAL_URL, ServerSettings, Settings
from mem0tray.core.errors import Mem0TrayError
from mem0tray.files import atomic
from mem0tray.localserver import endpoint
from mem0tray.localserver.store import Arrival, Store
from mem0tray.system import data_folders
from mem0tray.system.paths import Paths, data_root
from mem0tray.worker.dlq.moving_to_dlq import move_fresh_to_dlq
from tests.actions.scene import chosen, read, take_in, worker, write, write_dlq
from tests.support.shapes import entry, queue_document, waiting


@pytest.mark.parametrize(
    ("held", "words"),
    [
        (Holdings(embedded_only=1), ["1 memory that no other server"]),
        (Holdings(undelivered=2), ["2 memories are not delivered", "the shared files, which stay"]),
        (Holdings(undelivered=2, only_here=1), ["1 of these stand nowhere else"]),
        (Holdings(discarded=3), ["3 deleted memories", "the backups, which stay"]),
        (Holdings(discarded=3, discarded_only_here=2), ["2 of these stand nowhere else"]),
        (Holdings(quarantined=1), ["1 file of what could not be read"]),
    ],
)
def test_what_would_be_lost_is_said(held: Holdings, words: list[str]) -> None:
    """A sentence for each kind, and where else it stands."""
    (sentence,) = held.told()
    assert all(each in sentence for each in words)
    assert Holdings().told() == []


@pytest.mark.parametrize("shown", [True, False])
def test_what_stands_in_no_shared_file_is_counted_apart(paths: Paths, *, shown: bool) -> None:
    """A queue file that was begun afresh holds none of what the ledger knows."""
    write(paths.queue, queue_document([entry("a")]))
    with worker(paths):
        pass

    atomic.replace(paths.served, data_folders.as_json(paths.claude_dir, paths.claude_dir, 1.0))
    if not shown:
        write(paths.queue, queue_document([]))
    found = own_folders.holdings()
    assert (found.undelivered, found.only_here) == (1, 0 if shown else 1)


def test_a_dead_letter_that_no_file_shows_yet_stands_here_alone(paths: Paths) -> None:
    """It was not taken out of the DLQ file by anybody."""
    write(paths.queue, queue_document([entry("failed")]))
    with worker(paths) as context:
        (key,) = context.inbox.fresh_entries()
        move_fresh_to_dlq(context, key, 5.0, "500 odd")
    write(paths.queue, queue_document([]))
    atomic.replace(paths.served, data_folders.as_json(paths.claude_dir, paths.claude_dir, 1.0))
    found = own_folders.holdings()
    assert (found.undelivered, found.only_here, found.discarded) == (1, 1, 0)


def test_what_was_restored_or_delivered_since_is_no_deleted_memory(paths: Paths) -> None:
    """Though backups show it still; nor is a text that an edit has replaced."""
    names = ("stays", "back", "sent")
    write_dlq(paths, [waiting(name, id=f"{name}-1") for name in (*names, "edited")])
    with worker(paths) as context:
        delete(paths, Settings(), chosen(paths, *names))
        take_in(context)
        edit_text(paths, Settings(), chosen(paths, "edited")[0], "new")
        take_in(context)
    atomic.replace(paths.served, data_folders.as_json(paths.claude_dir, paths.claude_dir, 1.0))
    assert own_folders.holdings().discarded == 3
    write_dlq(paths, [*read(paths.dlq)["items"], waiting("back", id="back-1")])
    assert own_folders.holdings().discarded == 2
    with worker(paths) as context:
        (row,) = context.inbox.by_ids(["sent-1"])["sent-1"]
        context.outbox.record_delivery(row.key, "https://server.test", 6.0)
    found = own_folders.holdings()
    assert (found.discarded, found.discarded_only_here, found.undelivered) == (1, 0, 2)
    restore(paths, Settings(server=ServerSettings(url="https://server.test")), last_delete(paths))
    assert own_folders.holdings().discarded == 0


def test_what_another_server_has_too_is_not_only_on_the_embedded_one(paths: Paths) -> None:
    """What others saved there directly is, and what mem0tray has delivered there alone."""
    names = ("both", "here", "others")
    write(paths.queue, queue_document([entry(each, id=f"{each}-1") for each in names[:2]]))
    with worker(paths) as context:
        both, here = context.inbox.fresh_entries()
        for key in (both, here):
            context.outbox.record_delivery(key, LOCAL_URL, 5.0)
        context.outbox.record_delivery(both, "https://server.test", 6.0)
    database = data_root() / own_folders.LOCAL / endpoint.DATABASE
    database.parent.mkdir(parents=True)
    there = Store(database)
    project = entry("both")["project_id"]
    there.save(*(Arrival(project, each) for each in names))
    there.close()
    assert own_folders.holdings().embedded_only == 2


def test_a_shared_folder_inside_of_ours_stops_it(paths: Paths) -> None:
    """Its files belong to other programs too."""
    inside = paths.root / "mine"
    inside.mkdir(parents=True)
    with pytest.raises(Mem0TrayError, match="Nothing was removed"):
        own_folders.check([inside])
    own_folders.check([paths.claude_dir])
