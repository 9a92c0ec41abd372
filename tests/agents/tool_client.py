"""The official client of the Model Context Protocol, and `mem0tray mcp` at its other end."""

from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple, Self

import mcp_types as types
from anyio.from_thread import start_blocking_portal
from mcp import Client, StdioServerParameters
from mcp.client._transport import Transport
from mcp.client.session import ClientRequestContext
from mcp.client.stdio import stdio_client
from pydantic import FileUrl

from tests.support.home import COMMAND, Home

LEGACY = "legacy"  # the handshake of the protocol's revisions before 2026-07-28


class Said(NamedTuple):
    """What a tool answered."""

    text: str
    failed: bool

    @property
    def lines(self) -> list[str]:
        return self.text.splitlines()


class ToolClient:
    """A session with a server, for tests that know nothing of event loops.

    `roots`: addresses of the folders that the client says it works in; None: it does not know the
    question, and a text: it answers with that as an error.
    """

    def __init__(
        self, server: Transport, *, roots: Sequence[str] | str | None = None, mode: str = "auto"
    ) -> None:
        self._stack = ExitStack()
        self._roots = roots
        callback = self._list_roots if roots is not None else None
        self._client = Client(server, mode=mode, list_roots_callback=callback)

    def __enter__(self) -> Self:
        self._portal = self._stack.enter_context(start_blocking_portal())
        self._stack.enter_context(self._portal.wrap_async_context_manager(self._client))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def tools(self) -> dict[str, types.Tool]:
        return {each.name: each for each in self._portal.call(self._client.list_tools).tools}

    def call(self, tool: str, **arguments: Any) -> Said:
        return self.start(tool, **arguments).result(60)

    def start(self, tool: str, **arguments: Any) -> Future[Said]:
        return self._portal.start_task_soon(self._call, tool, arguments)

    async def _call(self, tool: str, arguments: dict[str, Any]) -> Said:
        result = await self._client.call_tool(tool, arguments)
        (content,) = result.content
        assert isinstance(content, types.TextContent)
        return Said(content.text, bool(result.is_error))

    async def _list_roots(
        self, context: ClientRequestContext
    ) -> types.ListRootsResult | types.ErrorData:
        del context
        if isinstance(self._roots, str):
            return types.ErrorData(code=types.INTERNAL_ERROR, message=self._roots)
        return types.ListRootsResult(
            roots=[types.Root(uri=FileUrl(each)) for each in self._roots or ()]
        )


def over_stdio(
    home: Home, *, folder: Path | None = None, pid_file: Path | None = None, **options: Any
) -> ToolClient:
    """A session with `mem0tray mcp` in this home; `options` are those of `ToolClient`.

    `folder` is its working directory, the home's root unless it is given.
    `pid_file` gets the number of its process (not on Windows), which the SDK keeps to itself.
    """
    command: tuple[str, ...] = (*COMMAND, "mcp")
    if pid_file is not None:
        command = ("/bin/sh", "-c", 'echo $$ > "$0"; exec "$@"', str(pid_file), *command)
    program, *arguments = command
    told = StdioServerParameters(
        command=program, args=arguments, env=dict(home.env), cwd=str(folder or home.root)
    )
    return ToolClient(stdio_client(told), **options)
