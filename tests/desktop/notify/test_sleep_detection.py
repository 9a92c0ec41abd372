"""Noticing that the computer has slept."""

import pytest

from mem0tray.desktop.notify.notifier import Waking

NOW, WALL = 1_000.0, 1_764_460_000.0


@pytest.mark.parametrize(
    ("passed", "passed_wall", "slept"),
    [
        (30.0, 30.0, False),
        (0.1, 0.1, False),
        (40.0, 40.0, False),
        (30.0, 40.0, False),
        (30.0, 8 * 3600.0, True),
        (8 * 3600.0, 8 * 3600.0, True),
        (30.0, -3600.0, False),
    ],
    ids=["whole", "woken early", "busy", "clock set", "slept", "slept on Windows", "set back"],
)
def test_a_wait_of_half_a_minute(passed: float, passed_wall: float, *, slept: bool) -> None:
    """Only a gap between the clocks, or in the wait itself, is a sleep."""
    waking = Waking()
    waking.rests(NOW, WALL, 30.0)
    assert waking.has_slept(NOW + passed, WALL + passed_wall) is slept
