"""The language of menu, notifications, dialogs and window, by the catalogs of `locale/`."""

import gettext
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

DOMAIN: Final = "mem0tray"
CATALOGS: Final = Path(__file__).parents[1] / "locale"
# English with the month first; elsewhere the day is.
_MONTH_FIRST: Final = frozenset({"", "US", "CA", "PH", "PR"})
_NEARLY: Final = 0.85  # of a unit is one
_FRENCH: Final = str.maketrans(",.", "\u202f,")  # separators of numbers


class Language:
    """Texts, times and numbers in one language. `code` as `fr`; unknown ones become English."""

    def __init__(self, code: str) -> None:
        self.name = name = code.replace("-", "_").partition(".")[0]
        self._texts: gettext.NullTranslations = gettext.translation(
            DOMAIN, CATALOGS, [name], fallback=True
        )
        self.code = self._texts.info().get("language", "en")
        language, _, territory = name.partition("@")[0].partition("_")
        self._territory = territory.upper() if language == "en" else ""

    def gettext(self, text: str) -> str:
        """Translate `text`; callers name this method `_`, by which the texts are collected."""
        return self._texts.gettext(text)

    def ngettext(self, one: str, many: str, number: int) -> str:
        return self._texts.ngettext(one, many, number)

    def time(self, moment: float) -> str:
        """Unix seconds as the local time of day: `14:32`, in every language."""
        return f"{datetime.fromtimestamp(moment):%H:%M}"  # noqa: DTZ006  (local time is meant)

    def date(self, moment: float) -> str:
        """Unix seconds as a local date: `Nov 30, 2025`, in Britain `30 Nov 2025`."""
        year = datetime.fromtimestamp(moment).year  # noqa: DTZ006  (local time is meant)
        comma = "," if self._has_month_first else ""
        return f"{self.day(moment)}{comma} {year}"

    def date_and_time(self, moment: float) -> str:
        return f"{self.date(moment)}, {self.time(moment)}"

    def day(self, moment: float) -> str:
        _, at = self.gettext, datetime.fromtimestamp(moment)  # noqa: DTZ006  (local time is meant)
        month = _("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec").split()[at.month - 1]
        return f"{month} {at.day}" if self._has_month_first else f"{at.day} {month}"

    @property
    def _has_month_first(self) -> bool:
        return self.code == "en" and self._territory in _MONTH_FIRST

    def distance(self, seconds: float) -> str:
        """Return how far away a moment is: `in 5 minutes`, `3 days ago` for what is less than 0."""
        _ = self.gettext
        text = _("in {duration}") if seconds >= 0 else _("{duration} ago")
        return text.format(duration=self.duration(abs(seconds)))

    def duration(self, seconds: float) -> str:
        """Return how long that is, in the largest unit that fits: `5 minutes`."""
        ngettext = self.ngettext
        units: tuple[tuple[int, Callable[[int], str]], ...] = (
            (31_536_000, lambda n: ngettext("{n} year", "{n} years", n)),
            (2_592_000, lambda n: ngettext("{n} month", "{n} months", n)),
            (604_800, lambda n: ngettext("{n} week", "{n} weeks", n)),
            (86_400, lambda n: ngettext("{n} day", "{n} days", n)),
            (3600, lambda n: ngettext("{n} hour", "{n} hours", n)),
            (60, lambda n: ngettext("{n} minute", "{n} minutes", n)),
            (1, lambda n: ngettext("{n} second", "{n} seconds", n)),
        )
        size, words = next((each for each in units if seconds >= _NEARLY * each[0]), units[-1])
        count = round(seconds / size)
        return words(count).format(n=count)

    def number(self, value: float) -> str:
        """Return a number with the language's separators, and up to three decimals."""
        shown = f"{value:,.3f}".rstrip("0").rstrip(".")
        return shown.translate(_FRENCH) if self.code == "fr" else shown
