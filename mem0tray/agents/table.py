"""The coding agents: what their hooks are called, what they are given, and what they read.

A hook imports this each time it starts.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

START: Final = "start"  # a session begins, and reads what is printed
ANSWER: Final = "answer"  # the field holds an answer
TRANSCRIPT: Final = "transcript"  # the field names a file, in which the last answer stands
SUMMARY: Final = "summary"  # the field holds what a session became when it was made shorter
NESTED: Final = "hookSpecificOutput"


class HookEvent(NamedTuple):
    """What an event of an agent means to us, and the field of its JSON that this is about."""

    meaning: str
    field: str = ""


class Agent(NamedTuple):
    """A coding agent, and the form of its hooks.

    `session` and `folder` are the fields of an event with the session's name and its folder, or a
    list of folders, which `folder_variable` overrides. `context` is the member in which the agent
    looks for what a session begins with, NESTED or a plain text.
    """

    title: str
    events: Mapping[str, HookEvent] = {}
    session: str = "session_id"
    folder: str = "cwd"
    folder_variable: str = ""
    context: str = NESTED


_OF_CLAUDE: Final = {
    "SessionStart": HookEvent(START),
    "Stop": HookEvent(ANSWER, "last_assistant_message"),
    "PostCompact": HookEvent(SUMMARY, "compact_summary"),
    "SessionEnd": HookEvent(TRANSCRIPT, "transcript_path"),
}
CLAUDE_CODE: Final = "claude-code"
AGENTS: Final = {
    # code.claude.com/docs/en/hooks; tried. Its working directory moves with a `cd` of the model's.
    CLAUDE_CODE: Agent("Claude Code", _OF_CLAUDE, folder_variable="CLAUDE_PROJECT_DIR"),
    # developers.openai.com/codex/hooks; tried. Its PostCompact has no summary, so it needs none.
    "codex": Agent("Codex", {k: its for k, its in _OF_CLAUDE.items() if its.meaning != SUMMARY}),
    # geminicli.com/docs/hooks; tried. Its `prompt` holds what we printed at the start, too.
    "gemini": Agent(
        "Gemini CLI",
        {
            "SessionStart": HookEvent(START),
            "AfterAgent": HookEvent(ANSWER, "prompt_response"),
            "SessionEnd": HookEvent(TRANSCRIPT, "transcript_path"),
        },
        folder_variable="GEMINI_PROJECT_DIR",
    ),
    # docs.github.com/en/copilot/reference/hooks-reference; tried. Its sessionEnd names no file.
    "copilot": Agent(
        "Copilot CLI",
        {"sessionStart": HookEvent(START), "agentStop": HookEvent(TRANSCRIPT, "transcriptPath")},
        session="sessionId",
        folder_variable="COPILOT_PROJECT_DIR",
        context="additionalContext",
    ),
    # cursor.com/docs/hooks. Its preCompact has no summary, and its stop no answer.
    "cursor": Agent(
        "Cursor",
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
    # opencode.ai/docs/plugins: its hooks are functions of JavaScript; none runs a command.
    "opencode": Agent("opencode"),
}
