"""Changes of a TOML document as text, by paths in it: comments and layout stay.

A table as it was added is text to be replaced; only one in another form is left to tomlkit.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import reduce
from operator import getitem
from typing import Any

import tomlkit


def with_member(text: str, path: Sequence[str], name: str, value: Any) -> str:
    """`text` with a further member in the table at `path`; a new table stands at the very end.

    Raises ValueError where there is no place for one.
    """
    if not isinstance(value, Mapping):
        return with_value(text, (*path, name), value)
    gap = ("" if not text or text.endswith("\n") else "\n") + ("\n" if text.strip() else "")
    made = text + _as_in(text, gap + _table((*path, name), value))
    tomllib.loads(made)
    return made


def with_value(text: str, path: Sequence[str], value: Any) -> str:
    """`text` with another value at `path`, or a further one there."""
    return _changed(text, path[:-1], {path[-1]: value})


def without(text: str, path: Sequence[str]) -> str:
    """`text` without the table at `path`."""
    return _changed(text, path, None)


def _changed(text: str, path: Sequence[str], change: Mapping[str, Any] | None) -> str:
    """`text` with further or other members of the table at `path`, or (None) without it."""
    document = tomlkit.parse(text)
    outer: Any = reduce(getitem, path[:-1], document)
    before = outer[path[-1]].unwrap()
    new = "" if change is None else _table(path, before | change)
    olds = [_as_in(text, gap + _table(path, before)) for gap in (("",) if new else ("\n", ""))]
    ways = [text.replace(old, _as_in(text, new)) for old in olds if text.count(old) == 1]
    if change is None:
        del outer[path[-1]]
        ways.append(_without_lines(text, path))
    else:
        outer[path[-1]].update(change)
        more = _as_in(text, tomlkit.dumps(change))  # first: comments at the end may be another's
        ways.append(re.sub(rf"{_head(path)}\].*\n", lambda found: found[0] + more, text, count=1))
    last = tomlkit.dumps(document)
    return next((way for way in ways if _is_same(way, last)), last)


def _is_same(text: str, other: str) -> bool:
    with suppress(ValueError):  # of lines that were taken out of a string
        return tomllib.loads(text) == tomllib.loads(other)
    return False


def _head(path: Sequence[str]) -> str:
    """Return a pattern of the line with which a table begins, up to its bracket."""
    quoted = (f"[\"']?{re.escape(name)}[\"']?" for name in path)
    names = r"[ \t]*\.[ \t]*".join(quoted)
    return rf"(?m)^[ \t]*\[[ \t]*{names}[ \t]*"


def _without_lines(text: str, path: Sequence[str]) -> str:
    """`text` without the lines of a table; comments after them are of what follows."""
    kept, held, is_ours = "", "", False
    for line in text.splitlines(keepends=True):
        if line.strip()[:1] in ("", "#"):
            held += line
            continue
        if line.lstrip().startswith("["):
            kept, held = kept + held, ""
            is_ours = re.match(rf"{_head(path)}[].]", line) is not None
        kept, held = kept if is_ours else kept + held + line, ""
    return kept + held


def _table(path: Sequence[str], value: Mapping[str, Any]) -> str:
    return f"[{'.'.join(path)}]\n{tomlkit.dumps(value)}"


def _as_in(text: str, lines: str) -> str:
    return lines.replace("\n", "\r\n") if "\r\n" in text else lines
