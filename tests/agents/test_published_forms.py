"""What `install` writes for Cursor is as Cursor publishes it: each member, and its type.

npm has no Cursor; the other agents are tried themselves (`test_real_agents.py`). The forms are
those of the examples of cursor.com/docs/mcp and cursor.com/docs/hooks.
"""

from typing import Final

from mem0tray.agents.table import AGENTS
from tests.support.home import Home

Form = dict[str, type]
SERVER: Final[Form] = {"type": str, "command": str, "args": list, "env": dict, "envFile": str}
HOOK: Final[Form] = {
    "type": str,
    "command": str,
    "timeout": int,
    "failClosed": bool,
    "matcher": str,
}
EVENTS: Final = {
    "sessionStart", "sessionEnd", "preToolUse", "postToolUse", "postToolUseFailure",
    "subagentStart", "subagentStop", "beforeShellExecution", "afterShellExecution",
    "beforeMCPExecution", "afterMCPExecution", "beforeReadFile", "afterFileEdit",
    "beforeSubmitPrompt", "preCompact", "stop", "afterAgentResponse", "afterAgentThought",
    "beforeTabFileRead", "afterTabFileEdit", "workspaceOpen",
}  # fmt: skip


def fits(value: dict[str, object], form: Form) -> bool:
    return "command" in value and {name: type(its) for name, its in value.items()} == {
        name: form.get(name) for name in value
    }


def test_what_is_written_is_of_the_published_form(home: Home) -> None:
    home.ok("install", "cursor", "--yes", "--allow")
    servers = home.read(home.root / ".cursor" / "mcp.json")
    hooks = home.read(home.root / ".cursor" / "hooks.json")
    assert (list(servers), list(hooks), hooks["version"]) == (
        ["mcpServers"],
        ["version", "hooks"],
        1,
    )
    assert list(servers["mcpServers"]) == ["mem0tray"]
    assert fits(servers["mcpServers"]["mem0tray"], SERVER)
    assert list(hooks["hooks"]) == list(AGENTS["cursor"].events)
    assert set(hooks["hooks"]) <= EVENTS
    assert all(fits(hook, HOOK) for (hook,) in hooks["hooks"].values())
