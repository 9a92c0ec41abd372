"""When a changed note is taken in."""

import pytest

from mem0tray.worker.queue.notes.quiet import QUIET, ChangedNote, seconds_left

NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("changed", "seen", "left"),
    [
        (0, 0, QUIET),
        (-QUIET + 1, 0, 1),
        (-QUIET, 0, 0),
        (-3600, 0, 0),
        (3600, 0, QUIET),
        (3600, -QUIET, 0),
        (3600, 3600, 0),
        (-10, 3600, 0),
    ],
)
def test_a_note_is_left_alone_for_a_minute(changed: float, seen: float, left: float) -> None:
    """From its last change, or from when it was first seen where that lies in the future."""
    note = ChangedNote("", NOW + changed, NOW + seen)
    assert seconds_left(note, NOW) == left
