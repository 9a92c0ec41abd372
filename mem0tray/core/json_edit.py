"""Changes of a JSON object as text, by paths in it: every other character stays as it is."""

import json
import re
from collections.abc import Sequence
from typing import Any, Final

from mem0tray.core.jsontext import Part, parts, past_blanks, value_end

Path = Sequence[str | int]

_FIRST_INDENT: Final = re.compile(r"\s*\{[ \t]*\r?\n([ \t]+)")
_INDENT: Final = "  "


def with_member(text: str, path: Path, name: str, value: Any) -> str:
    """`text` with a further member at the end of the object at `path`, which is made if need be."""
    at = _place(text, path)
    if at is None:
        return with_member(text, path[:-1], str(path[-1]), {name: value})
    return _appended(text, at, name, value)


def with_element(text: str, path: Path, value: Any) -> str:
    """`text` with a further element at the end of the list at `path`, which is made if need be."""
    at = _place(text, path)
    if at is None:
        return with_member(text, path[:-1], str(path[-1]), [value])
    return _appended(text, at, None, value)


def with_value(text: str, path: Path, value: Any) -> str:
    """`text` with another value at `path`, where there is one."""
    at = _place(text, path)
    if at is None:
        return text
    end = value_end(text, at)
    return text[:at] + _lines(text, value, _indent_of_line(text, at)) + text[end:]


def without(text: str, path: Path) -> str:
    """`text` without the member or element at `path`, and without the comma beside it."""
    at = _place(text, path[:-1])
    found = [] if at is None else _parts(text, at)
    index = next((i for i, part in enumerate(found) if part.name == path[-1]), None)
    if at is None or index is None:
        return text
    if len(found) == 1:
        return text[: at + 1] + text[past_blanks(text, found[0].end) :]
    if index:
        return text[: found[index - 1].end] + text[found[index].end :]
    return text[: found[0].start] + text[found[1].start :]


# Finding --------------------------------------------------------------------------------------


def _place(text: str, path: Path) -> int | None:
    """Return where the value at `path` begins; None where there is none."""
    at = past_blanks(text, 0)
    for name in path:
        found = [part.value for part in _parts(text, at) if part.name == name]
        if not found:
            return None
        at = found[-1]  # of two members of one name the last counts, as for every reader
    return at


def _parts(text: str, at: int) -> list[Part]:
    """Return the parts of the object or list that begins at `at`; none of another value."""
    return parts(text, at)[0] if text[at] in "{[" else []


# Laying out -----------------------------------------------------------------------------------


def _appended(text: str, at: int, name: str | None, value: Any) -> str:
    """`text` with a further part at the end of what begins at `at`, laid out as the others are."""
    found = _parts(text, at)
    gap = text[at + 1 : found[0].start] if found else ""
    begin = "" if name is None else f"{json.dumps(name, ensure_ascii=False)}: "
    if found and "\n" in gap:
        indent = gap.rpartition("\n")[2]
        new = f",{_newline(text)}{indent}{begin}{_lines(text, value, indent)}"
        return text[: found[-1].end] + new + text[found[-1].end :]
    if found or not _is_laid_out(text):
        new = (", " if found else "") + begin + json.dumps(value, ensure_ascii=False)
        place = found[-1].end if found else at + 1
        return text[:place] + new + text[place:]
    outer = _indent_of_line(text, at)
    indent = outer + _unit(text)
    new = f"{_newline(text)}{indent}{begin}{_lines(text, value, indent)}{_newline(text)}{outer}"
    return text[: at + 1] + new + text[past_blanks(text, at + 1) :]


def _lines(text: str, value: Any, indent: str) -> str:
    if not _is_laid_out(text):
        return json.dumps(value, ensure_ascii=False)
    lines = json.dumps(value, ensure_ascii=False, indent=_unit(text)).split("\n")
    return f"{_newline(text)}{indent}".join(lines)


def _is_laid_out(text: str) -> bool:
    """Return whether a text has a line for each member; a text without members counts as one."""
    return "\n" in text.strip() or not _parts(text, past_blanks(text, 0))


def _newline(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _unit(text: str) -> str:
    found = _FIRST_INDENT.match(text)
    return found[1] if found else _INDENT


def _indent_of_line(text: str, at: int) -> str:
    line = text[text.rfind("\n", 0, at) + 1 : at]
    return line[: len(line) - len(line.lstrip(" \t"))]
