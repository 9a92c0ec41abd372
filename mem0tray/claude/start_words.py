"""The command lines by which Claude Code starts mem0tray: writing and recognising them. Pure."""

import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any, Final

from mem0tray.system.paths import APP

_BARE: Final = re.compile(r"[A-Za-z0-9_@%+=:,./-]+")
_SPECIAL: Final = re.compile(r'([\\"$`])')


def of_hook(program: Sequence[str], event: str, *, windows: bool) -> str:
    """A hook's line: one for sh; on Windows one that Git's bash and other shells read alike."""
    if not windows:
        return shlex.join([*program, "hook", event])
    words = [*(word.replace("\\", "/") for word in program), "hook", event]
    return " ".join(word if _BARE.fullmatch(word) else _in_quotes(word) for word in words)


def _in_quotes(word: str) -> str:
    escaped = _SPECIAL.sub(r"\\\1", word)
    return f'"{escaped}"'


def split(hook: Mapping[str, Any]) -> list[str]:
    """The words that a hook in the settings starts; empty if that is no command."""
    command, arguments = hook.get("command"), hook.get("args")
    if not isinstance(command, str):
        return []
    if isinstance(arguments, list):
        return [command, *map(str, arguments)]
    try:
        return shlex.split(command)
    except ValueError:
        return []


def program(words: Sequence[str], *verb: str) -> list[str]:
    """The words that start mem0tray itself, if `words` are these and `verb`; else empty."""
    found = list(words[: -len(verb)])
    if list(words[-len(verb) :]) != list(verb) or not found:
        return []
    if found[-2:] == ["-m", APP]:
        return found
    name = re.split(r"[\\/]", found[0])[-1].lower()
    is_ours = name in (APP, f"{APP}.exe") or (name.startswith(APP) and name.endswith(".appimage"))
    return found if is_ours and len(found) == 1 else []


def is_installed(words: Sequence[str]) -> bool:
    """Whether `install` writes such a program: one with its full path.

    A line written by hand lets the PATH find it.
    """
    return bool(words) and (
        PurePosixPath(words[0]).is_absolute() or PureWindowsPath(words[0]).is_absolute()
    )


def seems_hook(hook: Mapping[str, Any], event: str) -> bool:
    """Whether a hook runs `mem0tray hook` for this event, among other things."""
    arguments = hook.get("args")
    given = arguments if isinstance(arguments, list) else ()
    line = " ".join([str(hook.get("command", "")), *map(str, given)])
    return re.search(rf"\b{APP}\b[^|;&]*\bhook\s+{event}\b", line) is not None
