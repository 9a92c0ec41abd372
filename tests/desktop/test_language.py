"""Which language the user has: by the settings, the environment, macOS or Windows."""

import ctypes
import sys
from types import SimpleNamespace

import pytest

from mem0tray.desktop.session import language
from mem0tray.system import programs
from tests.support import needs


@needs.LANGUAGE
@pytest.mark.parametrize(
    ("environ", "code"),
    [
        ({}, "en"),
        ({"LANG": "fr_FR.UTF-8"}, "fr"),
        ({"LC_MESSAGES": "fr_FR.UTF-8", "LANG": "en_US.UTF-8"}, "fr"),
        ({"LC_ALL": "fr_FR.UTF-8", "LC_MESSAGES": "en_US.UTF-8", "LANG": "en_US.UTF-8"}, "fr"),
        ({"LANGUAGE": "fr:en", "LC_ALL": "en_US.UTF-8", "LANG": "en_US.UTF-8"}, "fr"),
        ({"LANGUAGE": "en", "LC_ALL": "fr_FR.UTF-8"}, "en"),
        ({"LANGUAGE": "", "LC_ALL": "", "LANG": "fr_FR.UTF-8"}, "fr"),
    ],
)
def test_the_environment_names_the_language(environ: dict[str, str], code: str) -> None:
    assert language("", environ).code == code


def test_the_setting_wins() -> None:
    assert language("fr", {"LANGUAGE": "en"}).code == "fr"
    assert language("en", {"LANG": "fr_FR.UTF-8"}).code == "en"


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ('(\n    "fr-FR",\n    "en-US"\n)\n', "fr"),
        ('(\n    "en-FR",\n    "fr-FR"\n)\n', "en"),
        ("(\n    fr\n)\n", "fr"),
        ("", "fr"),  # no answer: the environment's
        (None, "fr"),
    ],
)
def test_macos_is_asked_for_its_first_language(
    monkeypatch: pytest.MonkeyPatch, answer: str | None, code: str
) -> None:
    def asked(*words: str, patience: float) -> str | None:
        assert words == ("/usr/bin/defaults", "read", "-g", "AppleLanguages")
        assert patience == 2.0  # the start does not wait longer for it
        return answer

    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(programs, "answer", asked)
    assert language("", {"LANG": "fr_FR.UTF-8"}).code == code


@pytest.mark.parametrize(("number", "code"), [(0x040C, "fr"), (0x0409, "en"), (0x7FFF, "fr")])
def test_windows_is_asked_for_its_language(
    monkeypatch: pytest.MonkeyPatch, number: int, code: str
) -> None:
    kernel = SimpleNamespace(GetUserDefaultUILanguage=lambda: number)
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(ctypes, "windll", SimpleNamespace(kernel32=kernel), raising=False)
    assert language("", {"LANG": "fr_FR.UTF-8"}).code == code
