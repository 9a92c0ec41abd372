"""The states that people and other programs see: their names, and which one it is."""

from typing import Any, Final

import pytest
from msgspec.structs import replace

from mem0tray.core import reasons
from mem0tray.core.state import (
    ACTION_NEEDED,
    DISK,
    DOWN,
    HEALTHY,
    PAUSED,
    STARTING,
    Standing,
    WorkerState,
    WorkerStatus,
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
    """They stand in the metrics file, which others read."""
    assert (STARTING, HEALTHY, DOWN) == ("starting", "healthy", "down")
    assert (PAUSED, ACTION_NEEDED) == ("paused", "action needed")


def test_a_refusal_keeps_the_answer_and_its_status() -> None:
    """What the server said, without its full stop, and the number for whoever decides by it."""
    told = refusal("403 Forbidden: no right.", 403)
    assert str(told) == "the server refuses deliveries: 403 Forbidden: no right."
    assert told.get("status") == 403
    assert refusal("no", None).get("status") == 0


def test_a_state_needs_no_reason_and_nothing_is_held_unless_it_is_said() -> None:
    """All is well, and no other worker was at it."""
    state = WorkerState(HEALTHY)
    assert state.reason == reasons.NONE
    assert WorkerStatus(state, 1, 2, None, paused=False).held == 0


@pytest.mark.parametrize("first", range(len(IN_TURN)))
def test_of_all_that_is_known_what_the_user_can_help_with_is_told_first(first: int) -> None:
    """Then what the user wants, what is known of the server, and what the server wants."""
    known = WELL
    for _, _, more in reversed(IN_TURN[first:]):
        known = replace(known, **more)
    name, reason, _ = IN_TURN[first]
    told = state_of(known)
    assert (told.name, str(told.reason)) == (name, reason)
