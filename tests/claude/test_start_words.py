"""The command lines by which Claude Code starts mem0tray."""

import shlex

import pytest

from mem0tray.claude import start_words

PROGRAMS = (
    ["/home/me/.local/bin/mem0tray"],
    ["/a folder/it's $HOME/mem0tray"],
    ["/opt/python", "-P", "-m", "mem0tray"],
    ["/apps/Mem0tray-1.AppImage"],
)


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_line_for_sh_is_known_again(program: list[str]) -> None:
    """A shell takes the line apart into the words of the program, and so does `program`."""
    line = start_words.of_hook(program, "Stop", windows=False)
    assert shlex.split(line) == [*program, "hook", "Stop"]
    words = start_words.split({"command": line})
    assert start_words.program(words, "hook", "Stop") == program
    assert start_words.is_installed(program)
    assert start_words.seems_hook({"command": line}, "Stop") == ("mem0tray" in line)


@pytest.mark.parametrize(
    ("program", "line"),
    [
        (r"C:\Users\me\mem0tray.exe", "C:/Users/me/mem0tray.exe hook Stop"),
        (r"C:\Jo Doe\mem0tray.exe", '"C:/Jo Doe/mem0tray.exe" hook Stop'),
    ],
)
def test_a_line_on_windows_has_no_backslash_that_a_shell_would_take(
    program: str, line: str
) -> None:
    """Folders are parted by slashes, a blank is in quotes, and the program is known again."""
    assert start_words.of_hook([program], "Stop", windows=True) == line
    words = start_words.split({"command": line})
    assert start_words.program(words, "hook", "Stop") == [program.replace("\\", "/")]
    assert start_words.is_installed([program])


@pytest.mark.parametrize(
    "words",
    [
        ["/bin/mem0tray", "hook", "Stop", "|", "tee"],
        ["/bin/other", "hook", "Stop"],
        ["hook", "Stop"],
        ["env", "/bin/mem0tray", "hook", "Stop"],
    ],
)
def test_other_lines_are_not_ours(words: list[str]) -> None:
    """A line that starts another program, or more than mem0tray, is none that `install` wrote."""
    assert start_words.program(words, "hook", "Stop") == []


def test_a_hook_by_hand_is_seen() -> None:
    """A hook that starts mem0tray among other things, or without a shell, is not overlooked."""
    for hook in (
        {"command": "cd /tmp && mem0tray hook Stop || true"},
        {"command": "mem0tray", "args": ["hook", "Stop"]},
        {"command": "uv run mem0tray hook Stop"},
    ):
        assert start_words.seems_hook(hook, "Stop")
        assert not start_words.seems_hook(hook, "SessionEnd")


@pytest.mark.parametrize("arguments", [5, True, {"a": 1}, "Stop"])
def test_a_foreign_hook_whose_arguments_are_no_list_is_none_of_ours(arguments: object) -> None:
    """However odd it is, it is looked at without an error."""
    assert not start_words.seems_hook({"command": "mem0tray hook", "args": arguments}, "Stop")
