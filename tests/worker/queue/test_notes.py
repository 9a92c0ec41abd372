"""Claude Code's notes are taken in once each, as they are when they have been left alone."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import pytest

from mem0tray.core import events
from mem0tray.core import item as items
from mem0tray.core.errors import LedgerError
from mem0tray.ledger.names import NOTES, QUEUED
from mem0tray.worker.queue import note_folders, notes
from mem0tray.worker.queue.note_folders import FoundNote
from mem0tray.worker.queue.notes import quiet_at, without_front_matter
from tests.support import needs
from tests.worker.queue.scene import GARDEN, NoteDesk


def left_out(desk: NoteDesk) -> list[tuple[str, str]]:
    found = [each for each in desk.scene.told if isinstance(each, events.NoteLeftOut)]
    return [(each.path.rpartition("/")[2], each.why) for each in found]


def test_a_note_is_queued_as_a_producer_would(desk: NoteDesk) -> None:
    changed = int(desk.scene.now - 7200)
    desk.write("soil.md", "---\nname: soil\n---\nIt is clay.\n", age=7200)
    assert desk.run() == 1
    path = f"projects/{GARDEN}/memory/soil.md"
    (entry,) = desk.entries()
    assert entry == {
        "id": items.id_of(path, "It is clay."),
        "project_id": GARDEN,
        "content": "It is clay.",
        "timestamp": changed,
        "retries": 0,
    }
    assert desk.scene.context.counters.total(QUEUED) == 1
    assert desk.scene.told == [events.Accepted(1)]


def test_nothing_is_read_unless_the_setting_is_made(desk: NoteDesk) -> None:
    desk.write("soil.md", "It is clay.")
    desk.switch(on=False)
    assert desk.run() == 0
    desk.switch(on=True)
    assert desk.run(everywhere=False) == 1
    desk.switch(on=False)
    desk.run()
    desk.write("shed.md", "It leaks.")
    desk.switch(on=True)
    assert desk.run(everywhere=False) == 1


def test_a_note_that_changes_while_nobody_hears_of_it_is_not_sent_half(desk: NoteDesk) -> None:
    """What is found at reading is not what was seen: it is left alone for a minute more."""
    desk.write("soil.md", "It is", age=0)
    desk.run()
    desk.scene.now += 60
    desk.moment += 60
    desk.write("soil.md", "It is clay.", age=1)
    assert desk.run(everywhere=False) == 0
    assert desk.run(after=60.0, everywhere=False) == 1
    assert desk.queued() == [(GARDEN, "It is clay.")]


def test_each_further_text_of_a_note_is_sent(desk: NoteDesk) -> None:
    for text in ("It is sand.", "It is clay.", "It is sand."):
        desk.write("soil.md", text)
        desk.run()
    assert desk.queued() == [(GARDEN, "It is sand."), (GARDEN, "It is clay.")]


def test_a_renamed_note_is_not_sent_again_within_its_project(desk: NoteDesk) -> None:
    path = desk.write("soil.md", "It is clay.")
    assert desk.run() == 1
    path.rename(path.with_name("ground.md"))
    assert desk.run() == 0
    path.with_name("ground.md").unlink()
    desk.run()
    desk.write("earth.md", "It is clay.\n\n")
    assert desk.run() == 0
    desk.write("soil.md", "It is clay.", project="-home-ann-field")
    assert desk.run() == 1


def name_directory(desk: NoteDesk, directory: str) -> Path:
    path = desk.folder().parent / "session.jsonl"
    path.write_text(json.dumps({"cwd": directory}), encoding="utf-8")
    return path


def test_a_folder_keeps_its_project_when_its_transcripts_go(desk: NoteDesk) -> None:
    """Claude Code removes them after 30 days; a newer transcript may name another project."""
    transcript = name_directory(desk, "/home/ann/garden")
    desk.write("soil.md", "It is clay.")
    desk.run()
    transcript.unlink()
    desk.start()
    desk.write("soil.md", "It is sand.")
    desk.run()
    name_directory(desk, "/home/ann-garden")
    desk.write("soil.md", "It is gravel.")
    desk.run()
    assert desk.queued() == [
        ("garden", "It is clay."), ("garden", "It is sand."), ("ann-garden", "It is gravel."),
    ]  # fmt: skip


@pytest.mark.parametrize("forgotten", [False, True])
def test_a_note_whose_project_changed_is_not_sent_again(desk: NoteDesk, *, forgotten: bool) -> None:
    desk.write("soil.md", "It is clay.")
    desk.run()
    inbox = desk.scene.context.inbox
    if forgotten:
        with desk.scene.context.ledger.locked() as db:
            (key,) = db.execute("SELECT key FROM items").fetchone()
        inbox.discard([key], desk.scene.now, "deleted")
        inbox.erase([key])
    name_directory(desk, "/home/ann/garden")
    desk.write("soil.md", "It is clay.", age=1800)
    assert desk.run() == 0
    desk.write("soil.md", "It is sand.")
    assert desk.run() == 1
    assert desk.queued()[-1] == ("garden", "It is sand.")


def test_a_deleted_note_deletes_nothing(desk: NoteDesk) -> None:
    path = desk.write("soil.md", "It is clay.")
    desk.run()
    path.unlink()
    desk.write("shed.md", "It leaks.", age=0)
    desk.run()
    (desk.folder() / "shed.md").unlink()
    assert [desk.run(after=60.0), desk.run()] == [0, 0]
    assert desk.queued() == [(GARDEN, "It is clay.")]


def test_a_lost_remembrance_doubles_nothing(desk: NoteDesk) -> None:
    desk.write("soil.md", "It is clay.")
    desk.run()
    with desk.scene.context.ledger.transaction() as db:
        db.execute("DELETE FROM notes")
        db.execute("DELETE FROM note_texts")
    desk.start()
    assert desk.run() == 0
    assert len(desk.entries()) == 1


def test_in_a_ledger_that_was_lost_all_is_asked_about(desk: NoteDesk) -> None:
    ledger = desk.scene.context.ledger
    with ledger.transaction():
        ledger.set_meta(f"doubt of the {NOTES}", 1)
    desk.write("soil.md", "It is clay.")
    desk.write("shed.md", "It leaks.", age=0)
    desk.run()
    assert ledger.may_have_been_sent(NOTES)
    desk.run(after=60.0)
    assert not ledger.may_have_been_sent(NOTES)
    desk.write("path.md", "It is gravel.")
    desk.run()
    with ledger.locked() as db:
        rows = db.execute("SELECT unknown IS NOT NULL FROM items ORDER BY key")
        assert [asked for (asked,) in rows] == [1, 1, 0]


def test_what_the_ledger_cannot_record_is_taken_in_later(desk: NoteDesk) -> None:
    desk.write("soil.md", "It is clay.")
    full = mock.patch.object(desk.scene.context.inbox, "mark_note", side_effect=LedgerError("full"))
    with full, pytest.raises(LedgerError):
        desk.run()
    assert desk.queued() == []
    assert desk.run(everywhere=False) == 1
    assert desk.queued() == [(GARDEN, "It is clay.")]


def test_only_notes_are_taken_in_and_those_in_folders_within(
    desk: NoteDesk, tmp_path: Path
) -> None:
    outside = tmp_path / "outside.md"
    outside.write_text("Not of Claude Code.")
    note = desk.write("soil.md", "It is clay.")
    desk.write("MEMORY.md", "- [Soil](soil.md)")
    desk.write("soil.txt", "text")
    desk.write(".soil.md", "hidden")
    desk.write("empty.md", "---\nname: empty\n---\n\n")
    folder = desk.folder()
    (folder / "plants" / "roses").mkdir(parents=True)
    desk.write("plants/roses/red.md", "They want sun.")
    desk.write("plants/MEMORY.md", "- [Red](roses/red.md)")
    (folder / "deep.md").mkdir()
    (folder / "out.md").symlink_to(outside)
    (folder / "in.md").symlink_to(note)
    linked = desk.root / "projects" / "-linked"
    linked.mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "far.md").write_text("Not of Claude Code.")
    (linked / "memory").symlink_to(tmp_path / "elsewhere")
    (folder / "link").symlink_to(tmp_path / "elsewhere")
    (folder / ".git").mkdir()
    (folder / ".git" / "soil.md").write_text("hidden")
    (desk.root / "projects" / "-all").symlink_to(folder.parent)
    (desk.root / "projects" / "file").touch()
    flat = desk.root / "projects" / "-flat"
    flat.mkdir()
    (flat / "memory").touch()
    assert desk.run() == 2
    assert sorted(desk.queued()) == [(GARDEN, "It is clay."), (GARDEN, "They want sun.")]
    assert left_out(desk) == []


@needs.linux("named pipes in a folder")
@pytest.mark.parametrize("becomes", ["pipe", "link"])
def test_a_note_that_becomes_something_else_while_it_rests_is_left_alone(
    desk: NoteDesk, tmp_path: Path, becomes: str
) -> None:
    path = desk.write("soil.md", "It is clay.", age=0)
    desk.write("shed.md", "It leaks.", age=0)
    desk.run()
    path.unlink()
    if becomes == "pipe":
        os.mkfifo(path)
    else:
        (tmp_path / "outside.md").write_text("Not of Claude Code.")
        path.symlink_to(tmp_path / "outside.md")
    assert desk.run(after=60, everywhere=False) == 1
    assert desk.queued() == [(GARDEN, "It leaks.")]
    path.unlink()
    desk.write("soil.md", "It is sand.")
    assert desk.run() == 1


def test_what_cannot_be_used_is_told_once(desk: NoteDesk) -> None:
    desk.write("latin.md", b"caf\xe9 de la gare")
    desk.write("huge.md", "a" * (notes.LARGEST + 1))
    desk.write("large.md", "a" * notes.LARGEST)
    assert desk.run() == 1
    desk.run()
    desk.start()
    desk.run()
    why = {"latin.md": "it is no UTF-8", "huge.md": "it is larger than 1,000,000 bytes"}
    assert dict(left_out(desk)) == why
    assert len(left_out(desk)) == 2
    desk.write("latin.md", "café de la gare")
    assert desk.run() == 1


def test_what_cannot_be_read_is_told_once(desk: NoteDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    denied = desk.write("denied.md", "It is clay.")
    desk.write("soil.md", "It is sand.")
    read = notes.read

    def refuse(root: Path, note: FoundNote) -> object:
        if root / note.path == denied:
            raise PermissionError(13, "Permission denied", note.path)
        return read(root, note)

    with monkeypatch.context() as patch:
        patch.setattr(notes, "read", refuse)
        assert desk.run() == 1
        assert desk.run() == 0
    assert left_out(desk) == [("denied.md", "Permission denied")]
    desk.start()
    assert desk.run() == 1


def test_a_folder_that_cannot_be_listed_is_told_once_by_its_path(
    desk: NoteDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def find(root: Path, _: object, on_error: Callable[[OSError], None]) -> list[FoundNote]:
        on_error(PermissionError(13, "Permission denied", str(root / "projects" / "x")))
        return []

    monkeypatch.setattr(note_folders, "find", find)
    for _ in range(2):
        desk.run()
    assert desk.scene.told == [events.NoteLeftOut(str(Path("projects", "x")), "Permission denied")]


@needs.posix("Windows has no flag for it")
def test_a_note_that_has_just_become_a_link_is_left_out_and_told(
    desk: NoteDesk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    note, read = desk.write("soil.md", "It is clay."), notes.read

    def linked(root: Path, found: FoundNote) -> object:
        note.symlink_to(note.rename(tmp_path / "outside"))
        return read(root, found)

    monkeypatch.setattr(notes, "read", linked)
    assert desk.run() == 0
    assert desk.queued() == []
    assert [name for name, _ in left_out(desk)] == ["soil.md"]


@pytest.mark.parametrize(
    ("changed", "left"),
    [(0, 60), (-59, 1), (-60, 0), (-1.8e9 - 1e12, 0), (3600, 60), (1e12, 60)],
)
def test_a_note_is_left_alone_for_a_minute(changed: float, left: float) -> None:
    assert quiet_at(1.8e9 + changed, 1.8e9, 7.0) == 7.0 + left


def test_a_change_is_found_a_quarter_of_a_minute_later(desk: NoteDesk) -> None:
    desk.run()
    desk.write("soil.md", "It is clay.")
    assert desk.run(after=14, everywhere=False) == 0
    assert desk.run(after=1, everywhere=False) == 1


def test_thousands_are_taken_in_by_and_by(desk: NoteDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notes, "_AT_ONCE", 4)
    for n in range(11):
        desk.write(f"{n}.md", f"text {n}", age=3600 + n)
    turns = [(desk.run(everywhere=False), desk.intake.awaited) for _ in range(3)]
    assert turns == [(4, True), (4, True), (3, False)]
    assert desk.queued() == [(GARDEN, f"text {n}") for n in reversed(range(11))]


@pytest.mark.parametrize(
    ("note", "text"),
    [
        ("---\nname: a\n---\nOnions first.\n", "Onions first."),
        ("\ufeff---\r\nname: a\r\n---\r\n\r\nOnions first.\r\n", "Onions first."),
        ("---  \nname: a\n--- \nOnions\n---\nleeks", "Onions\n---\nleeks"),
        ("---\n---\n", ""),
        ("Onions\n---\nleeks\n---\n", "Onions\n---\nleeks\n---"),
        ("\n---\nname: a\n---\n", "---\nname: a\n---"),
        ("  \n\t\n", ""),
    ],
)
def test_front_matter_is_left_out(note: str, text: str) -> None:
    assert without_front_matter(note) == text
