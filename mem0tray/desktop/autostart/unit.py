"""Units of systemd, as far as a service of ours needs them. Pure.

A value is a line; a backslash at its end continues it. In ExecStart a percent sign is doubled, a
word may be quoted with the escapes of C, and a colon before the program keeps systemd from
expanding variables.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from mem0tray.desktop.autostart import command_line

_SECTION: Final = "[Service]"
_KEY: Final = "ExecStart"
_UNSAFE: Final = re.compile(r'[\x00-\x1f\x7f"\\\udc80-\udcff]')
_ESCAPE: Final = re.compile(r"\\x([0-9a-fA-F]{2})|\\(.)", re.DOTALL)
_ESCAPES: Final = {"n": "\n", "t": "\t", "s": " "}
# systemd refuses a program whose path holds one of these, quoted or not.
_REFUSED: Final = re.compile(r"""["'\\\x00-\x1f\x7f]""")
_PREFIXES: Final = "@-:+!|"


def exec_start(words: Iterable[str]) -> str:
    """A command line as the line of ExecStart."""
    given = tuple(words)
    program, *rest = command_line.by_shell(given) if _REFUSED.search(given[0]) else given
    return f"{_KEY}=" + " ".join(map(_quoted, (f":{program}", *rest)))


def _quoted(word: str) -> str:
    return '"' + _UNSAFE.sub(_escaped, word).replace("%", "%%") + '"'


def _escaped(match: re.Match[str]) -> str:
    """What quotes cannot hold, byte by byte; a byte that is not UTF-8 is a surrogate to Python."""
    data = match[0].encode("utf-8", "surrogateescape")
    return "".join(f"\\x{byte:02x}" for byte in data)


def program(text: str) -> tuple[str, ...]:
    """The words that the unit starts; empty when it starts nothing."""
    found = ""
    for _, line in _service(_lines(text)):
        key, _, value = line.partition("=")
        if key.strip() == _KEY:
            found = value.strip()  # the last one counts
    words = command_line.split(found.lstrip(_PREFIXES), lambda word: _ESCAPE.sub(_unescaped, word))
    if words:
        words[0] = words[0].lstrip(_PREFIXES)
    return command_line.without_shell([word.replace("%%", "%") for word in words])


def _unescaped(match: re.Match[str]) -> str:
    if match[1]:
        return bytes([int(match[1], 16)]).decode("utf-8", "surrogateescape")
    return _ESCAPES.get(match[2], match[2])


def with_program(text: str, words: Iterable[str]) -> str:
    """`text` starting these words, otherwise unchanged; empty when that is impossible."""
    lines = _lines(text)
    at = [number for number, line in _service(lines) if line.partition("=")[0].strip() == _KEY]
    if not at:
        return ""
    lines[at[0]] = exec_start(words)
    for number in reversed(at[1:]):
        del lines[number]
    return "\n".join(lines)


def _lines(text: str) -> list[str]:
    """The lines of a unit; a continued line is joined with the next."""
    return re.sub(r"\\\r?\n", " ", text).replace("\r\n", "\n").split("\n")


def _service(lines: list[str]) -> Iterator[tuple[int, str]]:
    """The lines of the section that says what is started, with their numbers."""
    inside = False
    for number, line in enumerate(lines):
        if line.startswith("["):
            inside = line.strip() == _SECTION
        elif inside and not line.lstrip().startswith(("#", ";")):
            yield number, line
