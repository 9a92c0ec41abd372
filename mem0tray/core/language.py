"""The language of menu, notifications, dialogs and status page; commands and log stay English.

The catalogs are gettext's: `locale/<code>/LC_MESSAGES/mem0tray.po`, compiled to `.mo` beside it by
`packaging/update-languages`. English is the source. `system.user_language` finds out which language
the user has.
"""

import gettext
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from mem0tray.core.formats import Formats

DOMAIN: Final = "mem0tray"
CATALOGS: Final = Path(__file__).parents[1] / "locale"
_SEPARATED: Final = 1000  # numbers below have no separator, and look alike in every language here


class Language:
    """Texts, times and numbers in one language. `code` as `fr`; unknown ones become English."""

    def __init__(self, code: str) -> None:
        name = code.replace("-", "_").partition(".")[0]
        self._texts: gettext.NullTranslations = gettext.translation(
            DOMAIN, CATALOGS, [name], fallback=True
        )
        self._code = self._texts.info().get("language", "en")
        language, _, territory = name.partition("_")
        self._territory = territory if language == self._code else ""

    @property
    def code(self) -> str:
        """`en` or `fr`."""
        return self._code

    @cached_property
    def _formats(self) -> "Formats":
        from mem0tray.core.formats import Formats  # 5 MB, which a tray mostly does without

        return Formats(self._code, self._territory)

    def gettext(self, text: str) -> str:
        """Translate `text`; callers name this method `_`, by which the texts are collected."""
        return self._texts.gettext(text)

    def ngettext(self, one: str, many: str, number: int) -> str:
        """The form that goes with a number."""
        return self._texts.ngettext(one, many, number)

    def time(self, moment: float) -> str:
        """Unix seconds as the local time of day: `14:32`, in every language."""
        return f"{datetime.fromtimestamp(moment):%H:%M}"  # noqa: DTZ006  (local time is meant)

    def date(self, moment: float) -> str:
        """Unix seconds as a local date."""
        return self._formats.date(moment)

    def date_and_time(self, moment: float) -> str:
        """Unix seconds as a local date and time of day: `Nov 30, 2025, 14:32`."""
        return f"{self.date(moment)}, {self.time(moment)}"

    def day(self, moment: float) -> str:
        """Unix seconds as a local day without its year: `Nov 30`."""
        return self._formats.day(moment)

    def distance(self, seconds: float) -> str:
        """How far away a moment is: `in 5 minutes`, `3 days ago` for what is less than 0."""
        return self._formats.distance(seconds)

    def number(self, value: float) -> str:
        """A number with the language's separators."""
        if 0 <= value < _SEPARATED and value == int(value):
            return str(int(value))
        return self._formats.number(value)
