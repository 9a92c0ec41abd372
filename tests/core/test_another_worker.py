"""What people are told of another worker on the same files."""

import sys

import pytest

from mem0tray.core import state


@pytest.mark.parametrize(
    ("system", "command"), [("linux", "kill 42"), ("win32", "taskkill /F /PID 42")]
)
def test_the_command_is_one_of_the_system(
    monkeypatch: pytest.MonkeyPatch, system: str, command: str
) -> None:
    """That ends a process; where nobody knows which, it is said how to find it."""
    monkeypatch.setattr(sys, "platform", system)
    assert state.kill_command(42) == command
    told = str(state.another_worker(42, None, command))
    assert told == f"another worker runs as process 42: stop it with `{command}`"
    assert ("Task Manager" in str(state.another_worker(None, None))) is (system == "win32")


def test_one_on_another_computer_is_stopped_there() -> None:
    """Its process says nothing here."""
    told = str(state.another_worker(42, "far.example"))
    where = "another worker runs on far.example"
    assert told == f"{where}: stop it there, or give each its own folder"


def test_no_command_ends_a_process_that_is_not_known_for_sure() -> None:
    """It may be any process that has this id here."""
    told = str(state.another_worker(42, None))
    assert told.startswith("another worker runs as process 42: find it")
    assert state.kill_command(42) not in told
