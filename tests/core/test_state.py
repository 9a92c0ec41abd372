"""The names of the states that people and other programs see."""

from mem0tray.core import reasons
from mem0tray.core.state import (
    ACTION_NEEDED,
    DOWN,
    HEALTHY,
    PAUSED,
    STARTING,
    WorkerState,
    WorkerStatus,
    refusal,
)


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
