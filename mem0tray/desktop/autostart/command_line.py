"""Command lines in files of the desktop and of systemd. Pure.

Both put a word in double quotes with backslashes, and neither can name every program.
"""

import base64
import re
import shlex
from collections.abc import Callable, Sequence
from typing import Final

_WORD: Final = re.compile(r'"((?:[^"\\]|\\.)*)"|(\S+)', re.DOTALL)
_BY_SHELL: Final = ("/bin/sh", "-c", 'exec "$0" "$@"')
_ENCODED: Final = re.compile(r"echo ([A-Za-z0-9+/]+=*) \| base64 -d \| sh")


def split(text: str, unquoted: Callable[[str], str]) -> list[str]:
    """The words of a line; `unquoted` undoes the escapes of a quoted word."""
    return [unquoted(match[1]) if match[2] is None else match[2] for match in _WORD.finditer(text)]


def by_shell(words: Sequence[str]) -> tuple[str, ...]:
    """The same program, started by a shell, if the file cannot name it as its first word."""
    return (*_BY_SHELL, *words)


def encoded(words: Sequence[str]) -> tuple[str, ...]:
    """The same program, started by a shell that gets it in characters which no reader escapes."""
    told = f"exec {shlex.join(words)}".encode("utf-8", "surrogateescape")
    return (*_BY_SHELL[:2], f"echo {base64.b64encode(told).decode()} | base64 -d | sh")


def without_shell(words: Sequence[str]) -> tuple[str, ...]:
    """The words that `by_shell` or `encoded` was given; other words unchanged."""
    found = tuple(words)
    if found[: len(_BY_SHELL)] == _BY_SHELL:
        return found[len(_BY_SHELL) :]
    told = _ENCODED.fullmatch(found[-1]) if len(found) == len(_BY_SHELL) else None
    return _decoded(told[1]) or found if told is not None else found


def _decoded(data: str) -> tuple[str, ...]:
    """The words encoded in it; empty when we did not encode it."""
    try:
        told = base64.b64decode(data).decode("utf-8", "surrogateescape")
        return tuple(shlex.split(told.removeprefix("exec ")))
    except ValueError:
        return ()
