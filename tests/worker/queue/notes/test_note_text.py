"""What of a note is its text, and its id."""

import pytest

from mem0tray.worker.queue.notes.note_text import id_of, without_front_matter


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


def test_the_id_follows_path_and_text() -> None:
    """It is the same at each start, and another one for another path or another text."""
    found = id_of("projects/a/memory/b.md", "Onions first.")
    assert found == "cc6d921f-8d15-5eb1-a0f8-cb95bfcb4be0"
    assert found != id_of("projects/a/memory/c.md", "Onions first.")
    assert found != id_of("projects/a/memory/b.md", "Onions last.")
    assert id_of("\udcff", "\ud800")
