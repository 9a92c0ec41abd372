"""The language of menu, notifications, dialogs and status page; commands and log stay English.

The catalogs are gettext's: `locale/<code>/LC_MESSAGES/mem0tray.po`, compiled to
`.mo` beside it by `packaging/update-languages`. English is the source. Which language the
user has `system.user_language` finds out.
"""

import gettext
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_skeleton, format_time, format_timedelta
from babel.numbers import format_decimal

DOMAIN: Final = "mem0tray"
CATALOGS: Final = Path(__file__).parents[1] / "locale"


class Language:
    """Texts, times and numbers in one language. `code` as `fr`; unknown ones become English."""

    def __init__(self, code: str) -> None:
        name = code.replace("-", "_").partition(".")[0]
        self._texts: gettext.NullTranslations = gettext.translation(
            DOMAIN, CATALOGS, [name], fallback=True
        )
        found = self._texts.info().get("language", "en")
        self._locale = _locale(name if name.partition("_")[0] == found else found, found)

    @property
    def code(self) -> str:
        """`en` or `fr`."""
        return self._locale.language

    def gettext(self, text: str) -> str:
        """Translate `text`; callers name this method `_`, by which the texts are collected."""
        return self._texts.gettext(text)

    def ngettext(self, one: str, many: str, number: int) -> str:
        """The form that goes with a number."""
        return self._texts.ngettext(one, many, number)

    def time(self, moment: float) -> str:
        """Unix seconds as the local time of day: `14:32`."""
        return format_time(datetime.fromtimestamp(moment), "HH:mm", locale=self._locale)  # noqa: DTZ006  (local time is meant)

    def date(self, moment: float) -> str:
        """Unix seconds as a local date."""
        return format_date(datetime.fromtimestamp(moment), "medium", locale=self._locale)  # noqa: DTZ006

    def date_and_time(self, moment: float) -> str:
        """Unix seconds as a local date and time of day: `Nov 30, 2025, 14:32`."""
        return f"{self.date(moment)}, {self.time(moment)}"

    def day(self, moment: float) -> str:
        """Unix seconds as a local day without its year: `Nov 30`."""
        return format_skeleton("MMMd", datetime.fromtimestamp(moment), locale=self._locale)  # noqa: DTZ006

    def distance(self, seconds: float) -> str:
        """How far away a moment is: `in 5 minutes`, `3 days ago` for what is less than 0."""
        return format_timedelta(timedelta(seconds=seconds), add_direction=True, locale=self._locale)

    def number(self, value: float) -> str:
        """A number with the language's separators."""
        return format_decimal(value, locale=self._locale)


def _locale(name: str, language: str) -> Locale:
    """Where Babel knows no such country, the language's own customs."""
    try:
        return Locale.parse(name)
    except (UnknownLocaleError, ValueError):
        return Locale.parse(language)
