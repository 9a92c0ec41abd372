"""Words of a command line, for the shell that the system has."""

import sys

import pytest

from mem0tray.system import shell


@pytest.mark.parametrize(
    ("system", "word", "quoted"),
    [
        ("linux", "a", "a"), ("linux", "a b", "'a b'"), ("linux", "", "''"),
        ("win32", "a", "a"), ("win32", r"C:\a-1.txt", r"C:\a-1.txt"),
        ("win32", r"C:\Jürgen Müller\x", r'"C:\Jürgen Müller\x"'), ("win32", "", '""'),
        ("win32", "a&b", '"a&b"'),
    ],
)  # fmt: skip
def test_a_word_is_quoted_where_it_needs_that(
    monkeypatch: pytest.MonkeyPatch, system: str, word: str, quoted: str
) -> None:
    """With the quotes that the shell knows."""
    monkeypatch.setattr(sys, "platform", system)
    assert shell.quote(word) == quoted


@pytest.mark.parametrize(
    ("system", "line", "words"),
    [
        ("linux", "'my editor' -w", ["my editor", "-w"]),
        ("win32", r'"C:\Program Files\e.exe" -w', [r"C:\Program Files\e.exe", "-w"]),
        ("win32", r"C:\e.exe", [r"C:\e.exe"]),
        ("win32", "  ", []),
    ],
)
def test_a_line_is_taken_apart(
    monkeypatch: pytest.MonkeyPatch, system: str, line: str, words: list[str]
) -> None:
    """On Windows a backslash is one, and quotes hold a path together."""
    monkeypatch.setattr(sys, "platform", system)
    assert shell.split(line) == words
