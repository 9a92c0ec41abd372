"""The coding agents: their hooks, what these are given and read, and the form of their settings.

A hook imports this each time it starts.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

START: Final = "start"  # a session begins, and reads what is printed
ANSWER: Final = "answer"  # the field holds an answer
TRANSCRIPT: Final = "transcript"  # the field names a file, in which the last answer stands
SUMMARY: Final = "summary"  # the field holds what a session became when it was made shorter
NESTED: Final = "hookSpecificOutput"


class HookEvent(NamedTuple):
    """What an event of an agent means to us, and the field of its JSON that this is about."""

    meaning: str
    field: str = ""
    patience: int = 3  # seconds, after which the agent goes on without the hook
    knows: str = ""  # the `source` of a session that knows what it was told at its start
    sign: str = ""  # a field whose value the transcript has once it is written so far


class SettingsForm(NamedTuple):
    """Where an agent's settings are, and how it is told there of tools and hooks.

    `folder`: a variable that names a folder, that folder below the home folder where the variable
    is not set, and one within it. `servers` is the member of the servers of tools, and `server`
    has all of ours, with None for what is started (without `args` the command is a list); it gets
    the variables `passed` alone, if any are named. A hook is in a list of its event, within a group
    if `grouped`, in a file with the members `frame`; its patience is the member `wait`, so many to
    a second. `allow` is the place and the value by which tools are used without a question: of a
    list, or of our server. `asks` says what else there is, `unheard` why a hook may not be called.
    """

    folder: tuple[str, str, str]
    tools_file: str
    servers: str = "mcpServers"
    server: Mapping[str, Any] = {"command": None, "args": None}
    passed: str = ""
    hooks_file: str = ""
    grouped: bool = True
    wait: tuple[str, int] = ("timeout", 1)
    frame: Mapping[str, Any] = {}
    powershell: bool = False  # what reads a hook's line on Windows
    allow: tuple[tuple[str, ...], Any] = ((), None)
    asks: str = ""
    unheard: str = ""
    program: str = ""  # if it is not called as the agent is here


class Agent(NamedTuple):
    """A coding agent, and the form of its hooks.

    `session` and `folder` are the fields of an event with the session's name and its folder, or a
    list of folders, which `folder_variable` overrides. `context` is the member in which the agent
    looks for what a session begins with, NESTED or a plain text.
    """

    title: str
    settings: SettingsForm
    events: Mapping[str, HookEvent] = {}
    session: str = "session_id"
    folder: str = "cwd"
    folder_variable: str = ""
    context: str = NESTED

    def told(self, event: str, context: str) -> str:
        """Return the JSON that a hook prints, by which a session begins with `context`."""
        import json  # slow to import, and few hooks print anything

        nested = {"hookEventName": event, "additionalContext": context}
        return json.dumps({self.context: nested if self.context == NESTED else context}) + "\n"


CLAUDE_CODE: Final = "claude-code"
AGENTS: Final = {
    # code.claude.com/docs/en/hooks; tried. Its working directory moves with a `cd` of the model's.
    CLAUDE_CODE: Agent(
        "Claude Code",
        SettingsForm(
            ("CLAUDE_CONFIG_DIR", ".claude", ""),
            ".claude.json",
            server={"type": "stdio", "command": None, "args": None, "env": {}},
            hooks_file="settings.json",
            allow=(("permissions", "allow"), "mcp__mem0tray"),
            program="claude",
        ),
        {
            "SessionStart": HookEvent(START),
            "Stop": HookEvent(ANSWER, "last_assistant_message"),
            "PostCompact": HookEvent(SUMMARY, "compact_summary"),
            "SessionEnd": HookEvent(TRANSCRIPT, "transcript_path"),
        },
        folder_variable="CLAUDE_PROJECT_DIR",
    ),
    # developers.openai.com/codex/hooks, /codex/config-reference; tried. Its PostCompact has no
    # summary, so it needs none. It ends a hook of SessionEnd after 3 seconds.
    "codex": Agent(
        "Codex",
        SettingsForm(
            ("CODEX_HOME", ".codex", ""),
            "config.toml",
            "mcp_servers",
            passed="XDG_CONFIG_HOME XDG_DATA_HOME XDG_RUNTIME_DIR DBUS_SESSION_BUS_ADDRESS"
            " MEM0_PROJECT_ID",
            hooks_file="hooks.json",
            allow=(("mcp_servers", "mem0tray", "default_tools_approval_mode"), "approve"),
            unheard="Until you trust mem0tray's hooks, Codex skips them silently: start `codex`,"
            " type `/hooks`, and trust them.",
        ),
        {
            "SessionStart": HookEvent(START, knows="resume"),
            "Stop": HookEvent(ANSWER, "last_assistant_message"),
            "SessionEnd": HookEvent(TRANSCRIPT, "transcript_path"),
        },
    ),
    # geminicli.com/docs/hooks, /docs/tools/mcp-server; tried. Its `prompt` holds what we printed
    # at the start, too.
    "gemini": Agent(
        "Gemini CLI",
        SettingsForm(
            ("GEMINI_CLI_HOME", "", ".gemini"),
            "settings.json",
            # Of its start and of each call; else Gemini waits ten minutes for a program that hangs.
            server={"command": None, "args": None, "timeout": 10_000},
            hooks_file="settings.json",
            wait=("timeout", 1000),
            powershell=True,
            allow=(("mcpServers", "mem0tray", "trust"), True),
        ),
        {
            "SessionStart": HookEvent(START),
            "AfterAgent": HookEvent(ANSWER, "prompt_response"),
            "SessionEnd": HookEvent(TRANSCRIPT, "transcript_path"),
        },
        folder_variable="GEMINI_PROJECT_DIR",
    ),
    # docs.github.com/en/copilot/reference/hooks-reference, /cli-config-dir-reference; tried. Hooks
    # of an editor's are a project's. Its sessionEnd names no file; it allows tools by the folder.
    "copilot": Agent(
        "Copilot CLI",
        SettingsForm(
            ("COPILOT_HOME", ".copilot", ""),
            "mcp-config.json",
            server={"tools": ["*"], "type": "local", "command": None, "args": None},
            hooks_file="hooks/mem0tray.json",
            grouped=False,
            wait=("timeoutSec", 1),
            frame={"version": 1},
            powershell=True,
            asks="Copilot CLI asks before it uses a tool. Start it as"
            " `copilot --allow-tool mem0tray`, and it does not ask.",
        ),
        {
            "sessionStart": HookEvent(START),
            "agentStop": HookEvent(TRANSCRIPT, "transcriptPath", sign="timestamp"),
        },
        session="sessionId",
        folder_variable="COPILOT_PROJECT_DIR",
        context="additionalContext",
    ),
    # cursor.com/docs/hooks, /docs/mcp, /docs/reference/permissions: a file of what is allowed
    # takes the place of the list in the application. preCompact has no summary, stop no answer.
    "cursor": Agent(
        "Cursor",
        SettingsForm(
            ("", "", ".cursor"),
            "mcp.json",
            hooks_file="hooks.json",
            grouped=False,
            frame={"version": 1},
            asks="Cursor asks before it uses a tool, unless you allow it there.",
        ),
        {
            "sessionStart": HookEvent(START),
            "afterAgentResponse": HookEvent(ANSWER, "text"),
            "sessionEnd": HookEvent(TRANSCRIPT, "transcript_path"),
        },
        session="conversation_id",
        folder="workspace_roots",
        folder_variable="CURSOR_PROJECT_DIR",
        context="additional_context",
    ),
    # opencode.ai/docs/mcp-servers, /docs/config, /docs/plugins; its list of servers tried. Its
    # hooks are functions of JavaScript; none runs a command. It asks before no tool of a server.
    "opencode": Agent(
        "opencode",
        SettingsForm(
            ("XDG_CONFIG_HOME", ".config", "opencode"),
            "opencode.json",
            "mcp",
            {"type": "local", "command": None, "enabled": True},
            unheard="opencode runs no command as a hook: it has the tools alone.",
        ),
    ),
}
