"""What `install` writes for agents is as they have published it: each member, and its type.

The forms are copied from the pages and packages that are named, without what we have no use for.
"""

from collections.abc import Iterator
from typing import Any, Final

import pytest

from mem0tray.agents.table import AGENTS
from tests.support.home import Home

TEXTS: Final = [str]
VARIABLES: Final = {"*": str}
# @opencode-ai/sdk 1.19.3, McpLocalConfig; made of opencode.ai/config.json.
OPENCODE_SERVER: Final = {
    "type": {"local"},
    "command": TEXTS,
    "environment?": VARIABLES,
    "enabled?": bool,
    "timeout?": int,
}
# @github/copilot-sdk 1.0.14, MCPStdioServerConfig.
COPILOT_SERVER: Final = {
    "type?": {"local", "stdio"},
    "command": str,
    "args?": TEXTS,
    "env?": VARIABLES,
    "workingDirectory?": str,
    "tools?": TEXTS,
    "timeout?": int,
}
# github/docs, content/copilot/reference/hooks-reference.md; `command` stands for both shells.
COPILOT_HOOK: Final = {
    "type?": {"command"},
    "command": str,
    "cwd?": str,
    "env?": VARIABLES,
    "timeoutSec?": int,
}
COPILOT_EVENTS: Final = (
    "agentStop", "errorOccurred", "notification", "permissionRequest", "postToolUse",
    "postToolUseFailure", "preCompact", "preToolUse", "sessionEnd", "sessionStart",
    "subagentStart", "subagentStop", "userPromptSubmitted", "userPromptTransformed",
)  # fmt: skip
# The examples of cursor.com/docs/mcp and cursor.com/docs/hooks; Cursor has no schema.
CURSOR_SERVER: Final = {
    "type?": {"stdio"},
    "command": str,
    "args?": TEXTS,
    "env?": VARIABLES,
    "envFile?": str,
}
CURSOR_HOOK: Final = {
    "type?": {"command"},
    "command": str,
    "timeout?": int,
    "failClosed?": bool,
    "matcher?": str,
}
CURSOR_EVENTS: Final = (
    "sessionStart", "sessionEnd", "preToolUse", "postToolUse", "postToolUseFailure",
    "subagentStart", "subagentStop", "beforeShellExecution", "afterShellExecution",
    "beforeMCPExecution", "afterMCPExecution", "beforeReadFile", "afterFileEdit",
    "beforeSubmitPrompt", "preCompact", "stop", "afterAgentResponse", "afterAgentThought",
    "beforeTabFileRead", "afterTabFileEdit", "workspaceOpen",
)  # fmt: skip


def hooks(hook: object, events: tuple[str, ...]) -> dict[str, object]:
    return {"version": 1, "hooks": {f"{event}?": [hook] for event in events}}


# By the file's path within the home, with XDG_CONFIG_HOME as the tests have it.
PUBLISHED: Final[dict[str, dict[str, object]]] = {
    "copilot": {
        ".copilot/mcp-config.json": {"mcpServers": {"*": COPILOT_SERVER}},
        ".copilot/hooks/mem0tray.json": hooks(COPILOT_HOOK, COPILOT_EVENTS),
    },
    "cursor": {
        ".cursor/mcp.json": {"mcpServers": {"*": CURSOR_SERVER}},
        ".cursor/hooks.json": hooks(CURSOR_HOOK, CURSOR_EVENTS),
    },
    "opencode": {"config/opencode/opencode.json": {"mcp": {"*": OPENCODE_SERVER}}},
}


def misfits(value: Any, form: Any, place: str = "") -> Iterator[str]:
    """Yield the places where a value is not of the form.

    That is a type, a set of values, a list of one form, or an object of the forms of its members:
    a `?` is after the name of one that may be missing, and `*` is any name.
    """
    if isinstance(form, dict) and isinstance(value, dict):
        for name, inner in value.items():
            known = form.get(name, form.get(f"{name}?", form.get("*")))
            yield from misfits(inner, known, f"{place}/{name}") if known else (f"{place}/{name}",)
        yield from (
            f"{place}/{name}" for name in form if name[-1] not in "?*" and name not in value
        )
    elif isinstance(form, list) and isinstance(value, list):
        for number, inner in enumerate(value):
            yield from misfits(inner, form[0], f"{place}/{number}")
    elif isinstance(form, type):
        if type(value) is not form:
            yield place
    elif (value not in form) if isinstance(form, set) else value != form:
        yield place


@pytest.mark.parametrize("agent", PUBLISHED)
def test_what_is_written_is_of_the_published_form(home: Home, agent: str) -> None:
    home.ok("install", agent, "--yes", "--allow")
    documents = {name: home.read(home.root / name) for name in PUBLISHED[agent]}
    for name, form in PUBLISHED[agent].items():
        assert list(misfits(documents[name], form)) == [], name
    merged = {name: its for each in documents.values() for name, its in each.items()}
    assert list(merged.get("hooks", {})) == list(AGENTS[agent].events)
    assert list(merged.get("mcp") or merged["mcpServers"]) == ["mem0tray"]


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ({"command": "x"}, []),
        ({"command": "x", "timeout": 1.5}, ["/timeout"]),
        ({"command": "x", "failClosed": 1}, ["/failClosed"]),
        ({"bash": "x"}, ["/bash", "/command"]),
        ({"command": "x", "type": "prompt"}, ["/type"]),
        ("x", [""]),
    ],
)
def test_another_form_is_noticed(value: object, found: list[str]) -> None:
    assert list(misfits(value, CURSOR_HOOK)) == found
