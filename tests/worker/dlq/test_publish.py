"""Publishing the DLQ file where the disk does not do as it is told."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from mem0tray.core.errors import FileUnavailableError
from mem0tray.core.events import HandEdit
from mem0tray.files import atomic
from mem0tray.worker.context import WorkerContext
from mem0tray.worker.dlq.hand_edits import HandEdits
from mem0tray.worker.dlq.publish import DlqPublisher
from tests.support import needs
from tests.support.shapes import Item, waiting
from tests.worker.ground import grounded, told_on

KEPT, UNWANTED, LATER = "kept", "unwanted", "later"


class Scene:
    """Two dead letters in a file that was published twice, so that the ledger knows it well."""

    def __init__(self, context: WorkerContext) -> None:
        self.paths = context.paths
        self.happened = told_on(context)
        self.edits = HandEdits(context)
        self.publisher = DlqPublisher(context, self.edits)
        self.save({"items": [waiting(KEPT), waiting(UNWANTED)], "last_update": "at first"})
        self.publish()
        self.publish()
        self.happened.clear()

    def save(self, document: Item) -> None:
        self.paths.dlq.write_text(json.dumps(document, indent=2), encoding="utf-8")

    def saved(self) -> Any:
        return json.loads(self.paths.dlq.read_bytes())

    def look(self) -> None:
        """Look at the file and at the one before it, as each cycle does."""
        self.edits.run()
        self.publisher.merge_late_save()

    def publish(self) -> None:
        """Publish, and look whether anybody has saved into the old file."""
        assert self.publisher.run()
        self.look()

    def add_late(self, item: object) -> None:
        """Add to the file as it is opened just before it is replaced, and saved just after."""
        with self.paths.dlq.open("r+", encoding="utf-8") as slow:
            document = json.load(slow)
            document["items"].append(item)
            assert self.publisher.run()
            slow.seek(0)
            json.dump(document, slow)
            slow.truncate()

    def edits_told(self) -> list[HandEdit]:
        return [event for event in self.happened if isinstance(event, HandEdit)]


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with grounded(tmp_path) as context:
        yield Scene(context)


@pytest.mark.row(4, 30)
def test_a_deletion_after_a_write_that_failed_late_is_not_undone(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When only the folder's fsync fails the file is the new one, and its edits are what counts."""
    with monkeypatch.context() as patched:
        patched.setattr(atomic, "sync_folder", mock.Mock(side_effect=FileUnavailableError("odd")))
        with pytest.raises(FileUnavailableError):
            scene.publisher.run()
    document = scene.saved()
    document["items"] = [item for item in document["items"] if item["content"] != UNWANTED]
    scene.save(document)
    scene.look()
    scene.publish()
    assert [item["content"] for item in scene.saved()["items"]] == [KEPT]
    assert [edit.restored for edit in scene.edits_told()] == [0]


@pytest.mark.row(29)
def test_a_copy_of_the_old_file_is_no_late_save(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no hard links can be had, what our own file showed before is nobody's wish."""
    refused = PermissionError(1, "Operation not permitted")
    monkeypatch.setattr("os.link", mock.Mock(side_effect=refused))
    document = scene.saved()
    document["items"][0]["last_attempt"] = 0
    scene.save(document)
    scene.look()
    scene.publish()
    assert [edit.forced for edit in scene.edits_told()] == [1]


@needs.OPEN_FILES
@pytest.mark.row(29)
def test_a_save_into_the_old_file_is_found(scene: Scene) -> None:
    scene.add_late(waiting(LATER))
    scene.look()
    scene.publish()
    assert [item["content"] for item in scene.saved()["items"]] == [KEPT, UNWANTED, LATER]
