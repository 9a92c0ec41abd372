"""Other programs: the words of a command line, the user's editor, and how a child ends."""

import os
import signal
import subprocess
import sys

import pytest

from mem0tray.system import programs
from tests.support import needs


@pytest.mark.parametrize(
    ("system", "word", "quoted"),
    [
        ("linux", "a", "a"), ("linux", "a b", "'a b'"), ("linux", "", "''"),
        ("win32", "a", "a"), ("win32", r"C:\a-1.txt", r"C:\a-1.txt"),
        ("win32", r"C:\Jürgen Müller\x", r'"C:\Jürgen Müller\x"'), ("win32", "", '""'),
        ("win32", "a&b", '"a&b"'),
    ],
)  # fmt: skip
def test_a_word_is_quoted_where_the_system_s_shell_needs_that(
    monkeypatch: pytest.MonkeyPatch, system: str, word: str, quoted: str
) -> None:
    monkeypatch.setattr(sys, "platform", system)
    assert programs.quote(word) == quoted


@needs.SHELL
def test_nothing_keeps_a_program_on_the_path_from_starting() -> None:
    assert not programs.obstacle("sh")


@needs.SHELL
def test_a_signal_runs_what_clears_away() -> None:
    before = signal.getsignal(signal.SIGTERM)
    cleared = []

    def work() -> None:
        with programs.ends_in_order():
            try:
                os.kill(os.getpid(), signal.SIGTERM)
                signal.pause()
            finally:
                os.kill(os.getpid(), signal.SIGTERM)  # a second one changes nothing
                cleared.append(True)

    with pytest.raises(SystemExit) as caught:
        work()
    assert cleared
    assert signal.getsignal(signal.SIGTERM) == before
    assert caught.value.code == 128 + 15


@needs.SHELL
@pytest.mark.parametrize("work", ["input()", "__import__('time').sleep(60)"])
def test_a_child_ends_by_its_input_or_else_by_a_signal(work: str) -> None:
    child = subprocess.Popen([sys.executable, "-c", work], stdin=subprocess.PIPE)
    programs.end_child(child, patience=0.5 if "sleep" in work else 20.0)
    assert child.returncode in (1, -signal.SIGTERM)
