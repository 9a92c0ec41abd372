"""The places in Claude Code's settings, valid JSON, that start mem0tray: found, added, removed."""

import json
import re
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any, Final, NamedTuple

from mem0tray.agents.table import AGENTS, CLAUDE_CODE
from mem0tray.core import json_edit
from mem0tray.core.errors import Mem0TrayError
from mem0tray.system.paths import APP

NAME: Final = APP  # the name of the tools' server
EVENTS: Final = tuple(AGENTS[CLAUDE_CODE].events)
ON_WINDOWS: Final = sys.platform == "win32"
_SERVERS: Final = "mcpServers"
_HOOKS: Final = "hooks"
_PATIENCE: Final = 10  # seconds, after which Claude Code goes on without a hook
_BARE: Final = re.compile(r"[A-Za-z0-9_@%+=:,./-]+")
_SPECIAL: Final = re.compile(r'([\\"$`])')
_ESCAPED: Final = r"\\\1"


class Caller(NamedTuple):
    """A place in the settings that starts mem0tray.

    `place` leads to the server or the hook. `program` are the words before `mcp` or `hook`, empty
    if more than that is started. `installed`: `install` would write the same.
    """

    what: str
    place: tuple[str | int, ...]
    program: tuple[str, ...]
    installed: bool


def odd(document: dict[str, Any]) -> str:
    """Return the member that is not in the form that Claude Code reads; empty if none is."""
    for name in (_SERVERS, _HOOKS):
        if not isinstance(document.get(name, {}), dict):
            return name
    hooks = document.get(_HOOKS, {})
    found = (each for each in EVENTS if not isinstance(hooks.get(each, []), list))
    return next((f"{_HOOKS}.{each}" for each in found), "")


def servers(text: str) -> list[Caller]:
    """Return the servers of the tools, which run `mcp`."""
    found = []
    for name, server in json.loads(text).get(_SERVERS, {}).items():
        program = started_program(words_of(server), "mcp") if isinstance(server, dict) else []
        if program:
            installed = name == NAME and is_installed(program)
            found.append(Caller("mcp", (_SERVERS, name), tuple(program), installed))
    return found


def with_server(text: str, program: Sequence[str]) -> str:
    """Add a server of the tools; one that `install` made gets `program`. Raises Mem0TrayError."""
    found = servers(text)
    ours = next((each for each in found if each.installed), None)
    if ours is not None and ours.program != tuple(program):
        text = json_edit.with_value(text, (*ours.place, "command"), program[0])
        return json_edit.with_value(text, (*ours.place, "args"), [*program[1:], "mcp"])
    if found:
        return text
    if NAME in json.loads(text).get(_SERVERS, {}):
        raise Mem0TrayError(
            f"Claude Code has another server under the name {NAME}; nothing was changed.",
            f"Give that one another name, or remove it: `claude mcp remove --scope user {NAME}`.",
        )
    server = {"type": "stdio", "command": program[0], "args": [*program[1:], "mcp"], "env": {}}
    return json_edit.with_member(text, (_SERVERS,), NAME, server)


def without_server(text: str) -> str:
    """Take the server that `install` writes out of `text`; the object around it stays."""
    ours = next((each for each in servers(text) if each.installed), None)
    return text if ours is None else json_edit.without(text, ours.place)


def hooks(text: str) -> list[Caller]:
    """Return the hooks that start mem0tray, each named after its event."""
    document = json.loads(text)
    return [each for event in EVENTS for each in _hooks_of(document, event)]


def _hooks_of(document: dict[str, Any], event: str) -> Iterator[Caller]:
    for number, group in enumerate(document.get(_HOOKS, {}).get(event, [])):
        inner = group.get(_HOOKS) if isinstance(group, dict) else None
        for index, hook in enumerate(inner if isinstance(inner, list) else ()):
            if isinstance(hook, dict) and seems_hook(hook, event):
                program = started_program(words_of(hook), "hook", event)
                place = (_HOOKS, event, number, _HOOKS, index)
                installed = is_installed(program) and "args" not in hook
                yield Caller(event, place, tuple(program), installed)


def with_hooks(text: str, program: Sequence[str]) -> str:
    """Add a hook for each event to `text`; one that `install` made gets `program`."""
    for event in EVENTS:
        found = list(_hooks_of(json.loads(text), event))
        line = hook_line(program, event)
        ours = next((each for each in found if each.installed), None)
        if ours is not None:
            if ours.program != tuple(words_of({"command": line})[:-2]):
                text = json_edit.with_value(text, (*ours.place, "command"), line)
        elif not found:
            hook = {"type": "command", "command": line, "timeout": _PATIENCE}
            text = json_edit.with_element(text, (_HOOKS, event), {_HOOKS: [hook]})
    return text


def without_hooks(text: str) -> str:
    """Take the hooks that `install` writes out of `text`, and containers left empty."""
    for event in EVENTS:
        for each in reversed([*_hooks_of(json.loads(text), event)]):
            if each.installed:
                text = json_edit.without(text, each.place)
                text = _without_empty(text, each.place[:-1])
    return text


def _without_empty(text: str, place: tuple[str | int, ...]) -> str:
    """Take the list at `place` out of `text`, its group, and what contains them, if empty."""
    for inside in (place, place[:2], place[:1]):
        found = json.loads(text)
        for name in inside:
            found = found[name]
        if found:
            return text
        text = json_edit.without(text, inside[:3])  # a group goes together with its list
    return text


def plug_in(text: str) -> str:
    """Return the name under which a plug-in of mem0tray is switched on; empty where none is."""
    enabled = json.loads(text).get("enabledPlugins")
    names = enabled.items() if isinstance(enabled, dict) else ()
    return next((name for name, on in names if on and name.partition("@")[0] == NAME), "")


def are_off(text: str) -> bool:
    """Return whether the settings switch every hook off."""
    return json.loads(text).get("disableAllHooks") is True


def hook_line(program: Sequence[str], event: str, *, windows: bool = ON_WINDOWS) -> str:
    """Return a hook's line: for sh; on Windows one that Git's bash and others read alike."""
    if not windows:
        return shlex.join([*program, "hook", event])
    words = [*(word.replace("\\", "/") for word in program), "hook", event]
    return " ".join(
        word if _BARE.fullmatch(word) else f'"{_SPECIAL.sub(_ESCAPED, word)}"' for word in words
    )


def words_of(given: Mapping[str, Any]) -> list[str]:
    """Return the words that a server or hook starts; empty if that is no command."""
    command, arguments = given.get("command"), given.get("args")
    if not isinstance(command, str):
        return []
    if isinstance(arguments, list):
        return [command, *map(str, arguments)]
    try:
        return shlex.split(command)
    except ValueError:
        return []


def started_program(words: Sequence[str], *verb: str) -> list[str]:
    """Return the words that start mem0tray itself, if `words` are these and `verb`; else empty."""
    found = list(words[: -len(verb)])
    if list(words[-len(verb) :]) != list(verb) or not found:
        return []
    if found[-2:] == ["-m", APP]:
        return found
    name = re.split(r"[\\/]", found[0])[-1].lower()
    is_ours = name in (APP, f"{APP}.exe") or (name.startswith(APP) and name.endswith(".appimage"))
    return found if is_ours and len(found) == 1 else []


def is_installed(words: Sequence[str]) -> bool:
    """Return whether `install` writes such a program: one with its full path."""
    return bool(words) and (
        PurePosixPath(words[0]).is_absolute() or PureWindowsPath(words[0]).is_absolute()
    )


def seems_hook(hook: Mapping[str, Any], event: str) -> bool:
    """Return whether a hook runs `mem0tray hook` for this event, among other things."""
    arguments = hook.get("args")
    given = arguments if isinstance(arguments, list) else ()
    line = " ".join([str(hook.get("command", "")), *map(str, given)])
    return re.search(rf"\b{APP}\b[^|;&]*\bhook\s+{event}\b", line) is not None
