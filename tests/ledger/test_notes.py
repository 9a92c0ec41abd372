"""What is known of Claude Code's notes outlives the worker."""

from contextlib import closing
from pathlib import Path

from mem0tray.ledger.database import Ledger
from mem0tray.ledger.inbox import Inbox, NoteRecords
from tests.ledger.samples import NOW, fresh


def test_the_last_mark_of_each_note_is_kept(tmp_path: Path) -> None:
    """By its path, whatever letters that has; and each text once."""
    path = tmp_path / "ledger.sqlite3"
    with closing(Ledger(path)) as ledger:
        records = NoteRecords(ledger)
        for mark in ("1 2 3", "4 5 6"):
            records.note("projects/a/memory/\udcff'.md", mark)
        texts = [("1", b"a"), ("2", b"b"), ("3", b"a")]
        assert [records.add_text(name) for name in texts] == [True, True, False]
    with closing(Ledger(path)) as ledger:
        records = NoteRecords(ledger)
        assert records.marks() == {"projects/a/memory/\udcff'.md": "4 5 6"}
        assert not records.add_text(("4", b"b"))


def test_a_text_whose_id_is_known_is_not_new(tmp_path: Path) -> None:
    """A note's id tells its path and text, also where its project was another."""
    item = fresh("a")
    with closing(Ledger(tmp_path / "ledger.sqlite3")) as ledger:
        Inbox(ledger).add_fresh(item, NOW, ask=False)
        assert not NoteRecords(ledger).add_text((item.id, b"another project's"))
