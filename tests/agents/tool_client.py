"""The official client of the Model Context Protocol, and `mem0tray mcp` at its other end.

The client takes a second to load: nothing here does so until a session begins.
"""

import json
import subprocess
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, NamedTuple, Self

from tests.support.home import COMMAND, Home
from tests.support.processes import LONGEST

if TYPE_CHECKING:
    import mcp_types as types
    from mcp.client._transport import Transport
    from mcp.client.session import ClientRequestContext

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
        self, server: "Transport", *, roots: Sequence[str] | str | None = None, mode: str = "auto"
    ) -> None:
        from mcp import Client

        self._stack = ExitStack()
        self._roots = roots
        callback = self._list_roots if roots is not None else None
        self._client = Client(server, mode=mode, list_roots_callback=callback)

    def __enter__(self) -> Self:
        from anyio.from_thread import start_blocking_portal

        self._portal = self._stack.enter_context(start_blocking_portal())
        self._stack.enter_context(self._portal.wrap_async_context_manager(self._client))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def tools(self) -> "dict[str, types.Tool]":
        return {each.name: each for each in self._portal.call(self._client.list_tools).tools}

    def call(self, tool: str, **arguments: Any) -> Said:
        return self.start(tool, **arguments).result(60)

    def start(self, tool: str, **arguments: Any) -> Future[Said]:
        return self._portal.start_task_soon(self._call, tool, arguments)

    def ping(self) -> None:
        self._portal.call(self._client.send_ping)

    async def _call(self, tool: str, arguments: dict[str, Any]) -> Said:
        result = await self._client.call_tool(tool, arguments)
        (content,) = result.content
        assert content.type == "text"
        return Said(content.text, bool(result.is_error))

    async def _list_roots(
        self, context: "ClientRequestContext"
    ) -> "types.ListRootsResult | types.ErrorData":
        import mcp_types as types
        from pydantic import FileUrl

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
    from mcp import StdioServerParameters
    from mcp.client.stdio import stdio_client

    command: tuple[str, ...] = (*COMMAND, "mcp")
    if pid_file is not None:
        command = ("/bin/sh", "-c", 'echo $$ > "$0"; exec "$@"', str(pid_file), *command)
    program, *arguments = command
    told = StdioServerParameters(
        command=program, args=arguments, env=dict(home.env), cwd=str(folder or home.root)
    )
    return ToolClient(stdio_client(told), **options)


def request(number: object, method: object, /, **params: object) -> bytes:
    """Make the line of a request with this id; `tools/call` takes `name` and `arguments`."""
    message = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
    return json.dumps(message).encode()


def call(number: object, tool: object, /, **arguments: object) -> bytes:
    return request(number, "tools/call", name=tool, arguments=arguments)


_ABLE: Final = {"name": "wire", "version": "1"}


class Wire:
    """`mem0tray mcp` behind two pipes, for what no proper client would send, and to time it."""

    def __init__(self, home: Home) -> None:
        self.process = subprocess.Popen(
            [*COMMAND, "mcp"],
            env=dict(home.env),
            cwd=home.root,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        pipes = self.process.stdin, self.process.stdout, self.process.stderr
        self._in, self._out, self._err = map(_pipe, pipes)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self._in, self._out, self._err):
            with suppress(BrokenPipeError):
                pipe.close()

    def say(self, line: bytes) -> None:
        self._in.write(line + b"\n")
        self._in.flush()

    def hear(self) -> dict[str, Any]:
        return dict(json.loads(self._out.readline()))

    def initialize(self, **able: object) -> dict[str, Any]:
        version = {"protocolVersion": "2025-11-25", "capabilities": able, "clientInfo": _ABLE}
        self.say(request("first", "initialize", **version))
        return self.hear()

    def end(self, data: bytes = b"") -> tuple[list[bytes], bytes]:
        """Send the last bytes and end its input; its further lines, and its standard error."""
        self._in.write(data)
        self._in.close()
        return self._out.readlines(), self._ended()

    def die(self, data: bytes) -> bytes:
        """Go after the last bytes, and hear no answer to them; its standard error."""
        self._out.close()
        self._in.write(data)
        self._in.close()
        return self._ended()

    def _ended(self) -> bytes:
        errors = self._err.read()
        assert self.process.wait(LONGEST) == 0, errors
        return errors


def _pipe(found: IO[bytes] | None) -> IO[bytes]:
    assert found is not None
    return found
