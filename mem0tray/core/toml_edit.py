"""Changes of a TOML document as text, by paths in it: comments and layout stay.

A table as it was added is text to be replaced; only one in another form is left to tomlkit.
"""

import tomllib
from collections.abc import Mapping, Sequence
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
    for gap in ("",) if new else ("\n", ""):
        old = _as_in(text, gap + _table(path, before))
        if text.count(old) == 1:
            return text.replace(old, _as_in(text, new))
    if change is None:
        del outer[path[-1]]
    else:
        outer[path[-1]].update(change)
    return tomlkit.dumps(document)


def _table(path: Sequence[str], value: Mapping[str, Any]) -> str:
    return f"[{'.'.join(path)}]\n{tomlkit.dumps(value)}"


def _as_in(text: str, lines: str) -> str:
    return lines.replace("\n", "\r\n") if "\r\n" in text else lines
