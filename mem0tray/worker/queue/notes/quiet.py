"""When a changed note is taken in: once it has been left alone for a minute, in its last form.

Pure. A note's own time is in Unix seconds; what is waited for is in monotonic ones, whatever
becomes of the clock meanwhile.
"""

from typing import Final

from msgspec import Struct

QUIET: Final = 60.0  # seconds


class ChangedNote(Struct, frozen=True):
    """A note that is not taken in yet: its mark, its own time, and from when it is quiet."""

    mark: str
    changed: float  # Unix seconds
    quiet_at: float  # monotonic


def quiet_at(changed: float, now: float, moment: float) -> float:
    """From when a note that was last changed at `changed` is quiet, as seen now.

    One whose own time is long ago waits no longer; a time in the future, as after a clock was set
    back, counts as now.
    """
    return moment + min(max(changed + QUIET - now, 0.0), QUIET)
