"""The Model Context Protocol over standard input and output: six tools, by the official SDK.

The SDK runs each tool on a thread of its own, so that one that waits for the server keeps no other
from answering. Standard output is the protocol's alone: while it is served, whatever else is
written there goes to standard error.
"""

import io
import logging
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.request import url2pathname

from mcp.server.mcpserver import Context, ListRoots, MCPServer, Resolve
from mcp.server.mcpserver.tools import Tool
from mcp.shared.exceptions import MCPError
from mcp_types import (
    CallToolResult,
    InputRequiredResult,
    ListRootsRequest,
    ListRootsResult,
    TextContent,
    ToolAnnotations,
)
from pydantic import BeforeValidator, Field, ValidationError

from mem0tray import __version__
from mem0tray.claude import tool_answers
from mem0tray.core.errors import Mem0TrayError
from mem0tray.core.text import did_you_mean, one_line
from mem0tray.system import project

INSTRUCTIONS: Final = (
    "Memories of a person's projects, which outlive a session. Recall the project's at the start"
    " of a task, and save what will matter later: decisions, preferences, what was learnt."
)
_log = logging.getLogger(__name__)
_MOST: Final = 1000
_PATIENCE: Final = 1.0  # seconds for the client to name its folders
_NAME: Final = 80  # characters of a name that is shown
_NAMED: Final = 5  # wrong arguments
# Each escape of a line of JSON in turn: a whole pair, half of a character, or any other.
_ESCAPE: Final = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|(?P<half>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)"
)
_READS: Final = ToolAnnotations(read_only_hint=True, open_world_hint=True)
_SAVES: Final = ToolAnnotations(
    read_only_hint=False, destructive_hint=False, idempotent_hint=False, open_world_hint=True
)

_Project = Annotated[
    str, Field(description="The project. Left out: that of the folder in which you work.")
]


def _no_truth(value: object) -> object:
    """The value, unless it is true or false, which pydantic would take for 1 or 0."""
    return str(value) if isinstance(value, bool) else value


_Limit = Annotated[
    int, Field(ge=1, le=_MOST, description="How many at most."), BeforeValidator(_no_truth)
]


async def _roots(project_id: str, context: Context[Any, Any]) -> ListRootsResult | ListRoots:
    """The folders that the client works in; none where the project is named, or none are told.

    A client of the protocol's older revisions is asked here, and given up after a moment: the SDK
    would wait for its answer without end.
    """
    client = context.client_capabilities
    if project_id.strip() or client is None or client.roots is None:
        return ListRootsResult(roots=[])
    if not context.session.can_send_request:
        return ListRoots()
    with suppress(MCPError, ValidationError, TimeoutError):
        told: ListRootsResult = await context.session.send_request(
            ListRootsRequest(), ListRootsResult, request_read_timeout_seconds=_PATIENCE
        )
        return told
    return ListRootsResult(roots=[])


_Roots = Annotated[ListRootsResult, Resolve(_roots)]


def _project_meant(project_id: str, roots: ListRootsResult) -> str:
    """The project that is named, else that of the client's folder, else of the working directory.

    Empty where there is none of these.
    """
    if project_id.strip():
        return project_id
    if roots.roots:
        folder = url2pathname(roots.roots[0].uri.path or "")
        return project.of_folder(Path(folder), os.environ)
    with suppress(FileNotFoundError):  # the working directory has been removed
        return project.of_folder(Path.cwd(), os.environ)
    return ""


def mem0_recall(project_id: _Project = "", limit: _Limit = 20, *, roots: _Roots) -> CallToolResult:
    """Recall the newest memories of a project.

    What is saved and not yet on the server is among them, marked. When the server cannot be
    reached, that is said, and what waits on this computer is shown all the same.
    """
    meant = partial(_project_meant, project_id, roots)
    return _answered(lambda: tool_answers.recall(meant(), limit))


def mem0_save(content: str, project_id: _Project = "", *, roots: _Roots) -> CallToolResult:
    """Save a memory to a project.

    It is safe on this computer's disk when this answers, and is delivered to the memory server as
    soon as that can be reached: never save it again because the server is down.
    """
    meant = partial(_project_meant, project_id, roots)
    return _answered(lambda: tool_answers.save(meant(), content), "Nothing may have been saved.")


def mem0_search(
    query: str, project_id: _Project = "", limit: _Limit = 10, *, roots: _Roots
) -> CallToolResult:
    """Search a project's memories, by meaning or by words, as the server can.

    What is saved and not yet on the server is searched by words and marked. When the server cannot
    be reached, that is said, and what waits on this computer is searched all the same.
    """
    meant = partial(_project_meant, project_id, roots)
    return _answered(lambda: tool_answers.search(meant(), query, limit))


def mem0_list_projects() -> CallToolResult:
    """List the projects that have memories, with how many."""
    return _answered(tool_answers.projects)


def mem0_health() -> CallToolResult:
    """Tell whether memories reach the server now; if not, why, and what to do."""
    return _answered(tool_answers.health)


def mem0_queue_status() -> CallToolResult:
    """Tell what waits to be delivered, what has failed (dead letters), and why."""
    return _answered(tool_answers.queue_status)


_READING: Final[tuple[Callable[..., CallToolResult], ...]] = (
    mem0_recall,
    mem0_search,
    mem0_list_projects,
    mem0_health,
    mem0_queue_status,
)


def _answered(tool: Callable[[], str], unless: str = "") -> CallToolResult:
    """What a tool says, an error included: a model is told in words, and never by a traceback.

    `unless` is what an error that nobody has foreseen leaves open.
    """
    try:
        return _result(tool())
    except Mem0TrayError as error:
        return _result(str(error), failed=True)
    except Exception as error:  # noqa: BLE001  (whatever it is, in words; the rest is logged)
        _log.exception("A tool failed.")
        text = f"The tool failed ({type(error).__name__}). {unless}".strip()
        return _result(text, failed=True)


def _result(text: str, *, failed: bool = False) -> CallToolResult:
    return CallToolResult(content=[TextContent(text=text)], is_error=failed)


class _ToolServer(MCPServer[Any]):
    """The SDK's server, which says in our words what is wrong with a call."""

    def __init__(self, tools: list[Tool], **options: Any) -> None:
        super().__init__(tools=tools, **options)
        self._tools = {each.name: each for each in tools}

    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Context[Any, Any] | None = None
    ) -> CallToolResult | InputRequiredResult:
        """Call a tool, if it has these arguments."""
        tool = self._tools.get(name)
        if tool is None:
            guess, there = did_you_mean(name, self._tools), ", ".join(self._tools)
            text = f"There is no tool `{one_line(name, _NAME)}`.{guess} The tools are {there}."
            return _result(text, failed=True)
        known = tool.parameters["properties"]
        required = tool.parameters.get("required", ())
        # Some models write null for what they leave out.
        given = {
            key: each
            for key, each in arguments.items()
            if each is not None or key in required or key not in known
        }
        wrong = list(dict.fromkeys(_wrong(tool, given)))
        if wrong:
            unless = "saved" if name == mem0_save.__name__ else "asked"
            more = f" And {len(wrong) - _NAMED:,} more." if len(wrong) > _NAMED else ""
            takes = ", ".join(
                f"`{each}`{'' if each in required else ' (may be left out)'}" for each in known
            )
            text = f"Nothing was {unless}. {' '.join(wrong[:_NAMED])}{more} {name} takes {takes}."
            return _result(text, failed=True)
        return await super().call_tool(name, given, context)


def _wrong(tool: Tool, given: dict[str, Any]) -> Iterator[str]:
    """What is wrong with the arguments of a call, in sentences without their values."""
    known = tool.parameters["properties"]
    for name in given if known else ():  # a tool that has no arguments takes any, and uses none
        if name not in known:
            guess = did_you_mean(name, known)
            yield f"There is no argument `{one_line(name, _NAME)}`.{guess}"
    try:
        tool.fn_metadata.validate_arguments(given)
    except ValidationError as error:
        for each in error.errors(include_url=False, include_context=False, include_input=False):
            yield f"`{each['loc'][0]}`: {each['msg']}."


def mended(line: bytes) -> bytes:
    """A line of JSON with a replacement for each escape that is half a character.

    A text that a model cut within an emoji ends with one. Python's strings and the queue file can
    hold halves, pydantic cannot: the SDK would drop the request, and its client wait without end.
    """
    return _ESCAPE.sub(lambda found: rb"\ufffd" if found["half"] else found[0], line)


class MendedLines(io.BufferedReader):
    """A stream whose lines are `mended`, for a `TextIOWrapper`."""

    def read1(self, size: int = -1, /) -> bytes:
        """Read a line, whatever its size."""
        del size
        return mended(self.readline())

    def fileno(self) -> int:
        """Have none, so that the SDK does not read beside us."""
        raise io.UnsupportedOperation


def made() -> MCPServer[Any]:
    """The server, with its tools."""
    # Before the SDK sets up a log of its own, which fills standard error with frames.
    logging.basicConfig(level=logging.ERROR, format="mem0tray: %(message)s")
    saving = Tool.from_function(mem0_save, annotations=_SAVES, structured_output=False)
    reading = [
        Tool.from_function(each, annotations=_READS, structured_output=False) for each in _READING
    ]
    return _ToolServer(
        [saving, *reading],
        name="mem0tray",
        title="Mem0",
        version=__version__,
        instructions=INSTRUCTIONS,
        log_level="ERROR",
        subscriptions=False,
    )


def serve() -> None:
    """Serve until standard input ends."""
    sys.stdin = io.TextIOWrapper(MendedLines(io.FileIO(0, closefd=False)), encoding="utf-8")
    made().run("stdio")
