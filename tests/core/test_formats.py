"""Dates, distances and numbers as a country has them, and when they are loaded."""

import subprocess
import sys

import pytest

from mem0tray.core.formats import Formats
from mem0tray.core.language import Language

AT_NOON = 1_764_504_000.0  # 2025-11-30, 12:00 in UTC: that day in Europe and America
_AT_REST = """
import sys, time
from mem0tray.core.language import Language
words = Language("fr_FR")
print(words.time(time.time()), words.number(0), words.number(999), words.number(30.0))
assert "babel" not in sys.modules
print(ascii(words.number(1000)))
assert "babel" in sys.modules
"""


@pytest.mark.parametrize(
    ("language", "territory", "date"),
    [
        ("en", "", "Nov 30, 2025"),
        ("en", "GB", "30 Nov 2025"),
        ("en", "gb", "30 Nov 2025"),
        ("en", "ZZ", "Nov 30, 2025"),
        ("fr", "", "30 nov. 2025"),
        ("fr", "FR@euro", "30 nov. 2025"),
        ("fr", "Latn_FR", "30 nov. 2025"),
    ],
)
def test_a_date_is_written_as_its_country_does(language: str, territory: str, date: str) -> None:
    """A country that nobody knows has the dates of the language."""
    assert Formats(language, territory).date(AT_NOON) == date


def test_numbers_look_alike_however_they_are_written() -> None:
    """The short way for small numbers writes what the formats would."""
    for code in ("en", "fr"):
        formats, words = Formats(code, ""), Language(code)
        for value in (0, 7, 30.0, 999, 999.5, 1000, -1, -1000, 2.5, 1_234_567):
            assert words.number(value) == formats.number(value)


def test_a_tray_at_rest_loads_no_formats() -> None:
    """Counts, whole minutes and times of day are written without Babel, which takes 5 MB."""
    done = subprocess.run(
        [sys.executable, "-c", _AT_REST], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == ascii("1\u202f000")
