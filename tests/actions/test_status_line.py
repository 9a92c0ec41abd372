"""How things stand in one short line."""

import pytest

from mem0tray.actions.status_line import line
from mem0tray.config.server_choice import CHOOSE
from mem0tray.core import reasons, state
from mem0tray.core.reasons import Reason

NONE = reasons.NONE
REFUSED = state.refusal("401 Unauthorized", 401)
LATER = Reason("{refusal} The last try was answered with: {answer}.", refusal=REFUSED, answer="x")
LONG = reasons.advised(Reason("{path}: {why}.", path="/" + "x" * 80, why="full"), Reason("Do."))


@pytest.mark.parametrize(
    ("name", "reason", "queue", "dead", "told"),
    [
        ("healthy", NONE, 0, 0, "mem0 ✓"),
        ("healthy", NONE, 3, 0, "mem0 3 waiting"),
        ("healthy", NONE, 1234, 1, "mem0 1,234 waiting, 1 dead letter"),
        ("healthy", NONE, None, None, "mem0 ? waiting, ? dead letters"),
        ("starting", NONE, 0, 0, "mem0 starting"),
        ("paused", state.BREAK, 2, 0, "mem0 paused, 2 waiting"),
        ("down", Reason("connection refused"), 2, 0, "mem0 ! server down, 2 waiting"),
        ("not running", NONE, 0, 2, "mem0 ! not running, 2 dead letters"),
        ("action needed", REFUSED, 0, 0, "mem0 ! 401"),
        ("action needed", LATER, 3, 0, "mem0 ! 401, 3 waiting"),
        ("action needed", CHOOSE, 0, 0, "mem0 ! choose a server"),
        ("action needed", LONG, 0, 0, f"mem0 ! /{'x' * 38}…"),
    ],
)
def test_what_counts_stands_in_one_line(
    name: str, reason: Reason, queue: int | None, dead: int | None, told: str
) -> None:
    """What keeps memories from being delivered, in a few words, and what has not been."""
    assert line(name, reason, queue, dead) == told
