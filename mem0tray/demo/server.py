"""The embedded server in a thread of the demo, with faults on demand.

Only the demo has these faults: the server that `serve` and the worker start is built
without them, and no request can make it fail.
"""

import http.client
import json
import secrets
import socket
import threading
from collections.abc import Iterable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn import Config, Server

from mem0tray.core import item as items
from mem0tray.core.errors import Mem0TrayError
from mem0tray.demo.story import Faults, StoryMemory
from mem0tray.files.private_folders import make_private_folder
from mem0tray.localserver import endpoint
from mem0tray.localserver.answers import refusal
from mem0tray.localserver.app import build
from mem0tray.localserver.parameters import LIMIT_MAX
from mem0tray.localserver.serve import config, listen
from mem0tray.localserver.store import Store

REFUSAL: Final = "The index of this project is locked"
_READY_SECONDS: Final = 10.0
_ANSWER_SECONDS: Final = 5.0


class DemoServer:
    """Keeps memories in `folder`. One thread uses it; it serves on another.

    A server that is down is really stopped: connections to its port are
    refused, and later it comes back at the same port with what it had.
    """

    def __init__(self, folder: Path) -> None:
        make_private_folder(folder)
        self.token = secrets.token_urlsafe(32)
        self._folder = folder
        self._port = 0
        self._faults = Faults()
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None
        self._problem: BaseException | None = None

    @property
    def url(self) -> str:
        """The address of the server, once it has been started."""
        return f"http://{endpoint.HOST}:{self._port}"

    @property
    def refused(self) -> str:
        """The project whose memories the server refuses now; empty: none."""
        return self._faults.refused

    def inject(self, faults: Faults) -> None:
        """Have these faults from now on; Mem0TrayError when the server cannot come back."""
        self._faults = faults
        if faults.down:
            self.stop()
        else:
            self.start()

    def start(self) -> None:
        """Begin to serve; Mem0TrayError when that is impossible."""
        if self._thread is not None:
            return
        listener = listen(self._port)
        port = listener.getsockname()[1]
        if self._port not in (0, port):
            listener.close()
            raise Mem0TrayError(
                f"Another program has taken port {self._port} meanwhile.", "Start the demo again."
            )
        self._port = port
        ready = threading.Event()
        self._thread = threading.Thread(
            target=self._serve, args=(listener, ready), name="mem0tray-demo-server", daemon=True
        )
        self._thread.start()
        if not ready.wait(_READY_SECONDS) or self._problem is not None:
            reason = self._problem or "it did not become ready"
            raise Mem0TrayError(f"The demo's server could not be started: {reason}.")

    def stop(self) -> None:
        """Stop serving; what was stored stays."""
        if self._server is not None:
            self._server.should_exit = True
        if self._thread is not None:
            self._thread.join()
        self._server = self._thread = None

    def _serve(self, listener: socket.socket, ready: threading.Event) -> None:
        try:
            # Only the thread that opened the store may use it.
            with closing(listener), closing(Store(self._folder / endpoint.DATABASE)) as store:
                app = _Faulty(build(store, self.token), self)
                self._server = _Server(config(app), ready)
                self._server.run(sockets=[listener])
        except BaseException as error:  # noqa: BLE001  (told by `start`, on its own thread)
            self._problem = error
        finally:
            ready.set()

    def stored(self, projects: Iterable[str]) -> tuple[StoryMemory, ...] | None:
        """The memories of these projects, as any program sees them; None when it is down."""
        with (
            closing(
                http.client.HTTPConnection(endpoint.HOST, self._port, timeout=_ANSWER_SECONDS)
            ) as connection,
            suppress(OSError, http.client.HTTPException),
        ):
            return tuple(
                StoryMemory(project, each["memory"])
                for project in projects
                for each in self._list(connection, project)
            )
        return None

    def _list(self, connection: http.client.HTTPConnection, project: str) -> list[dict[str, str]]:
        path = f"/memory/{quote(project, safe='')}?limit={LIMIT_MAX}"
        connection.request("GET", path, headers={"Authorization": f"Bearer {self.token}"})
        document: Any = json.load(connection.getresponse())
        found: list[dict[str, str]] = document["memories"]["results"]
        return found


class _Server(Server):
    """uvicorn's server, which signals when it is ready."""

    def __init__(self, config: Config, ready: threading.Event) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept requests, then signal that."""
        await super().startup(sockets)
        self._ready.set()


class _Faulty:
    """ASGI middleware that answers for the application where a memory is to be refused."""

    def __init__(self, app: ASGIApp, server: DemoServer) -> None:
        self._app = app
        self._server = server

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse posts for the refused project; pass everything else on unchanged."""
        refused = self._server.refused
        if refused and scope["type"] == "http" and scope["method"] == "POST":
            body = await Request(scope, receive).body()
            if (items.load_object(body) or {}).get("user_id") == refused:
                await refusal(500, REFUSAL)(scope, receive, send)
                return

            async def again() -> Message:
                return {"type": "http.request", "body": body, "more_body": False}

            await self._app(scope, again, send)
            return
        await self._app(scope, receive, send)
