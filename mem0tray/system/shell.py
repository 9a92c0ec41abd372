"""Words of a command line, as the system's shell takes them."""

import sys
from typing import Final

_PLAIN_SIGNS: Final = frozenset("-_.:/\\@+,=~")  # on Windows, beside letters and digits


def quote(word: str) -> str:
    """One word of a command shown to people, in quotes if it needs them."""
    return _for_windows(word) if sys.platform == "win32" else _for_posix(word)


def _for_posix(word: str) -> str:
    import shlex  # slow to import, and rarely needed

    return shlex.quote(word)


def _for_windows(word: str) -> str:
    is_plain = bool(word) and all(sign.isalnum() or sign in _PLAIN_SIGNS for sign in word)
    return word if is_plain else f'"{word}"'


def split(line: str) -> list[str]:
    """The words of a command line from a variable. Raises ValueError for an open quote."""
    import shlex

    is_posix = sys.platform != "win32"  # else backslashes stay
    words = shlex.split(line, posix=is_posix)
    return words if is_posix else [word.replace('"', "") for word in words]
