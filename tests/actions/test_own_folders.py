"""The folders that are mem0tray's alone: what would be lost with them."""

from contextlib import closing

import pytest

from mem0tray.actions import own_folders
from mem0tray.actions.verbs import delete
from mem0tray.config.settings import Settings
from mem0tray.core.errors import Mem0TrayError
from mem0tray.localserver import endpoint
from mem0tray.localserver.store import Arrival, Store
from mem0tray.system.paths import Paths, data_root
from mem0tray.worker.dlq.dead_letters import move_fresh_to_dlq
from tests.actions.scene import chosen, worker, write, write_dlq
from tests.support.shapes import entry, queue_document, waiting


def test_what_would_be_lost_is_counted(paths: Paths) -> None:
    assert own_folders.would_be_lost() == []
    write(paths.queue, queue_document([entry("waits"), entry("failed")]))
    with worker(paths) as context:
        key, _ = context.inbox.fresh_entries()
        move_fresh_to_dlq(context, key, 5.0, "500 odd")
    database = data_root() / own_folders.LOCAL / endpoint.DATABASE
    database.parent.mkdir(parents=True)
    with closing(Store(database)) as there:
        there.save(Arrival("p", "a"))
    first, second = own_folders.would_be_lost()
    assert first == "The embedded server holds 1 memory."
    assert second.startswith("2 memories are not delivered yet; `mem0tray run --until-idle`")
    write_dlq(paths, [waiting("back", id="back-1")])
    delete(paths, Settings(), chosen(paths, "back"))
    *_, third = own_folders.would_be_lost()
    assert "`mem0tray restore --list`" in third


def test_a_shared_folder_inside_of_ours_stops_it(paths: Paths) -> None:
    inside = paths.root / "mine"
    inside.mkdir(parents=True)
    with pytest.raises(Mem0TrayError, match="Nothing was removed"):
        own_folders.check([inside])
    own_folders.check([paths.claude_dir])
