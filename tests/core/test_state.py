"""The states that people and other programs see: their names, and which one it is."""

import sys
from typing import Any, Final

import pytest
from msgspec.structs import replace

from mem0tray.core import reasons, state
from mem0tray.core.state import (
    ACTION_NEEDED,
    DISK,
    DOWN,
    HEALTHY,
    PAUSED,
    STARTING,
    Standing,
    refusal,
    state_of,
)

WELL: Final = Standing(
    healthy=True,
    health_reason=reasons.NONE,
    obstacles=(),
    troubles={},
    refusal=reasons.NONE,
    last_try="",
    paused=False,
    has_break=False,
)
# What there is to tell, each before the next: with all of them the first is told.
IN_TURN: Final[list[tuple[str, str, dict[str, Any]]]] = [
    (
        ACTION_NEEDED,
        "full",
        {"troubles": {"log": reasons.quoted("odd"), DISK: reasons.quoted("full")}},
    ),
    (ACTION_NEEDED, "another worker", {"obstacles": (reasons.quoted("another worker"),)}),
    (ACTION_NEEDED, "odd", {"troubles": {"log": reasons.quoted("odd")}}),
    (ACTION_NEEDED, "401.", {"refusal": reasons.quoted("401.")}),
    (PAUSED, "paused by you", {"paused": True}),
    (STARTING, "the server has not answered yet", {"healthy": None}),
    (DOWN, "no route", {"healthy": False, "health_reason": reasons.quoted("no route")}),
    (PAUSED, "the server asked for a break", {"has_break": True}),
    (HEALTHY, "", {}),
]


def test_the_states_have_the_names_of_the_contract() -> None:
    assert (STARTING, HEALTHY, DOWN) == ("starting", "healthy", "down")
    assert (PAUSED, ACTION_NEEDED) == ("paused", "action needed")


def test_a_refusal_keeps_the_answer_and_its_status() -> None:
    told = refusal("403 Forbidden: no right.", 403)
    assert str(told) == "the server refuses deliveries: 403 Forbidden: no right."
    assert told.get("status") == 403
    assert refusal("no", None).get("status") == 0


@pytest.mark.parametrize("first", range(len(IN_TURN)))
def test_of_all_that_is_known_what_the_user_can_help_with_is_told_first(first: int) -> None:
    known = WELL
    for _, _, more in reversed(IN_TURN[first:]):
        known = replace(known, **more)
    name, reason, _ = IN_TURN[first]
    told = state_of(known)
    assert (told.name, str(told.reason)) == (name, reason)


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
