"""Command lines in files of the desktop and of systemd."""

import pytest

from mem0tray.desktop.autostart import command_line


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        ("/bin/x  run\t-v", ["/bin/x", "run", "-v"]),
        ('"/opt/a b/x" "say \\"no\\"" plain', ["/opt/a b/x", 'say "no"', "plain"]),
    ],
)
def test_a_line_is_split_into_its_words(text: str, words: list[str]) -> None:
    """A word in quotes may hold blanks and quotes, and only such a one has escapes."""
    assert command_line.split(text, lambda word: word.replace('\\"', '"')) == words


def test_the_shell_between_is_no_part_of_the_program() -> None:
    """Whoever reads the file sees what was asked for; another use of a shell stays what it is."""
    words = ("/opt/50%/x", "run")
    assert command_line.by_shell(words)[0] == "/bin/sh"
    assert command_line.without_shell(command_line.by_shell(words)) == words
    assert command_line.without_shell(["/bin/sh", "-c", "x"]) == ("/bin/sh", "-c", "x")
