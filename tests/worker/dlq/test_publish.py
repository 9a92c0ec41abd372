"""Publishing the DLQ file where the disk does not do as it is told."""

import json
from unittest import mock

import pytest

from mem0tray.core.errors import FileUnavailableError
from mem0tray.core.events import HandEdit
from mem0tray.files import atomic
from tests.support import needs
from tests.worker.dlq.editing import A, B, C, Editing, shown


def publish(editing: Editing) -> None:
    """Publish, and look whether anybody has saved into the old file."""
    assert editing.publisher.run()
    editing.edits.run()
    editing.publisher.merge_late_save()


@pytest.mark.row(4, 30)
def test_a_deletion_after_a_write_that_failed_late_is_not_undone(
    editing: Editing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When only the folder's fsync fails the file is the new one, and its edits are what counts."""
    publish(editing)
    with monkeypatch.context() as patched:
        patched.setattr(atomic, "sync_folder", mock.Mock(side_effect=FileUnavailableError("odd")))
        with pytest.raises(FileUnavailableError):
            editing.publisher.run()
    editing.save(shown(A))
    editing.publisher.merge_late_save()
    publish(editing)
    assert editing.dead() == {"a"}
    assert editing.told == [HandEdit(discarded=1)]


@pytest.mark.row(29)
def test_a_copy_of_the_old_file_is_no_late_save(
    editing: Editing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no hard links can be had, what our own file showed before is nobody's wish."""
    publish(editing)
    refused = PermissionError(1, "Operation not permitted")
    monkeypatch.setattr("os.link", mock.Mock(side_effect=refused))
    editing.save(shown(A, last_attempt=0), shown(B))
    publish(editing)
    assert editing.told == [HandEdit(forced=1)]


@needs.OPEN_FILES
@pytest.mark.row(29)
def test_a_save_into_the_old_file_is_found(editing: Editing) -> None:
    publish(editing)
    data = json.dumps({"items": [shown(A), shown(B), shown(C)], "last_update": editing.stamp})
    with editing.context.paths.dlq.open("r+") as slow:
        assert editing.publisher.run()
        slow.write(data)
        slow.truncate()
    editing.publisher.merge_late_save()
    publish(editing)
    assert editing.dead() == {"a", "b", "c"}
