"""How people of one country write dates, distances in time and large numbers.

Babel knows how. Babel and its data for one language take 5 MB, so this module is loaded only
when the first such text is to be written.
"""

from datetime import datetime, timedelta

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_skeleton, format_timedelta
from babel.numbers import format_decimal


class Formats:
    """The formats of `territory` (`CA`; empty: of none) in `language` (`fr`, a known one).

    Where Babel knows no such territory they are the language's own.
    """

    def __init__(self, language: str, territory: str) -> None:
        try:
            self._locale = Locale(language, territory.upper() or None)
        except UnknownLocaleError:
            self._locale = Locale(language)

    def date(self, moment: float) -> str:
        """Unix seconds as a local date: `Nov 30, 2025`."""
        return format_date(_local(moment), "medium", locale=self._locale)

    def day(self, moment: float) -> str:
        """Unix seconds as a local day without its year: `Nov 30`."""
        return format_skeleton("MMMd", _local(moment), locale=self._locale)

    def distance(self, seconds: float) -> str:
        """How far away a moment is: `in 5 minutes`, `3 days ago` for what is less than 0."""
        return format_timedelta(timedelta(seconds=seconds), add_direction=True, locale=self._locale)

    def number(self, value: float) -> str:
        """A number with the language's separators."""
        return format_decimal(value, locale=self._locale)


def _local(moment: float) -> datetime:
    return datetime.fromtimestamp(moment)  # noqa: DTZ006  (local time is meant)
