"""Desktop entries, as the freedesktop.org specification writes them. Pure.

Two layers: a value of type string escapes backslash and control characters;
inside such a value, Exec quotes its words and doubles percent signs.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from mem0tray.desktop.autostart import command_line

_GROUP: Final = "[Desktop Entry]"
_ESCAPES: Final = {"s": " ", "n": "\n", "t": "\t", "r": "\r", "\\": "\\"}
_WRITTEN: Final = {"\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}
_PLAIN: Final = re.compile(r"[^\s\"'\\><~|&;$*?#()`]+")  # a word that needs no quotes
_SPECIAL: Final = re.compile(r'(["`$\\])')  # what needs a backslash within quotes
_FIELD_CODE: Final = re.compile(r"%[a-zA-Z]")
# GLib looks up a program with a "%" in its path under the doubled sign. systemd's generator, by
# which Plasma and GNOME start entries, escapes the others in a way that systemd itself refuses.
# A "~" at the beginning means a folder to it, and an entry that is not UTF-8 counts as hidden.
_MISREAD: Final = re.compile(r"^~|[%$`\"'\\\x00-\x1f\x7f\udc80-\udcff]")
_NO_UTF8: Final = re.compile("[\udc80-\udcff]")


def fields(text: str) -> dict[str, str]:
    """Keys and raw values of the main group; empty when there is no such group."""
    return {
        key.strip(): value.strip()
        for line in _main_group(_lines(text))
        for key, found, value in [line.partition("=")]
        if found
    }


def with_fields(text: str, new: Mapping[str, str]) -> str:
    """`text` with these raw values in its main group, otherwise unchanged."""
    lines = _lines(text)
    start = lines.index(_GROUP) + 1
    group = _main_group(lines)
    kept = [line for line in group if line.partition("=")[0].strip() not in new]
    added = [f"{key}={value}" for key, value in new.items()]
    return "\n".join([*lines[:start], *added, *kept, *lines[start + len(group) :]])


def _lines(text: str) -> list[str]:
    """The lines, without `splitlines`: a path may hold characters that it takes for line ends."""
    return text.replace("\r\n", "\n").split("\n")


def _main_group(lines: list[str]) -> list[str]:
    """The lines below the header of the main group, up to the next group."""
    if _GROUP not in lines:
        return []
    rest = lines[lines.index(_GROUP) + 1 :]
    end = next((at for at, line in enumerate(rest) if line.startswith("[")), len(rest))
    return rest[:end]


def written(text: str) -> str:
    """`text` as a raw value of type string."""
    return "".join(_WRITTEN.get(sign, sign) for sign in text)


def read(value: str) -> str:
    """The text that a raw value of type string stands for."""
    return re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], found[0]), value)


def exec_line(words: Iterable[str]) -> str:
    """A command line as the raw value of Exec."""
    return written(" ".join(_quoted(word.replace("%", "%%")) for word in words))


def start_lines(words: Sequence[str]) -> dict[str, str]:
    """The lines that start a program, with TryExec: no desktop complains once it is gone."""
    named = command_line.encoded(words) if any(map(_MISREAD.search, words)) else words
    tried = named[0] if _NO_UTF8.search(words[0]) else words[0]
    return {"Exec": exec_line(named), "TryExec": written(tried)}


def _quoted(word: str) -> str:
    return word if _PLAIN.fullmatch(word) else '"' + _SPECIAL.sub(r"\\\1", word) + '"'


def words(value: str) -> tuple[str, ...]:
    """The words of a raw value of Exec, without field codes."""
    found = command_line.split(
        read(value), lambda word: re.sub(r"\\(.)", r"\1", word, flags=re.DOTALL)
    )
    return tuple(word.replace("%%", "%") for word in found if not _FIELD_CODE.fullmatch(word))
