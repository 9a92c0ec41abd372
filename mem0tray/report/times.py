"""Times in words; foreign files may hold any number. Pure; Unix seconds."""

from typing import Final

from mem0tray.core.language import Language

NEVER: Final = "–"
_LATEST: Final = 253_370_764_800.0  # the year 9999 begins
_NOW: Final = 5.0
_NEAR: Final = 43_200.0  # half a day, within which a time of day is enough


def absolute(at: float | None, language: Language) -> str:
    """Local date and time of day; a dash for never, and for a time that no calendar has."""
    if at is None or not 0 < at < _LATEST:
        return NEVER
    try:
        return language.date_and_time(at)
    except (OverflowError, OSError, ValueError):
        return NEVER


def relative(at: float | None, now: float, language: Language) -> str:
    """How long ago, or how long until then; a dash for never."""
    if at is None or not 0 < at < _LATEST:
        return NEVER
    _ = language.gettext
    return _("just now") if abs(at - now) < _NOW else language.distance(at - now)


def clock(at: float, now: float, language: Language) -> str:
    """The time of day; with its date if it is far from now."""
    return language.time(at) if abs(at - now) < _NEAR else absolute(at, language)
