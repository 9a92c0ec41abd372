"""The language of menu, notifications, dialogs and status page; commands and log stay English.

The catalogs are gettext's: `locale/<code>/LC_MESSAGES/mem0tray.po`, compiled to
`.mo` beside it by `packaging/update-languages`. English is the source.
"""

import gettext
import os
import subprocess
import sys
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_skeleton, format_time, format_timedelta
from babel.numbers import format_decimal

DOMAIN: Final = "mem0tray"
CATALOGS: Final = Path(__file__).parents[1] / "locale"
_VARIABLES: Final = ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")  # in gettext's order
_PATIENCE: Final = 2.0  # seconds for macOS to answer


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


def chosen(setting: str = "", environ: Mapping[str, str] | None = None) -> Language:
    """The language that the settings name (`ui.language`), else the system's own."""
    return Language(setting or _of_the_system(os.environ if environ is None else environ))


def _of_the_system(environ: Mapping[str, str]) -> str:
    named = next((environ[name] for name in _VARIABLES if environ.get(name)), "")
    if sys.platform == "darwin":
        return _preferred_on_macos() or named
    if sys.platform == "win32":
        import ctypes
        import locale

        number = ctypes.windll.kernel32.GetUserDefaultUILanguage()
        return locale.windows_locale.get(number, named)
    return named.partition(":")[0]


def _preferred_on_macos() -> str:
    """The first of the languages in System Settings; an app from the Dock gets no LANG."""
    question = ["/usr/bin/defaults", "read", "-g", "AppleLanguages"]
    try:
        done = subprocess.run(  # noqa: S603  (a fixed question)
            question, capture_output=True, text=True, timeout=_PATIENCE, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    words = [word.strip(' ",()') for word in done.stdout.split("\n")]
    return next((word for word in words if word), "")
