"""When a changed note is taken in."""

import pytest

from mem0tray.worker.queue.notes.quiet import QUIET, quiet_at

NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("changed", "left"),
    [
        (0, QUIET),
        (-QUIET + 1, 1),
        (-QUIET, 0),
        (-3600, 0),
        (-NOW - 1e12, 0),
        (3600, QUIET),
        (1e12, QUIET),
    ],
)
def test_a_note_is_left_alone_for_a_minute(changed: float, left: float) -> None:
    """From its last change, or from when it is seen where that lies in the future."""
    assert quiet_at(NOW + changed, NOW, 7.0) == 7.0 + left
