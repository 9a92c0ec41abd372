"""What is known of Claude Code's notes outlives the worker."""

from contextlib import closing
from pathlib import Path

from mem0tray.ledger.database import Ledger
from mem0tray.ledger.notes import NoteRecords


def test_the_last_mark_of_each_note_is_kept(tmp_path: Path) -> None:
    """By its path, whatever letters that has; and each text once."""
    path = tmp_path / "ledger.sqlite3"
    with closing(Ledger(path)) as ledger:
        records = NoteRecords(ledger)
        for mark in ("1 2 3", "4 5 6"):
            records.note("projects/a/memory/\udcff'.md", mark)
        assert [records.add_text(digest) for digest in (b"a", b"b", b"a")] == [True, True, False]
    with closing(Ledger(path)) as ledger:
        records = NoteRecords(ledger)
        assert records.marks() == {"projects/a/memory/\udcff'.md": "4 5 6"}
        assert not records.add_text(b"b")
