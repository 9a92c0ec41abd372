"""The states that people and other programs see: their names, and which one it is."""

import sys

import pytest

from mem0tray.core import state
from mem0tray.core.state import ACTION_NEEDED, DOWN, HEALTHY, PAUSED, STARTING, refusal


def test_the_states_have_the_names_of_the_contract() -> None:
    assert (STARTING, HEALTHY, DOWN) == ("starting", "healthy", "down")
    assert (PAUSED, ACTION_NEEDED) == ("paused", "action needed")


def test_a_refusal_keeps_the_answer_and_its_status() -> None:
    told = refusal("403 Forbidden: no right.", 403)
    assert str(told) == "the server refuses deliveries: 403 Forbidden: no right."
    assert told.get("status") == 403
    assert refusal("no", None).get("status") == 0


@pytest.mark.parametrize(
    ("system", "command"), [("linux", "kill 42"), ("win32", "taskkill /F /PID 42")]
)
def test_the_command_is_one_of_the_system(
    monkeypatch: pytest.MonkeyPatch, system: str, command: str
) -> None:
    monkeypatch.setattr(sys, "platform", system)
    assert state.kill_command(42) == command
    told = str(state.another_worker(42, None, command))
    assert told == f"another worker runs as process 42: stop it with `{command}`"
    assert ("Task Manager" in str(state.another_worker(None, None))) is (system == "win32")


@pytest.mark.parametrize(
    ("elsewhere", "told"),
    [
        ("far.example", "runs on far.example: stop it there, or give each its own folder"),
        (None, "runs as process 42: find it"),
    ],
)
def test_no_command_ends_a_process_that_is_not_known_for_sure(
    elsewhere: str | None, told: str
) -> None:
    said = str(state.another_worker(42, elsewhere))
    assert said.startswith(f"another worker {told}")
    assert state.kill_command(42) not in said
