"""The user's language: the one in the settings, else the system's."""

import os
import sys
from collections.abc import Mapping
from typing import Final

from mem0tray.core.language import Language

_VARIABLES: Final = ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")  # in gettext's order
_PATIENCE: Final = 2.0  # seconds for macOS to answer


def chosen(setting: str = "", environ: Mapping[str, str] = os.environ) -> Language:
    """Return the language that the settings name (`ui.language`), else the system's own."""
    return Language(setting or _of_the_system(environ))


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
    """Ask for the first language in System Settings: an app from the Dock has no LANG."""
    from mem0tray.system import programs

    question = ("/usr/bin/defaults", "read", "-g", "AppleLanguages")
    said = programs.answer(*question, patience=_PATIENCE) or ""
    words = [word.strip(' ",()') for word in said.split("\n")]
    return next((word for word in words if word), "")
