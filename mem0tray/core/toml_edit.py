"""Changes of a TOML document as text, by paths in it: comments and layout stay."""

from collections.abc import Mapping, Sequence
from functools import reduce
from operator import getitem
from typing import Any, Final

import tomlkit

_HEADER: Final = "[{}]"


def with_member(text: str, path: Sequence[str], name: str, value: Any) -> str:
    """`text` with a further value in the table at `path`; a new table stands at the very end."""
    if not isinstance(value, Mapping):
        return _changed(text, path, name, value)
    newline = "\r\n" if "\r\n" in text else "\n"
    open_line = newline if text and not text.endswith("\n") else ""
    gap = newline if text.strip() else ""
    made = text + open_line + gap + _table([*path, name], value).replace("\n", newline)
    tomlkit.parse(made)
    return made


def with_value(text: str, path: Sequence[str], value: Any) -> str:
    """`text` with another value at `path`, where there is one."""
    return _changed(text, path[:-1], path[-1], value)


def without(text: str, path: Sequence[str]) -> str:
    """`text` without the value at `path`; of a table in its first form nothing stays behind."""
    document = tomlkit.parse(text)
    *outer, name = path
    inside: Any = reduce(getitem, outer, document)
    value = inside[name].unwrap()
    newline = "\r\n" if "\r\n" in text else "\n"
    if isinstance(value, Mapping):
        table = _table(path, value).replace("\n", newline)
        for whole in (newline + table, table):
            if text.count(whole) == 1:
                return text.replace(whole, "")
    del inside[name]
    return tomlkit.dumps(document)


def _table(path: Sequence[str], value: Mapping[str, Any]) -> str:
    dotted = ".".join(tomlkit.key(each).as_string() for each in path)
    return f"{_HEADER.format(dotted)}\n{tomlkit.dumps(value)}"


def _changed(text: str, path: Sequence[str], name: str, value: Any) -> str:
    document = tomlkit.parse(text)
    inside: Any = reduce(getitem, path, document)
    inside[name] = value
    return tomlkit.dumps(document)
