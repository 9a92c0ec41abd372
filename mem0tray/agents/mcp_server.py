"""The Model Context Protocol over standard input and output: six tools, a JSON object a line.

The official SDK takes half a second to load: a client that starts meanwhile knows no tools. We
speak the revisions that begin with `initialize`, to which every client falls back.
"""

import json
import logging
import os
import sys
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from importlib import import_module
from itertools import count
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, BinaryIO, Final

from mem0tray.agents import MARK, SAVE
from mem0tray.core.errors import Mem0TrayError, NoThreadError
from mem0tray.core.text import one_line
from mem0tray.core.version import __version__
from mem0tray.system import project, threads

INSTRUCTIONS: Final = (
    "Memories of a person's projects, which outlive a session. Recall the project's at the start"
    " of a task. Save what a later session should know and cannot see in the files: decisions and"
    " their reasons, preferences, what was learnt. Only if this session began with a word of"
    f" mem0tray about `{MARK}`, a line of an answer that begins with it is saved too; never save"
    " the same text both ways."
)
_VERSIONS: Final = ("2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05")
_NOT_JSON, _NO_REQUEST, _NO_METHOD = -32700, -32600, -32601
_FUNCTIONS: Final = "mem0tray.agents.for_models"
_PATIENCE: Final = 5.0  # seconds for the client to name its folders, on a busy machine too
_LAST: Final = 5.0  # seconds for the calls under way when standard input ends
Object = dict[str, Any]
_log = logging.getLogger(__name__)


class ToolServer:
    """Serves one client: reads its messages, and writes ours to `out`, a line each."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._turn = threading.Lock()
        self._has_roots = False
        self._numbers = count()
        self._asked: dict[str, SimpleQueue[Object]] = {}  # our questions, by their ids

    def serve(self, lines: Iterable[bytes]) -> None:
        """Answer until the lines end."""
        for line in lines:
            try:
                message = json.loads(line)
            except (ValueError, RecursionError):
                self._refuse(None, _NOT_JSON, "This is no JSON.")
                continue
            if not isinstance(message, dict):
                self._refuse(None, _NO_REQUEST, "This is no request.")
            elif "method" not in message:
                self._asked.pop(str(message.get("id")), SimpleQueue()).put(message)
            elif "id" in message:  # else a notification
                name = message["id"]
                if isinstance(name, str | int) and not isinstance(name, bool):
                    self._request(name, message["method"], message.get("params"))
                else:  # no client could read an answer to it
                    self._refuse(None, _NO_REQUEST, "The id is neither a text nor a whole number.")

    def finish(self) -> None:
        """Await the answer to what is being saved, else it might be sent again; others a moment."""
        self._has_roots = False  # nobody answers our questions any more
        for answers in list(self._asked.values()):
            answers.put({})
        end = time.monotonic() + _LAST
        for call in [each for each in threading.enumerate() if each.name == "mem0tray-tool"]:
            call.join(max(0.0, end - time.monotonic()) if call.daemon else None)

    def _request(self, name: Any, method: Any, params: Any) -> None:
        given: Object = params if isinstance(params, dict) else {}
        result: Object = {}
        if method == "initialize":
            able = given.get("capabilities")
            self._has_roots = isinstance(able, dict) and "roots" in able
            wanted = given.get("protocolVersion")
            result = {
                "protocolVersion": wanted if wanted in _VERSIONS else _VERSIONS[0],
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "mem0tray", "title": "Mem0", "version": __version__},
                "instructions": INSTRUCTIONS,
            }
        elif method == "tools/list":
            from mem0tray.agents import tools  # slow to import, as msgspec is

            result = {"tools": list(map(tools.document, tools.TOOLS))}
        elif method == "tools/call":
            # The program's end waits for what is being saved, and for nothing else.
            call = threading.Thread(target=self._call, args=(name, given), name="mem0tray-tool")
            call.daemon = given.get("name") != SAVE
            try:
                threads.start(call)
            except NoThreadError:  # the next message waits
                self._call(name, given)
            return
        elif method != "ping":
            self._refuse(name, _NO_METHOD, f"There is no method {one_line(str(method))}.")
            return
        self._send({"id": name, "result": result})
        if method == "initialize":  # what the first call needs is slow to import
            warm = threading.Thread(
                target=import_module, args=(_FUNCTIONS,), name="mem0tray-import"
            )
            with suppress(NoThreadError):
                threads.start(warm)

    def _call(self, name: Any, params: Object) -> None:
        """Send what a tool says, in words and never a traceback, and whether it is an error."""
        tool = str(params.get("name"))
        failed = True
        try:
            text, failed = self._answer(tool, params.get("arguments") or {}), False
        except Mem0TrayError as error:
            text = str(error)
        except Exception as error:  # noqa: BLE001  (whatever it is, in words; the rest is logged)
            _log.exception("A tool failed.")
            unless = " Nothing may have been saved." if tool == SAVE else ""
            text = f"The tool failed ({type(error).__name__}).{unless}"
        content = [{"type": "text", "text": text}]
        self._send({"id": name, "result": {"content": content, "isError": failed}})

    def _answer(self, name: str, given: Any) -> str:
        from mem0tray.agents import tools

        chosen = tools.arguments(name, given)
        if "project_id" in chosen:
            chosen["project"] = self._project(chosen.pop("project_id"))
        said: str = getattr(import_module(_FUNCTIONS), name.removeprefix("mem0_"))(**chosen)
        return said

    def _project(self, named: str) -> str:
        """Return the named project, else that of the client's folder or the working directory."""
        if not named.strip():
            folder = self._folder()
            with suppress(FileNotFoundError):  # the working directory has been removed
                named = project.of_folder(folder or Path.cwd(), os.environ)
        if not named.strip():
            raise Mem0TrayError("Nothing was done: there is no project.", "Name it as project_id.")
        return named

    def _folder(self) -> Path | None:
        """Return the first folder that the client works in; None if it does not say so in time."""
        if not self._has_roots:
            return None
        from urllib.parse import urlsplit
        from urllib.request import url2pathname

        name, answers = f"roots-{next(self._numbers)}", SimpleQueue[Object]()
        self._asked[name] = answers
        self._send({"id": name, "method": "roots/list"})
        with suppress(Empty, AttributeError, LookupError, TypeError, ValueError):
            answer = answers.get(timeout=_PATIENCE)
            return Path(url2pathname(urlsplit(answer["result"]["roots"][0]["uri"]).path))
        return None

    def _refuse(self, name: Any, code: int, why: str) -> None:
        self._send({"id": name, "error": {"code": code, "message": why}})

    def _send(self, message: Object) -> None:
        line = json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n"
        with self._turn, suppress(OSError, ValueError):  # the client is gone, and its output shut
            self._out.write(line)
            self._out.flush()


def serve() -> None:
    """Serve until standard input ends. Whatever else is printed goes to standard error."""
    logging.basicConfig(level=logging.ERROR, format="mem0tray: %(message)s")
    out = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    beside = sys.stderr.fileno() if sys.stderr else os.open(os.devnull, os.O_WRONLY)
    os.dup2(beside, sys.stdout.fileno())
    server = ToolServer(out)
    server.serve(sys.stdin.buffer)
    server.finish()
    with suppress(OSError):  # the client has left without its answers
        out.close()
