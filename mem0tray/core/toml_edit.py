"""Changes of a TOML document as text, by paths in it: comments and layout stay."""

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
    lines = ["" if not text or text.endswith("\n") else "\n", "\n" if text.strip() else ""]
    made = text + _as_in(text, "".join(lines) + _table((*path, name), value))
    tomlkit.parse(made)
    return made


def with_value(text: str, path: Sequence[str], value: Any) -> str:
    """`text` with another value at `path`, or a further one there."""
    document = tomlkit.parse(text)
    inside: Any = reduce(getitem, path[:-1], document)
    inside[path[-1]] = value
    return tomlkit.dumps(document)


def without(text: str, path: Sequence[str]) -> str:
    """`text` without the table at `path`; of one as it was added nothing stays behind."""
    document = tomlkit.parse(text)
    inside: Any = reduce(getitem, path[:-1], document)
    table = _table(path, inside[path[-1]].unwrap())
    for whole in (_as_in(text, f"\n{table}"), _as_in(text, table)):
        if text.count(whole) == 1:
            return text.replace(whole, "")
    del inside[path[-1]]
    return tomlkit.dumps(document)


def _table(path: Sequence[str], value: Mapping[str, Any]) -> str:
    return f"[{'.'.join(path)}]\n{tomlkit.dumps(value)}"


def _as_in(text: str, lines: str) -> str:
    return lines.replace("\n", "\r\n") if "\r\n" in text else lines
