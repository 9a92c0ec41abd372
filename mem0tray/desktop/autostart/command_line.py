"""Command lines in files of the desktop and of systemd. Pure.

Both put a word in double quotes with backslashes; and both cannot name every program.
"""

import re
from collections.abc import Callable, Sequence
from typing import Final

_WORD: Final = re.compile(r'"((?:[^"\\]|\\.)*)"|(\S+)', re.DOTALL)
_BY_SHELL: Final = ("/bin/sh", "-c", 'exec "$0" "$@"')


def split(text: str, unquoted: Callable[[str], str]) -> list[str]:
    """The words of a line; `unquoted` undoes the escapes of one that stood in quotes."""
    return [unquoted(match[1]) if match[2] is None else match[2] for match in _WORD.finditer(text)]


def by_shell(words: Sequence[str]) -> tuple[str, ...]:
    """The same program, started by a shell: the file cannot name it as its first word."""
    return (*_BY_SHELL, *words)


def without_shell(words: Sequence[str]) -> tuple[str, ...]:
    """The words that `by_shell` was given; others as they are."""
    found = tuple(words)
    return found[len(_BY_SHELL) :] if found[: len(_BY_SHELL)] == _BY_SHELL else found
