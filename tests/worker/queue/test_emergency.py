"""The emergency file is taken in line by line, renamed when it is quiet, removed after a day."""

import json
import os
import time
from pathlib import Path

import pytest

from mem0tray.core import events
from mem0tray.core.item import Item
from mem0tray.files.emergency import REMOVE_AFTER, RENAME_AFTER
from mem0tray.ledger.names import EMERGENCY_FILE
from mem0tray.worker.queue.emergency import EmergencyIntake
from tests.worker.queue.scene import NOW, QueueScene, fresh

A, B, C = fresh("a"), fresh("b"), fresh("c")


@pytest.fixture
def emergencies(scene: QueueScene) -> EmergencyIntake:
    return EmergencyIntake(scene.context)


def append(scene: QueueScene, *entries: Item, age: float = 0.0, end: bytes = b"\n") -> Path:
    path = scene.context.paths.emergency
    with path.open("ab") as file:
        file.write(b"".join(each.raw + end for each in entries))
    os.utime(path, (scene.now - age,) * 2)
    return path


def names(scene: QueueScene) -> list[str]:
    folder = scene.context.paths.claude_dir
    return sorted(path.name for path in folder.iterdir() if "emergency" in path.name)


def test_new_lines_are_taken_in_once(scene: QueueScene, emergencies: EmergencyIntake) -> None:
    append(scene, A, B)
    assert emergencies.unread() == len(A.raw) + len(B.raw) + 2
    assert emergencies.run() == 2
    assert scene.told == [events.Accepted(2)]
    assert emergencies.unread() == 0
    assert emergencies.run() == 0
    append(scene, C)
    again = EmergencyIntake(scene.context)  # at the next start the place is known
    assert again.unread() == len(C.raw) + 1
    assert again.run() == 1
    assert [scene.column("shown", each) for each in (A, B, C)] == [0, 0, 0]
    assert scene.column("unknown", A) is None


def test_what_may_have_been_sent_is_asked_about_once(scene: QueueScene) -> None:
    with scene.context.ledger.transaction():
        scene.context.ledger.set_meta(f"doubt of the {EMERGENCY_FILE}", 1)
    emergencies = EmergencyIntake(scene.context)
    append(scene, A)
    emergencies.run()
    append(scene, B)
    emergencies.run()
    assert (scene.column("unknown", A), scene.column("unknown", B)) == (NOW, None)


@pytest.mark.parametrize("age", [RENAME_AFTER, -RENAME_AFTER])
def test_a_quiet_file_is_renamed_and_read_on(
    scene: QueueScene, emergencies: EmergencyIntake, age: float
) -> None:
    path = append(scene, A)
    emergencies.run()
    os.utime(path, (NOW - age,) * 2)
    assert emergencies.run() == 0
    inode = (scene.context.paths.claude_dir / names(scene)[0]).stat().st_ino
    renamed = scene.context.paths.claude_dir / f".mem0_emergency.{inode}.read.json"
    assert names(scene) == [renamed.name]
    with renamed.open("ab") as late:
        late.write(B.raw + b"\n")
    append(scene, C)
    assert emergencies.run() == 2
    assert names(scene) == [renamed.name, "mem0_emergency.json"]


def test_a_renamed_file_is_removed_after_a_day(
    scene: QueueScene, emergencies: EmergencyIntake, monkeypatch: pytest.MonkeyPatch
) -> None:
    append(scene, A, age=RENAME_AFTER)
    emergencies.run()
    emergencies.run()
    (renamed,) = names(scene)
    scene.now += REMOVE_AFTER + 1
    emergencies.run()
    assert names(scene) == [renamed]
    before = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: before + REMOVE_AFTER + 60)
    emergencies.run()
    assert names(scene) == []
    assert json.loads(scene.context.ledger.meta("emergency_sources")) == []


def test_a_file_that_was_emptied_is_read_anew(
    scene: QueueScene, emergencies: EmergencyIntake
) -> None:
    path = append(scene, A, B)
    emergencies.run()
    path.write_bytes(b"")
    append(scene, C)
    assert emergencies.run() == 1
    assert scene.column("vanished", A) == NOW
    assert scene.column("taken", A) is None


def replace_by_a_copy(scene: QueueScene, data: bytes) -> None:
    """Let a backup or another computer put this into the file's place."""
    path = scene.context.paths.emergency
    copy = path.with_name("copy")
    copy.write_bytes(data)
    copy.replace(path)


@pytest.mark.parametrize("became", ["deleted", "forgotten", "delivered elsewhere", "edited"])
def test_a_file_that_a_copy_replaces_brings_nothing_back(
    scene: QueueScene, emergencies: EmergencyIntake, became: str
) -> None:
    data = append(scene, A).read_bytes()
    emergencies.run()
    key, inbox = scene.known(A).key, scene.context.inbox
    scene.now += 10
    if became == "delivered elsewhere":
        with scene.context.ledger.transaction() as db:
            db.execute("UPDATE items SET state = 'delivered', closed = ?", (scene.now,))
    elif became == "edited":
        inbox.move_to_dlq(key, A.raw, scene.now, scene.now)
        inbox.change_content(scene.known(A), fresh("a", content="another"), scene.now)
    else:
        inbox.discard([key], scene.now, "deleted")
        if became == "forgotten":
            inbox.erase([key])
    before = rows(scene)
    scene.now += 10
    replace_by_a_copy(scene, data + B.raw + b"\n")
    assert emergencies.run() == 1
    assert rows(scene) == [*before, (B.id, "pending")]


def test_a_line_that_we_wrote_after_a_deletion_takes_it_back_once(
    scene: QueueScene, emergencies: EmergencyIntake
) -> None:
    append(scene, A)
    emergencies.run()
    scene.context.inbox.discard([scene.known(A).key], scene.now, "deleted")
    append(scene, fresh("a", queued_at=scene.now))  # before the deletion, or with it
    assert emergencies.run() == 0
    append(scene, fresh("a", queued_at=scene.now + 1))
    data = scene.context.paths.emergency.read_bytes()
    scene.now += 2
    assert emergencies.run() == 1
    scene.context.inbox.discard([scene.known(A).key], scene.now, "deleted")
    replace_by_a_copy(scene, data)
    assert emergencies.run() == 0
    assert rows(scene) == [(A.id, "discarded")]


def rows(scene: QueueScene) -> list[tuple[str, str]]:
    with scene.context.ledger.locked() as db:
        found = db.execute("SELECT id, state FROM items ORDER BY key").fetchall()
    return [(item_id.decode(), state) for item_id, state in found]


def test_renamed_files_of_a_lost_ledger_are_read_again(scene: QueueScene) -> None:
    path = append(scene, A)
    path.rename(path.with_name(f".mem0_emergency.{path.stat().st_ino}.read.json"))
    append(scene, B)
    emergencies = EmergencyIntake(scene.context)
    assert emergencies.run() == 2
    assert emergencies.run() == 0
