"""Times and durations as people read them in a terminal; times are Unix seconds."""

import time
from datetime import datetime
from typing import Final

NEVER: Final = "–"
_UNITS: Final = ((1, "s", 60), (60, "min", 60), (3600, "h", 24))  # seconds; how many, at most
_DAY: Final = 86_400
_EARLIEST, _LATEST = 0.0, 253_402_300_799.0  # Unix seconds that have a date


def span(seconds: float) -> str:
    """Say a duration in its largest unit, rounded: `3 min`."""
    for size, unit, limit in _UNITS:
        if round(seconds / size) < limit:
            return f"{round(seconds / size)} {unit}"
    return f"{round(seconds / _DAY):,} d"


def ago(at: float | None, now: float | None = None) -> str:
    """Say `3 min ago`, `in 20 s` for the future; a dash for never, and beyond all calendars."""
    if not at or not _EARLIEST < at < _LATEST:
        return NEVER
    distance = (time.time() if now is None else now) - at
    if -1 < distance < 1:
        return "just now"
    return f"{span(distance)} ago" if distance > 0 else f"in {span(-distance)}"


def due(at: float, now: float | None = None) -> str:
    """Say `in 5 min`, or `due now` for a time that has come, or comes within the second."""
    now = time.time() if now is None else now
    return ago(at, now) if at - now >= 1 else "due now"


def clock(at: float | None) -> str:
    """Say local date and time to the second; a dash for never, and for what no calendar has."""
    if not at or not _EARLIEST < at < _LATEST:
        return NEVER
    try:
        return datetime.fromtimestamp(at).strftime("%Y-%m-%d %H:%M:%S")  # noqa: DTZ006  (local)
    except (OverflowError, OSError, ValueError):
        return NEVER


def moment(at: float | None, now: float | None = None) -> str:
    """Say both time and distance: `2025-11-30 04:38:18 (3 min ago)`."""
    shown = clock(at)
    return shown if shown == NEVER else f"{shown} ({ago(at, now)})"
