"""The languages: complete catalogs, times and numbers."""

import io
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from gettext import GNUTranslations
from pathlib import Path

import pytest
from babel import Locale
from babel.dates import format_date, format_skeleton, format_timedelta
from babel.messages.pofile import read_po
from babel.numbers import format_decimal

sys.path.append(str(Path(__file__).resolve().parents[2] / "packaging"))

import update_languages as catalogs

from mem0tray.core.language import Language
from tests.support import needs

AT_14_32 = 1_764_513_120.0  # 2025-11-30 in UTC


@pytest.fixture
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "UTC")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.parametrize("path", catalogs.CATALOGS)
def test_every_text_is_translated_and_none_is_left_over_fuzzy_or_obsolete(path: Path) -> None:
    used, catalog = catalogs.collected(), catalogs.read(path)
    found = {message.id for message in used}
    assert found == {message.id for message in catalog}
    assert found >= {"Try all again now", "Moved to DLQ", ("{n} minute", "{n} minutes")}
    assert list(catalogs.problems(catalog)) == []
    with path.open(encoding="utf-8") as file:
        assert not read_po(file).obsolete


def test_french_typography() -> None:
    (path,) = (each for each in catalogs.CATALOGS if "fr" in each.parts)
    for message in catalogs.read(path):
        for french in catalogs.forms(message.string) if message.id else ():
            prose = re.sub(r"`[^`]*`|https?://\S*|\d+:\d+", "", french)
            assert "'" not in prose
            assert not re.search(r"[^\u00a0\u202f][;:?!»]|«[^\u00a0]", prose), french


@pytest.mark.parametrize("path", catalogs.CATALOGS)
def test_the_compiled_catalog_is_that_of_the_texts(path: Path) -> None:
    made = catalogs.compiled(catalogs.read(path))
    with path.with_suffix(".mo").open("rb") as file:
        committed, fresh = GNUTranslations(file), GNUTranslations(io.BytesIO(made))
    assert vars(committed)["_catalog"] == vars(fresh)["_catalog"]
    assert committed.info() == fresh.info()


def test_plurals_follow_the_language() -> None:
    english, french = Language("en"), Language("fr")
    forms = ("{n} week", "{n} weeks")
    assert [english.ngettext(*forms, n) for n in (0, 1, 2)] == [forms[1], forms[0], forms[1]]
    french_forms = ("{n} semaine", "{n} semaine", "{n} semaines")
    assert tuple(french.ngettext(*forms, n) for n in (0, 1, 2)) == french_forms


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("fr", "fr"), ("fr_FR.UTF-8", "fr"), ("fr-CA", "fr"), ("fr_ZZ", "fr"), ("fr@euro", "fr"),
        ("fr-Latn-FR", "fr"), ("en_XX", "en"), ("en-FR", "en"), ("de_DE.UTF-8", "en"), ("C", "en"),
        ("POSIX", "en"), ("", "en"), ("../fr", "en"), ("\0", "en"), ("no such thing", "en"),
    ],
)  # fmt: skip
def test_any_name_of_a_language_is_taken(name: str, code: str) -> None:
    words = Language(name)
    assert words.code == code
    assert words.gettext("Quit") == {"en": "Quit", "fr": "Quitter"}[code]
    assert words.time(AT_14_32)


@needs.CLOCK
@pytest.mark.usefixtures("utc")
@pytest.mark.parametrize(
    ("name", "date"),
    [
        ("en", "Nov 30, 2025"), ("en_US", "Nov 30, 2025"), ("en_GB.UTF-8", "30 Nov 2025"),
        ("en-gb", "30 Nov 2025"), ("en_GB@x", "30 Nov 2025"), ("de_GB", "Nov 30, 2025"),
        ("en_CA", "Nov 30, 2025"), ("en_PH", "Nov 30, 2025"), ("en_PR", "Nov 30, 2025"),
        ("fr", "30 nov. 2025"), ("fr_CA@euro", "30 nov. 2025"),
    ],
)  # fmt: skip
def test_the_country_in_a_name_has_its_dates_and_each_has_24_hours(name: str, date: str) -> None:
    words = Language(name)
    assert words.date(AT_14_32) == date
    assert words.time(AT_14_32) == "14:32"
    assert words.date_and_time(AT_14_32) == f"{date}, 14:32"


@needs.CLOCK
@pytest.mark.usefixtures("utc")
@pytest.mark.parametrize("code", ["en", "en_GB", "fr"])
def test_dates_distances_and_numbers_are_those_of_unicode(code: str) -> None:
    words, locale = Language(code), Locale.parse(code)
    for month in (month for month in range(1, 13) if (code, month) != ("en_GB", 9)):
        day = datetime(2025, month, 3, 12, tzinfo=UTC)
        assert words.date(day.timestamp()) == format_date(day, "medium", locale)
        assert words.day(day.timestamp()) == format_skeleton("MMMd", day, locale=locale)
    for seconds in (0, 1, 50, 51, 59, 90, 3000, 3060, 5e4, 7.4e4, 5e5, 2e6, 2.3e6, 2e7, 2.7e7, 1e9):
        for distance in (seconds, -seconds):
            said = format_timedelta(timedelta(seconds=distance), add_direction=True, locale=locale)
            assert words.distance(distance) == said
    for number in (0, 7, 30.0, 999, 999.5, 1000, -1, -1000, 2.5, 0.12345, 1_234_567, 10**20):
        assert words.number(number) == format_decimal(number, locale=locale)


def test_nothing_of_babel_is_loaded() -> None:
    code = """
import sys
from mem0tray.core.language import Language
words = Language("fr_FR")
print(ascii(words.number(1000)), words.date_and_time(1e9), words.distance(-300))
assert "babel" not in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert done.stdout
