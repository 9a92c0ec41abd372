"""When a changed note is taken in: once it has been left alone for a minute, in its last form.

Pure. Times are Unix seconds.
"""

from typing import Final

from msgspec import Struct

QUIET: Final = 60.0  # seconds


class ChangedNote(Struct, frozen=True):
    """A note that is not taken in yet: its mark, its own time, and when it was first seen so."""

    mark: str
    changed: float
    seen: float


def seconds_left(note: ChangedNote, now: float) -> float:
    """Seconds for which the note must still be left alone; 0 once that was long enough.

    A note whose own time is long ago waits no longer. A time in the future, as after a clock was
    set back, is replaced by when the note was seen; if that is in the future too, the wait is over.
    """
    if note.seen > now:
        return 0.0
    return max(0.0, min(note.changed, note.seen) + QUIET - now)
