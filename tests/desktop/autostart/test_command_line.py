"""Command lines in files of the desktop and of systemd."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

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


@pytest.mark.parametrize("data", ["A", "====", "Jw=="], ids=["no base64", "nothing", "a quote"])
def test_an_edited_line_is_what_it_is(data: str) -> None:
    """What somebody has made of it is shown as it stands."""
    words = ("/bin/sh", "-c", f"echo {data} | base64 -d | sh")
    assert command_line.without_shell(words) == words


@given(
    st.lists(
        st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1)
    ),
    st.just("/p"),
)
def test_what_is_encoded_is_read_back(rest: list[str], program: str) -> None:
    """Any words are; and what stands in the file is made of letters, digits and a few signs."""
    words = (program, *rest)
    made = command_line.encoded(words)
    assert re.fullmatch(r"[A-Za-z0-9+/= |-]+", made[2])
    assert command_line.without_shell(made) == words
