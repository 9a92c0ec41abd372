"""Which language the user has: by the settings, the environment, macOS or Windows."""

import ctypes
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from mem0tray.system import user_language
from mem0tray.system.user_language import chosen
from tests.desktop.programs import script
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
    """LANGUAGE goes before LC_ALL, LC_MESSAGES and LANG; empty ones do not count."""
    assert chosen("", environ).code == code


@needs.LANGUAGE
def test_the_environment_is_that_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless another is given."""
    for name in ("LANGUAGE", "LC_ALL", "LC_MESSAGES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANG", "fr_FR.UTF-8")
    assert chosen().code == "fr"
    assert chosen("", {}).code == "en"


def test_the_setting_wins() -> None:
    """`ui.language` beats whatever the system says."""
    assert chosen("fr", {"LANGUAGE": "en"}).code == "fr"
    assert chosen("en", {"LANG": "fr_FR.UTF-8"}).code == "en"


@needs.SHELL
@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ('(\n    "fr-FR",\n    "en-US"\n)\n', "fr"),
        ('(\n    "en-FR",\n    "fr-FR"\n)\n', "en"),
        ("(\n    fr\n)\n", "fr"),
        ("", "fr"),  # no answer: the environment's
    ],
)
def test_macos_is_asked_for_its_first_language(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str, code: str
) -> None:
    """What System Settings say goes before the environment, which the Dock does not set."""
    defaults = script(tmp_path / "defaults", f"cat <<'END'\n{answer}END")
    real = subprocess.run

    def run(question: list[str], **options: object) -> object:
        assert question == ["/usr/bin/defaults", "read", "-g", "AppleLanguages"]
        assert options["timeout"] == 2.0  # the start does not wait longer for it
        return real([str(defaults)], **options)  # type: ignore[call-overload]

    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(user_language, "subprocess", SimpleNamespace(
        run=run, TimeoutExpired=subprocess.TimeoutExpired
    ))  # fmt: skip
    assert chosen("", {"LANG": "fr_FR.UTF-8"}).code == code


def test_macos_without_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where `defaults` cannot be started, the environment decides."""
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(subprocess, "run", _missing)
    assert chosen("", {"LANG": "fr_FR.UTF-8"}).code == "fr"


def test_macos_that_knows_no_languages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where `defaults` ends with an error, the environment decides."""
    defaults = script(tmp_path / "defaults", "exit 1")
    real = subprocess.run
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(user_language, "subprocess", SimpleNamespace(
        run=lambda _, **options: real([str(defaults)], **options),
        TimeoutExpired=subprocess.TimeoutExpired,
    ))  # fmt: skip
    assert chosen("", {"LANG": "fr_FR.UTF-8"}).code == "fr"


def test_macos_that_takes_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where `defaults` does not answer, the environment decides."""

    def hang(question: list[str], **_options: object) -> None:
        raise subprocess.TimeoutExpired(question, 2.0)

    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(subprocess, "run", hang)
    assert chosen("", {"LANG": "fr_FR.UTF-8"}).code == "fr"


def _missing(*_arguments: object, **_options: object) -> None:
    raise FileNotFoundError


@pytest.mark.parametrize(("number", "code"), [(0x040C, "fr"), (0x0409, "en"), (0x7FFF, "fr")])
def test_windows_is_asked_for_its_language(
    monkeypatch: pytest.MonkeyPatch, number: int, code: str
) -> None:
    """The language of the user interface counts; the environment, where it is unknown."""
    kernel = SimpleNamespace(GetUserDefaultUILanguage=lambda: number)
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(ctypes, "windll", SimpleNamespace(kernel32=kernel), raising=False)
    assert chosen("", {"LANG": "fr_FR.UTF-8"}).code == code
