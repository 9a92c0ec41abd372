"""The command lines by which an agent starts mem0tray."""

import shlex

import pytest

from mem0tray.agents import callers

PROGRAMS = (
    ["/home/me/.local/bin/mem0tray"],
    ["/a folder/it's $HOME/mem0tray"],
    ["/opt/python", "-P", "-m", "mem0tray"],
)


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_line_for_sh_is_known_again(program: list[str]) -> None:
    line = callers.hook_line(program, ("hook", "Stop"), windows=False, powershell=True)
    assert shlex.split(line) == [*program, "hook", "Stop"]
    words = callers.words_of({"command": line})
    assert callers.started_program(words, "hook", "Stop") == program
    assert callers.is_installed(program)
    assert callers.seems_hook({"command": line}, "Stop") == ("mem0tray" in line)


@pytest.mark.parametrize(
    ("program", "line"),
    [
        (r"C:\Users\me\mem0tray.exe", "C:/Users/me/mem0tray.exe hook Stop"),
        (r"C:\Jo Doe\mem0tray.exe", '"C:/Jo Doe/mem0tray.exe" hook Stop'),
    ],
)
@pytest.mark.parametrize("powershell", [True, False])
def test_a_line_on_windows_has_no_backslash_that_a_shell_would_take(
    program: str, line: str, *, powershell: bool
) -> None:
    if powershell and line.startswith('"'):
        line = f"& {line}"
    made = callers.hook_line([program], ("hook", "Stop"), windows=True, powershell=powershell)
    assert made == line
    words = callers.words_of({"command": line})
    assert callers.started_program(words, "hook", "Stop") == [program.replace("\\", "/")]
    assert callers.is_installed([program])


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
    assert callers.started_program(words, "hook", "Stop") == []


def test_a_hook_by_hand_is_seen() -> None:
    for hook in (
        {"command": "cd /tmp && mem0tray hook Stop || true"},
        {"command": "mem0tray", "args": ["hook", "Stop"]},
        {"command": "uv run mem0tray hook Stop"},
    ):
        assert callers.seems_hook(hook, "Stop")
        assert not callers.seems_hook(hook, "SessionEnd")


@pytest.mark.parametrize("arguments", [5, True, {"a": 1}, "Stop"])
def test_a_foreign_hook_whose_arguments_are_no_list_is_none_of_ours(arguments: object) -> None:
    assert not callers.seems_hook({"command": "mem0tray hook", "args": arguments}, "Stop")
