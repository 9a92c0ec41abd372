"""The places in an agent's settings that start mem0tray: found, added, removed."""

import json
import os
import re
import shlex
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import reduce
from operator import getitem
from pathlib import PurePosixPath, PureWindowsPath
from types import ModuleType
from typing import Any, Final, NamedTuple

from mem0tray.agents.table import AGENTS, CLAUDE_CODE
from mem0tray.core import json_edit, toml_edit
from mem0tray.core.errors import FileUnavailableError
from mem0tray.system.paths import APP

NAME: Final = APP  # the name of the tools' server
ON_WINDOWS: Final = sys.platform == "win32"
_HOOKS: Final = "hooks"
_PASSED: Final = re.compile(r"MEM0TRAY_\w+|\w+_proxy", re.IGNORECASE)
_BARE: Final = re.compile(r"[A-Za-z0-9_@%+=:,./-]+")
_SPECIAL: Final = re.compile(r'([\\"$`])')
_ESCAPED: Final = r"\\\1"
_LINES: Final = ("command", "bash", "powershell", "exec")  # the members that start something
# What stands around a hook's program, so that its agent sees no failure where the program is gone.
# With sh the program does not hold the agent's pipes either: an agent that has lost patience ends
# the shell alone, and then waits until nobody holds them.
_FOR_SH: Final = ('exec 2>/dev/null; printf %s "$(', ')"')
_FOR_CMD: Final = ("", " || exit 0")  # and for Git's bash
_FOR_POWERSHELL: Final = ("", "; exit 0")

Place = tuple[str | int, ...]


class Caller(NamedTuple):
    """A place in the settings that starts mem0tray.

    `place` leads to the server or the hook. `program` are the words before `mcp` or `hook`, empty
    if more than that is started. `installed`: `install` would write the same.
    """

    what: str
    place: Place
    program: tuple[str, ...]
    installed: bool


def odd(name: str, document: dict[str, Any]) -> str:
    """Return the member that is not in the form that the agent reads; empty if none is."""
    form = AGENTS[name].settings
    lists: list[tuple[str, ...]] = [(_HOOKS, event) for event in AGENTS[name].events]
    lists += [form.allow[0]] if is_list(name) else []
    for member in (form.servers, *(each[0] for each in lists)):
        if not isinstance(document.get(member, {}), dict):
            return member
    for member, inner in lists:
        if not isinstance(document.get(member, {}).get(inner, []), list):
            return f"{member}.{inner}"
    return ""


# Servers --------------------------------------------------------------------------------


def servers(name: str, text: str) -> list[Caller]:
    """Return the servers of the tools, which run `mcp`."""
    found = []
    place = AGENTS[name].settings.servers
    for called, server in _loads(name)(text).get(place, {}).items():
        program = started_program(words_of(server), "mcp") if isinstance(server, dict) else []
        if program:
            what, installed = f"the tools as `{called}`", called == NAME and is_installed(program)
            found.append(Caller(what, (place, called), tuple(program), installed))
    return found


def with_server(name: str, text: str, program: Sequence[str]) -> str:
    """Add a server of the tools, or give ours its `program`. Raises FileUnavailableError."""
    form, found = AGENTS[name].settings, servers(name, text)
    started = {"command": program[0], "args": [*program[1:], "mcp"]}
    if "args" not in form.server:
        started = {"command": [*program, "mcp"]}
    ours = next((each for each in found if each.installed), None)
    if ours is not None:
        document: Any = _loads(name)(text)
        there = reduce(getitem, ours.place, document)
        if "timeout" in form.server.keys() - there:  # as a former version wrote it
            text = _edit(name).with_member(text, ours.place, "timeout", form.server["timeout"])
        for member, value in started.items():
            if there[member] != value:
                text = _edit(name).with_value(text, (*ours.place, member), value)
    if found:
        return text
    if NAME in _loads(name)(text).get(form.servers, {}):
        raise FileUnavailableError(
            f"{AGENTS[name].title} has another server under the name {NAME}; nothing was changed.",
            "Give that one another name, or remove it.",
        )
    server = {**form.server, **started}
    if form.passed:
        also = sorted(each for each in os.environ if _PASSED.fullmatch(each))
        server["env_vars"] = [*form.passed.split(), *also]
    return str(_edit(name).with_member(text, (form.servers,), NAME, server))


def without_server(name: str, text: str) -> str:
    """Take the server that `install` writes out of `text`; the object around it stays."""
    ours = next((each for each in servers(name, text) if each.installed), None)
    return text if ours is None else str(_edit(name).without(text, ours.place))


def _loads(name: str) -> Callable[[str], dict[str, Any]]:
    """Return what reads the file of the servers; those of hooks are always JSON."""
    return tomllib.loads if _edit(name) is toml_edit else json.loads


def _edit(name: str) -> ModuleType:
    return toml_edit if AGENTS[name].settings.tools_file.endswith(".toml") else json_edit


# Hooks ----------------------------------------------------------------------------------


def hooks(name: str, text: str) -> list[Caller]:
    """Return the hooks that start mem0tray, each named after its event."""
    document = json.loads(text)
    return [each for event in AGENTS[name].events for each in _hooks_of(name, document, event)]


def _hooks_of(name: str, document: dict[str, Any], event: str) -> Iterator[Caller]:
    there = document.get(_HOOKS, {}).get(event, [])
    placed: list[tuple[Place, Any]] = [((_HOOKS, event, n), its) for n, its in enumerate(there)]
    if AGENTS[name].settings.grouped:
        placed = [
            ((*place, _HOOKS, index), hook)
            for place, group in placed
            if isinstance(group, dict) and isinstance(group.get(_HOOKS), list)
            for index, hook in enumerate(group[_HOOKS])
        ]
    for place, hook in placed:
        if isinstance(hook, dict) and seems_hook(hook, event):
            program = started_program(words_of(hook), *verb(name, event))
            installed = is_installed(program) and "args" not in hook
            yield Caller(event, place, tuple(program), installed)


def with_hooks(name: str, text: str, program: Sequence[str]) -> str:
    """Add a hook for each event to `text`; one that `install` made gets `program`."""
    form, text = AGENTS[name].settings, renewed(name, text, program)
    for event, its in AGENTS[name].events.items():
        if next(_hooks_of(name, json.loads(text), event), None) is None:
            for member in form.frame.keys() - json.loads(text):
                text = json_edit.with_member(text, (), member, form.frame[member])
            line = hook_line(program, verb(name, event), powershell=form.powershell)
            hook = {"type": "command", "command": line, form.wait[0]: its.patience * form.wait[1]}
            entry = {_HOOKS: [hook]} if form.grouped else hook
            text = json_edit.with_element(text, (_HOOKS, event), entry)
    return text


def renewed(name: str, text: str, program: Sequence[str] = ()) -> str:
    """Write the hooks that `install` made as it writes them now; each keeps or gets its program."""
    (wait, unit), powershell = AGENTS[name].settings.wait, AGENTS[name].settings.powershell
    for each in hooks(name, text):
        hook = reduce(getitem, each.place, json.loads(text))
        words = verb(name, each.what)
        line = hook_line(program or each.program, words, powershell=powershell)
        if each.installed and hook["command"] != line:
            text = json_edit.with_value(text, (*each.place, "command"), line)
            if wait in hook:
                after = AGENTS[name].events[each.what].patience * unit
                text = json_edit.with_value(text, (*each.place, wait), after)
    return text


def without_hooks(name: str, text: str) -> str:
    """Take the hooks that `install` writes out of `text`, and containers left empty."""
    for each in reversed(hooks(name, text)):
        if each.installed:
            text = _without_empty(json_edit.without(text, each.place), each.place[:-1])
    return text


def _without_empty(text: str, place: Place) -> str:
    """Take the list at `place` out of `text`, its group, and what contains them, if empty."""
    while place and not reduce(getitem, place, json.loads(text)):
        place = place[:3]  # a group goes together with its list
        text, place = json_edit.without(text, place), place[:-1]
    return text


# Tools without a question -------------------------------------------------------------------


def with_allowed(name: str, text: str, _: Sequence[str] = ()) -> str:
    """Allow the tools in `text`: as an element of a list, or a member of the server of ours."""
    path, value = AGENTS[name].settings.allow
    *outer, last = path
    document, edit = _loads(name)(text), _edit(name)
    if is_list(name):
        there = document.get(outer[0], {}).get(last, [])
        return text if value in there else json_edit.with_element(text, path, value)
    ours = any(each.installed for each in servers(name, text))
    server = reduce(getitem, outer, document) if ours else {last: value}
    if server.get(last) == value:
        return text
    if last in server:
        return str(edit.with_value(text, path, value))
    return str(edit.with_member(text, outer, last, value))


def without_allowed(name: str, text: str) -> str:
    """Take the element of a list out of `text`; a member of the server goes with that."""
    path, value = AGENTS[name].settings.allow
    there = json.loads(text).get(path[0], {}).get(path[1], []) if is_list(name) else []
    if value not in there:
        return text
    return _without_empty(json_edit.without(text, (*path, there.index(value))), path)


def is_list(name: str) -> bool:
    """Return whether it is by an element of a list that the agent allows tools."""
    form = AGENTS[name].settings
    return form.allow[0][:1] not in ((), (form.servers,))


# Command lines --------------------------------------------------------------------------


def verb(name: str, event: str) -> tuple[str, ...]:
    """Return the words after the program in a hook's line; Claude Code's name no agent."""
    return ("hook", event) if name == CLAUDE_CODE else ("hook", "--agent", name, event)


def hook_line(
    program: Sequence[str], verb: Sequence[str], *, windows: bool = ON_WINDOWS, powershell: bool
) -> str:
    """Return a hook's line: for sh; on Windows one that Git's bash and others read alike."""
    if not windows:
        return shlex.join([*program, *verb]).join(_FOR_SH)
    words = [*(word.replace("\\", "/") for word in program), *verb]
    line = " ".join(
        word if _BARE.fullmatch(word) else f'"{_SPECIAL.sub(_ESCAPED, word)}"' for word in words
    )
    if powershell and line.startswith('"'):
        line = f"& {line}"
    return line.join(_FOR_POWERSHELL if powershell else _FOR_CMD)


def words_of(given: Mapping[str, Any]) -> list[str]:
    """Return the words that a server or hook starts; empty if that is no command."""
    command, arguments = given.get("command"), given.get("args")
    if isinstance(command, list):
        return list(map(str, command))
    if not isinstance(command, str):
        return []
    if isinstance(arguments, list):
        return [command, *map(str, arguments)]
    for before, after in (_FOR_SH, _FOR_CMD, _FOR_POWERSHELL):
        if command.startswith(before) and command.endswith(after):
            command = command[len(before) : -len(after)]
    try:
        return shlex.split(command.removeprefix("& "))
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
    return found if name in (APP, f"{APP}.exe") and len(found) == 1 else []


def is_installed(words: Sequence[str]) -> bool:
    """Return whether `install` writes such a program: one with its full path."""
    return bool(words) and (
        PurePosixPath(words[0]).is_absolute() or PureWindowsPath(words[0]).is_absolute()
    )


def seems_hook(hook: Mapping[str, Any], event: str) -> bool:
    """Return whether a hook runs `mem0tray hook` for this event, among other things."""
    arguments = hook.get("args")
    given = arguments if isinstance(arguments, list) else ()
    line = " ".join(map(str, (*(hook.get(each, "") for each in _LINES), *given)))
    return re.search(rf"\b{APP}\b[^|;&]*\bhook\s+(--agent\s+\S+\s+)?{event}\b", line) is not None
