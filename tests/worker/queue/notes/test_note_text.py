"""What of a note is its text."""

import pytest

from mem0tray.worker.queue.notes.note_text import without_front_matter


@pytest.mark.parametrize(
    ("note", "text"),
    [
        ("---\nname: a\n---\nOnions first.\n", "Onions first."),
        ("\ufeff---\r\nname: a\r\n---\r\n\r\nOnions first.\r\n", "Onions first."),
        ("---  \nname: a\n--- \nOnions\n---\nleeks", "Onions\n---\nleeks"),
        ("---\nname: a\n", "---\nname: a"),
        ("---\n---\n", ""),
        ("---", "---"),
        ("Onions\n---\nleeks\n---\n", "Onions\n---\nleeks\n---"),
        ("\n---\nname: a\n---\n", "---\nname: a\n---"),
        ("----\nname\n---\nx", "----\nname\n---\nx"),
        ("  \n\t\n", ""),
        ("", ""),
    ],
)
def test_front_matter_is_left_out(note: str, text: str) -> None:
    """What begins with a fence in the first line, where that ends; else all is text."""
    assert without_front_matter(note) == text
