"""The command lines by which an agent starts mem0tray."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from mem0tray.agents import callers
from tests.support import needs
from tests.support.processes import PATIENCE

PROGRAMS = (
    ["/home/me/.local/bin/mem0tray"],
    ["/a folder/it's $HOME/mem0tray"],
    ["/opt/python", "-P", "-m", "mem0tray"],
)


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_line_for_sh_is_known_again(program: list[str]) -> None:
    line = callers.hook_line(program, ("hook", "Stop"), windows=False, powershell=True)
    words = callers.words_of({"command": line})
    assert callers.started_program(words, "hook", "Stop") == program
    assert callers.is_installed(program)
    assert callers.seems_hook({"command": line}, "Stop") == ("mem0tray" in line)


@needs.posix("it has no sh")
@pytest.mark.parametrize("shell", ["sh", "bash"])
@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("#!/bin/sh\nprintf '%s' '{\"a\": \"x\\n%s $HOME\"}'\n", '{"a": "x\\n%s $HOME"}'),
        ("#!/bin/sh\necho worse >&2; exit 2\n", ""),
        ("#!/gone/python\n", ""),
        ("", ""),
    ],
)
def test_a_shell_fails_and_complains_of_no_program_that_does(
    tmp_path: Path, shell: str, text: str, printed: str
) -> None:
    program = tmp_path / "it's $HOME" / "mem0tray"
    program.parent.mkdir()
    if text:
        program.write_text(text, encoding="utf-8")
        program.chmod(0o755)
    line = callers.hook_line([str(program)], ("hook", "Stop"), windows=False, powershell=False)
    done = subprocess.run([shell, "-c", line], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, printed, "")


@needs.posix("it has no sh")
@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_an_agent_that_ends_the_shell_waits_for_no_program_that_hangs(
    tmp_path: Path, shell: str
) -> None:
    """As Gemini CLI does, which then waits until its pipes are closed."""
    program, number = tmp_path / "mem0tray", tmp_path / "pid"
    os.mkfifo(number)
    program.write_text(f"#!/bin/sh\necho $$ > {number}\nkill -STOP $$\n", encoding="utf-8")
    program.chmod(0o755)
    line = callers.hook_line([str(program)], ("hook", "Stop"), windows=False, powershell=False)
    pipe = subprocess.PIPE
    with subprocess.Popen([shell, "-c", line], stdin=pipe, stdout=pipe, stderr=pipe) as agent:
        hangs = int(number.read_text("utf-8"))
        try:
            agent.terminate()
            assert agent.communicate(timeout=PATIENCE) == (b"", b"")
        finally:
            os.kill(hangs, signal.SIGKILL)


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
    line += "; exit 0" if powershell else " || exit 0"
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
