"""What `doctor` says about Claude Code: its tools and hooks of mem0tray, and whether they work."""

import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

from mem0tray.claude import callers, connecting
from mem0tray.claude.callers import Caller
from mem0tray.claude.hook import EVENTS
from mem0tray.cli.doctor.check import OK, WARN, Check
from mem0tray.config.settings import Loaded
from mem0tray.core.errors import Mem0TrayError
from mem0tray.core.text import plural
from mem0tray.system import programs
from mem0tray.system.paths import claude_code_folder

_NAME: Final = "claude code"
_CONNECT: Final = "`mem0tray install claude-code` connects it."
_ANEW: Final = "`mem0tray install claude-code` names it anew."


def claude_code(loaded: Loaded) -> Iterable[Check]:
    """Whether Claude Code is there, with its tools and hooks, and which are doubled or gone."""
    try:
        at_servers = connecting.read(connecting.MCP).text
        at_hooks = connecting.read(connecting.HOOKS).text
        servers, hooks = callers.servers(at_servers), callers.hooks(at_hooks)
    except Mem0TrayError as error:
        yield Check(_NAME, WARN, error.message, error.remedy)
        return
    root = claude_code_folder(os.environ)
    elsewhere = "autoMemoryDirectory" in json.loads(at_hooks) or (root / "agent-memory").exists()
    if loaded.settings.claude.auto_memory and elsewhere:
        message = f"Of its notes, only those in {root / 'projects'} are taken in"
        yield Check(_NAME, WARN, f"{message}, not those in autoMemoryDirectory or agent-memory.")
    plug_in = callers.plug_in(at_hooks)
    found = connecting.claude()
    where = f"The program is {found}." if found else "The program `claude` was not found."
    if not (servers or hooks or plug_in):
        yield Check(_NAME, OK, f"{where} It is not connected.", _CONNECT if found else "")
        return
    yield Check(_NAME, OK, f"{where} {_told(servers, hooks, plug_in)}")
    yield from _gone([*servers, *hooks])
    yield from _doubled(servers, hooks, plug_in)
    missing = [event for event in EVENTS if event not in {each.what for each in hooks}]
    if hooks and missing:
        message = f"There is no hook for {', '.join(missing)}."
        yield Check(_NAME, WARN, message, "`mem0tray install claude-code --hooks` adds it.")
    if hooks and callers.are_off(at_hooks):
        message = "Its settings switch all hooks off (disableAllHooks): none of ours is called."
        yield Check(_NAME, WARN, message, "Remove that line, if you want them.")


def _told(servers: list[Caller], hooks: list[Caller], plug_in: str) -> str:
    parts = []
    if servers:
        parts.append(f"the tools as {' and '.join(str(each.place[-1]) for each in servers)}")
    if hooks:
        parts.append(plural(len(hooks), "hook"))
    if plug_in:
        parts.append(f"the plug-in {plug_in}")
    return f"Connected: {', '.join(parts)}."


def _gone(found: list[Caller]) -> Iterator[Check]:
    """Programs that cannot be started any more."""
    for program in dict.fromkeys(each.program for each in found if each.program):
        obstacle = programs.obstacle(program[0])
        if obstacle:
            yield Check(_NAME, WARN, f"It starts mem0tray, but {obstacle}.", _ANEW)


def _doubled(servers: list[Caller], hooks: list[Caller], plug_in: str) -> Iterator[Check]:
    """Tools or hooks that are there twice, or by themselves and in the plug-in."""
    counts = Counter(each.what for each in [*servers, *hooks])
    twice = [what for what, count in counts.items() if count > 1]
    if twice:
        yield Check(
            _NAME,
            WARN,
            f"It starts mem0tray more than once for {', '.join(twice)}.",
            f"Remove all but one, in {connecting.file_of(connecting.HOOKS)} or by"
            " `claude mcp remove NAME`.",
        )
    if plug_in and (servers or hooks):
        yield Check(
            _NAME,
            WARN,
            f"It has the plug-in {plug_in}, and the same once more in its settings.",
            "`mem0tray uninstall claude-code` takes away the latter.",
        )
