"""What is known of Claude Code's notes: which were looked at, and which texts were queued.

A note is known by its path and its mark, which changes whenever the file does; a text by the
digest of project and text, whatever file it stands in, or stood. A folder's mark is the project
that its notes had last.
"""

from typing import Final

from mem0tray.core.item import Name
from mem0tray.ledger.database import Ledger, decode, encode

_NOTE: Final = "INSERT OR REPLACE INTO notes VALUES (?, ?)"
_NOTE_TEXT: Final = "INSERT OR IGNORE INTO note_texts VALUES (?)"
_IS_KNOWN: Final = (
    "SELECT EXISTS (SELECT 1 FROM items WHERE id = ?)"
    " OR EXISTS (SELECT 1 FROM note_texts WHERE digest = ?)"
)


class NoteRecords:
    """Remembers the notes that were taken in, or hold nothing to be taken in."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def marks(self) -> dict[str, str]:
        """The mark of each note by its path, when it was last looked at. Raises LedgerError."""
        with self._ledger.locked() as db:
            rows = db.execute("SELECT path, mark FROM notes")
            return {decode(path): mark for path, mark in rows}

    def note(self, path: str, mark: str) -> None:
        """Note that nothing of this note is left to take in. Raises LedgerError."""
        with self._ledger.transaction() as db:
            db.execute(_NOTE, (encode(path), mark))

    def add_text(self, name: Name) -> bool:
        """Note that a text is queued; return whether that is new. Raises LedgerError.

        The id, of the note's path and text alone, tells also where its project was another.
        """
        with self._ledger.transaction() as db:
            known = db.execute(_IS_KNOWN, (encode(name[0]), name[1])).fetchone()[0]
            db.execute(_NOTE_TEXT, (name[1],))
        return not known
