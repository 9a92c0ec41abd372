"""The texts of delivered memories that files here still hold."""

from contextlib import closing
from pathlib import Path

import pytest

from mem0tray.actions.in_step import keep_in_step
from mem0tray.actions.known_texts import KnownTexts
from mem0tray.config.settings import Settings
from mem0tray.core import item as items
from mem0tray.ledger.database import Ledger
from mem0tray.ledger.inbox import NoteRecords
from mem0tray.system.paths import Paths
from tests.actions.scene import write, write_dlq
from tests.support.shapes import dead, emergency_lines, entry, queue_document


def test_every_file_that_may_hold_a_text_is_looked_into(paths: Paths) -> None:
    write(paths.queue, queue_document([entry("queue")], last_100=[entry("recent")]))
    write(paths.queue_backup, queue_document([entry("before")]))
    write_dlq(paths, [dead("dead")])
    write(paths.dlq_backup, {"items": [dead("copied")]})
    paths.emergency.write_text(emergency_lines([entry("hurried")]), "utf-8")
    paths.quarantine.mkdir(parents=True)
    write(paths.quarantine / "x-20250101T000000-abc.json", {"queue": [entry("odd")]})
    keep_in_step(paths, Settings())
    known = KnownTexts(paths)
    where = {
        "queue": "the queue file",
        "recent": "last_100 in mem0_queue.json",
        "before": "mem0_queue_backup.json",
        "dead": "the DLQ file",
        "copied": "mem0_queue_dlq.backup.json",
        "hurried": "the queue file",
        "odd": "the quarantine",
    }
    for text, place in where.items():
        found = known.find(items.digest("alpha", text))
        assert found is not None, text
        assert (found.item.content, found.place) == (text, place)
    assert known.find(items.digest("beta", "queue")) is None


@pytest.mark.parametrize("named_by", ["the environment", "the ledger"])
def test_a_note_holds_its_text_where_notes_are_taken_in(
    paths: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named_by: str
) -> None:
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path / "claude"))
    monkeypatch.delenv("MEM0_PROJECT_ID", raising=False)
    if named_by == "the environment":
        monkeypatch.setenv("MEM0_PROJECT_ID", "garden")
    else:
        with closing(Ledger(paths.ledger)) as ledger:
            NoteRecords(ledger).note("projects/-work", '"garden"')
    note = tmp_path / "claude" / "projects" / "-work" / "memory" / "trees.md"
    note.parent.mkdir(parents=True)
    note.write_text("---\nname: trees\n---\nThe oak is old.\n", "utf-8")
    note.with_name("odd.md").write_bytes(b"\xff")
    digest = items.digest("garden", "The oak is old.")
    found = KnownTexts(paths, notes=True).find(digest)
    assert found is not None
    assert (found.item.content, found.place) == ("The oak is old.", str(note))
    assert KnownTexts(paths).find(digest) is None
