"""Whose change it was: a command's, as its receipt says, or somebody's by hand."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mem0tray.actions import edit_text, retry
from mem0tray.actions.delete import delete
from mem0tray.actions.restore import restore
from mem0tray.actions.restore_sources import last_delete
from mem0tray.config.settings import Settings
from mem0tray.core.events import DeliveredAfterDeletion, Event, Events, HandEdit, UserAction
from mem0tray.files import temporary
from mem0tray.ledger.database import Ledger
from mem0tray.ledger.reader import Reader
from mem0tray.ledger.taken_by_others import PERHAPS
from mem0tray.system.paths import Paths
from mem0tray.worker import carrying_out
from mem0tray.worker.context import WorkerContext
from mem0tray.worker.dlq.hand_edits import HandEdits
from mem0tray.worker.dlq.publish import DlqPublisher
from tests.actions.scene import chosen, read, write
from tests.support.shapes import waiting

TEXTS = ("a", "b", "c", "d")
STORY = [UserAction("delete", dead=1, backup="*"), HandEdit(discarded=1)]


class Scene:
    """Four dead letters that were published, and what is told from then on."""

    def __init__(self, folder: Path) -> None:
        self.paths = Paths(folder / "claude", folder / "data")
        self.paths.claude_dir.mkdir()
        self.told: list[Event] = []
        bus = Events()
        bus.subscribe(self.told.append)
        self.context = WorkerContext(
            self.paths, Settings(), Ledger(self.paths.ledger), bus, "https://x.test"
        )
        letters = [waiting(text, "p", id=f"{text}-1") for text in TEXTS]
        write(self.paths.dlq, {"items": letters, "last_update": "at first"})
        self.start()
        self.look()
        self.look()
        self.told.clear()

    def start(self) -> None:
        """Begin as a worker does, with nothing in mind."""
        self.edits = HandEdits(self.context)
        self.publisher = DlqPublisher(self.context, self.edits)

    def look(self) -> list[Event]:
        """Look as each cycle does, and publish; what was told, with `*` for a backup's name."""
        carrying_out.process(self.context)
        self.edits.run()
        if self.publisher.needed:
            assert self.publisher.run()
        return self.heard()

    def heard(self) -> list[Event]:
        """What was told since the last time."""
        found = [
            UserAction(each.verb, each.dead, each.fresh, "*" if each.backup else "")
            if isinstance(each, UserAction)
            else each
            for each in self.told
        ]
        self.told.clear()
        return found

    def delete(self, *texts: str) -> None:
        """Delete with the command's verb."""
        delete(self.paths, chosen(self.paths, *(f"{text}-1" for text in texts)))

    def restore(self) -> None:
        """Restore the last deletion."""
        restore(self.paths, last_delete(self.paths), "")

    def edit(self, change: Callable[[list[Any]], object]) -> None:
        """Edit by hand, in place."""
        document = read(self.paths.dlq)
        change(document["items"])
        write(self.paths.dlq, document)

    def remove(self, *texts: str) -> None:
        """Remove by hand."""
        self.edit(
            lambda items: items.__setitem__(
                slice(None), [item for item in items if item["content"] not in texts]
            )
        )

    @property
    def receipts(self) -> list[Path]:
        """The receipts that lie there."""
        return sorted(self.paths.receipts.glob("*"))


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    """Set the scene."""
    made = Scene(tmp_path)
    yield made
    made.context.ledger.close()


def test_a_deletion_is_told_once_as_what_it_was(scene: Scene) -> None:
    """Not as an edit, and no receipt is left."""
    scene.delete("a", "b")
    assert scene.look() == [UserAction("delete", dead=2, backup="*")]
    assert scene.look() == []
    assert scene.receipts == []


@pytest.mark.parametrize("edited", [False, True])
def test_a_command_that_came_too_late_is_told_as_that(scene: Scene, *, edited: bool) -> None:
    """What it took for a dead letter had been delivered, and the file did not show that yet."""
    (found,) = chosen(scene.paths, "a-1")
    assert found.item is not None
    row = scene.context.inbox.known(found.item)
    assert row is not None
    scene.context.outbox.record_delivery(row.key, "https://x.test", 5.0)
    if edited:
        reword(scene, "a")
    else:
        scene.delete("a")
    late = DeliveredAfterDeletion("p", "a-1", edited)
    assert scene.look() == [UserAction("edit", dead=1)] * edited + [late]
    assert scene.look() == []


def test_a_retry_is_told_as_that(scene: Scene) -> None:
    """And the user's own wish beside it as an edit."""
    retry.retry_ids(scene.paths, ["a-1"])
    scene.edit(lambda items: items[1].update(last_attempt=0))
    assert scene.look() == [UserAction("retry", dead=1), HandEdit(forced=1)]


def test_a_retry_that_changes_nothing_is_told_as_that(scene: Scene) -> None:
    """While nothing can be sent the memories are due already, and no edit by hand is made up."""
    for _ in range(3):
        retry.retry_all(scene.paths)
        assert scene.look() == [UserAction("retry", dead=4)]
    retry.retry_ids(scene.paths, ["b"])
    assert scene.look() == [UserAction("retry", dead=1)]


def test_a_command_on_one_makes_no_wish_of_another_that_is_due(scene: Scene) -> None:
    """Whatever the command does, and whoever made the other one due."""
    scene.edit(lambda items: items[0].update(last_attempt=0))
    assert scene.look() == [HandEdit(forced=1)]
    retry.retry_ids(scene.paths, ["b"])
    assert scene.look() == [UserAction("retry", dead=1)]
    retry.retry_ids(scene.paths, ["c"])
    scene.delete("d")
    assert scene.look() == [UserAction("delete", dead=1, backup="*"), UserAction("retry", dead=1)]
    reword(scene, "b")
    assert scene.look() == [UserAction("edit", dead=1)]


def test_a_wish_by_hand_before_a_command_is_told(scene: Scene) -> None:
    """Its save was not seen by itself, but in what the command made of it."""
    scene.edit(lambda items: items[0].update(last_attempt=0))
    retry.retry_ids(scene.paths, ["b"])
    assert scene.look() == [UserAction("retry", dead=1), HandEdit(forced=1)]


def test_what_a_retry_made_due_is_no_wish_of_a_later_edit(scene: Scene) -> None:
    """Removing one by hand asks for no retry of the others; saving them as they are does."""
    retry.retry_all(scene.paths)
    scene.look()
    scene.remove("a")
    assert scene.look() == [HandEdit(discarded=1)]
    scene.edit(len)
    assert scene.look() == [HandEdit(forced=3)]


def test_a_retry_of_what_was_reworded_by_hand(scene: Scene) -> None:
    """Both are told, each once."""
    retry.retry_ids(scene.paths, ["a-1"])
    scene.edit(lambda items: items[0].update(mine="x"))
    assert scene.look() == [UserAction("retry", dead=1), HandEdit(edited=1)]


def test_a_restore_is_told_as_that(scene: Scene) -> None:
    """Of what a command deleted as of what was removed by hand."""
    scene.delete("a")
    scene.look()
    scene.restore()
    assert scene.look() == [UserAction("restore", dead=1)]
    scene.remove("b")
    assert scene.look() == [HandEdit(discarded=1)]
    scene.restore()
    assert scene.look() == [UserAction("restore", dead=1)]


def test_a_removal_by_hand_beside_a_deletion_is_told(scene: Scene) -> None:
    """One save shows both: each is told as what it was, and can be restored by itself."""
    scene.delete("a")
    scene.remove("b")
    assert scene.look() == STORY
    assert [len(source.pieces) for source in (last_delete(scene.paths),)] == [1]


def test_what_leaves_the_file_beside_another_worker_is_perhaps_delivered(scene: Scene) -> None:
    """It is told as an edit, and the ledger knows that nobody may have deleted it."""
    scene.context.beside.at_work = True
    scene.remove("a")
    assert scene.look() == [HandEdit(discarded=1)]
    scene.context.beside.at_work = False
    scene.remove("b")
    assert scene.look() == [HandEdit(discarded=1)]
    with Reader(scene.paths.ledger) as reader:
        assert [batch.reason for batch in reader.discarded()] == ["hand edit", PERHAPS]


def test_a_removal_by_hand_before_a_deletion_is_told(scene: Scene) -> None:
    """The command's own file shows both."""
    scene.remove("b")
    scene.delete("a")
    assert scene.look() == STORY


def test_commands_one_after_the_other_are_each_told(scene: Scene) -> None:
    """No worker looked in between."""
    scene.delete("a")
    scene.delete("b")
    retry.retry_ids(scene.paths, ["c"])
    told = scene.look()
    assert [event for event in told if event == UserAction("delete", dead=1, backup="*")] == (
        [told[0]] * 2
    )
    assert told[2:] == [UserAction("retry", dead=1)]


def test_what_came_back_and_was_then_removed_by_hand_is_told(scene: Scene) -> None:
    """The last that a command did to it was no deletion."""
    scene.delete("a")
    scene.restore()
    scene.remove("a")
    assert scene.look() == [HandEdit(discarded=1)]


@pytest.mark.parametrize("lost", ["unlinked", "empty", "junk", "future verb"])
def test_a_receipt_that_is_lost_means_by_hand(scene: Scene, lost: str) -> None:
    """The safe side: it is told, with a way back."""
    scene.delete("a")
    (receipt,) = scene.receipts
    match lost:
        case "unlinked":
            receipt.unlink()
        case "future verb":
            receipt.write_text(json.dumps(json.loads(receipt.read_text()) | {"verb": "x"}))
        case _:
            receipt.write_text("" if lost == "empty" else '[{"id"')
    assert scene.look() == [HandEdit(discarded=1)]
    assert scene.look() == []
    assert scene.receipts == []


def test_a_command_killed_before_its_write_silences_nothing(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The receipt it left is for a file that never came: the same removal by hand is told."""
    _killed_before_write(scene, monkeypatch, "a")
    assert [path.name[:6] for path in scene.receipts] == ["doing-"]
    scene.remove("a")
    assert scene.look() == [HandEdit(discarded=1)]
    assert scene.receipts == []


def test_nor_does_it_when_another_command_follows(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a killed command left is cleared up by the next."""
    _killed_before_write(scene, monkeypatch, "a")
    scene.delete("b")
    scene.remove("a")
    assert scene.look() == STORY


def test_a_command_killed_after_its_write_is_told_as_it_was(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file that its receipt names stands there, also when the next command comes first."""
    monkeypatch.setattr(Path, "rename", _killed)
    with pytest.raises(KeyboardInterrupt):
        scene.delete("a")
    monkeypatch.undo()
    assert scene.look() == [UserAction("delete", dead=1, backup="*")]
    monkeypatch.setattr(Path, "rename", _killed)
    with pytest.raises(KeyboardInterrupt):
        scene.delete("b")
    monkeypatch.undo()
    scene.delete("c")
    assert scene.look() == [UserAction("delete", dead=1, backup="*")] * 2


def test_a_stale_receipt_silences_nothing_later(scene: Scene) -> None:
    """One that outlived the reading of its file explains nothing that comes after."""
    scene.delete("a")
    (receipt,) = scene.receipts
    data, name = receipt.read_bytes(), receipt.name
    scene.look()
    scene.restore()
    scene.look()
    (scene.paths.receipts / name).write_bytes(data)  # as if its removal had failed
    scene.look()
    scene.remove("a")
    assert scene.look() == [HandEdit(discarded=1)]


def test_a_worker_killed_after_the_merge_tells_nothing_wrong(scene: Scene) -> None:
    """The next start finds the receipt of what is merged already, and drops it."""
    scene.delete("a")
    kept = [(path, path.read_bytes()) for path in scene.receipts]
    scene.look()
    for path, data in kept:
        path.write_bytes(data)
    scene.start()
    scene.look()
    assert scene.receipts == []
    scene.remove("b")
    assert scene.look() == [HandEdit(discarded=1)]


def reword(scene: Scene, text: str) -> None:
    """Change a text with the command."""
    (found,) = chosen(scene.paths, f"{text}-1")
    edit_text.edit_text(scene.paths, found, "other words", keep_days=1)


def _killed_before_write(scene: Scene, patch: pytest.MonkeyPatch, text: str) -> None:
    """Delete, and be killed when the receipt is there and the file is not."""
    patch.setattr(Path, "replace", _only_others(scene.paths.dlq, Path.replace))
    patch.setattr(Path, "unlink", _only_others(scene.paths.dlq, Path.unlink))
    with pytest.raises(KeyboardInterrupt):
        scene.delete(text)
    patch.undo()
    assert text in [item["content"] for item in read(scene.paths.dlq)["items"]]


def _only_others(dlq: Path, real: Callable[..., Any]) -> Callable[..., Any]:
    """Die at the DLQ file's new version, and leave it where it is."""

    def work(path: Path, *rest: Any, **named: Any) -> Any:
        if path.name.startswith(temporary.prefix(dlq)):
            raise KeyboardInterrupt
        return real(path, *rest, **named)

    return work


def _killed(*_: object) -> None:
    raise KeyboardInterrupt
