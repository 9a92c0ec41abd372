"""The stage: a scratch home, the real worker in it, and a server that fails on demand.

`python -m mem0tray.demo.stage ARGUMENT...` is mem0tray until its standard input ends.
"""

import json
import os
import runpy
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import TCPServer
from typing import Any, Final, NamedTuple
from urllib.parse import unquote

from mem0tray.config import settings
from mem0tray.core.errors import Mem0TrayError
from mem0tray.core.text import one_line
from mem0tray.system import programs
from mem0tray.system.paths import Paths

_HOST: Final = "127.0.0.1"
_OUTPUT: Final = "worker.out"
_STOP_SECONDS: Final = 3.0


class StoryMemory(NamedTuple):
    """A memory of the story."""

    project: str
    text: str


class DemoServer:
    """A Mem0 server of the dialect `vps`, always at the same port; it keeps memories by their key.

    It refuses the memories of the project `refused`.
    """

    port = 0
    refused = ""

    def __init__(self) -> None:
        self.stored: dict[str, StoryMemory] = {}

    def start(self) -> None:
        """Begin to serve."""
        self._listener = _Listener((_HOST, self.port), _Request)
        self._listener.demo = self
        self.port = self._listener.server_address[1]
        serve = self._listener.serve_forever
        threading.Thread(target=serve, args=(0.05,), name="mem0tray-demo-server").start()

    def stop(self) -> None:
        """Refuse connections; what was stored stays."""
        if self._listener.fileno() >= 0:  # it is not stopped yet
            self._listener.shutdown()
            self._listener.handle_request()  # of whoever has connected meanwhile, if anybody has
            self._listener.server_close()


class _Listener(TCPServer):
    demo: DemoServer
    timeout = 0
    allow_reuse_address = sys.platform != "win32"  # there it would let two programs share a port


class _Request(BaseHTTPRequestHandler):
    server: _Listener
    timeout = 5.0

    def do_GET(self) -> None:
        """Answer `/health`, and `/memory/{project}`, newest first."""
        project = unquote(self.path.partition("?")[0].removeprefix("/memory/"))
        stored = self.server.demo.stored.values()
        found = [{"memory": text} for its, text in stored if its == project]
        self._answer(200, {"success": True, "memories": {"results": found[::-1]}})

    def do_POST(self) -> None:
        """Store a memory, or refuse it."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        memory = StoryMemory(body["user_id"], body["content"])
        if memory.project == self.server.demo.refused:
            self._answer(500, {"detail": "The index is locked"})
            return
        self.server.demo.stored.setdefault(self.headers["Idempotency-Key"], memory)
        self._answer(200, {"success": True})

    def _answer(self, status: int, document: dict[str, Any]) -> None:
        content = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Log nothing: the terminal is the story's."""


class Stage:
    """The scratch home, with its worker, which ends with us however we end, and `server`.

    `interval` is in seconds, for probes and for retries.
    """

    def __init__(
        self, home: Path, server: DemoServer, interval: float, program: Sequence[str]
    ) -> None:
        self.server, self.interval = server, interval
        self._paths = Paths(home / ".claude", home)
        # The settings name it: until the worker made it, commands would report it missing.
        self._paths.claude_dir.mkdir(mode=0o700)
        self._output = home / _OUTPUT
        ours = {
            "paths.claude_dir": str(self._paths.claude_dir),
            "server.url": f"http://{_HOST}:{server.port}",
            "server.dialect": "vps",
            "sync.probe_interval": str(interval),
            "sync.idle_probe_interval": str(interval),
            "sync.retry_interval": str(interval),
        }
        env = _environment(home) | {settings.variable(key): text for key, text in ours.items()}
        self._here = {"cwd": home, "env": env, **programs.detached()}
        command = [sys.executable, "-P", "-m", __name__, *program]
        with self._output.open("wb") as to:
            self._worker: subprocess.Popen[bytes] = subprocess.Popen(  # noqa: S603  (ourselves)
                command, stdin=subprocess.PIPE, stdout=to, stderr=to, **self._here
            )

    def stop(self) -> None:
        """Stop the worker."""
        programs.end_child(self._worker, _STOP_SECONDS)

    def command(self, *arguments: str) -> str:
        """Run a command in the scratch home; return what it printed. Raises Mem0TrayError."""
        done: subprocess.CompletedProcess[str] = subprocess.run(  # noqa: S603  (ourselves)
            [sys.executable, "-P", "-m", "mem0tray", *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=False,
            **self._here,
        )
        if done.returncode:
            said = one_line(done.stderr or done.stdout, 500)
            raise Mem0TrayError(f"`mem0tray {arguments[0]}` failed: {said}")
        return done.stdout

    def check(self) -> None:
        """Raise Mem0TrayError when the worker is gone."""
        if self._worker.poll() is not None:
            said = one_line(self._output.read_text("utf-8", "replace"), 500)
            raise Mem0TrayError(f"The worker ended by itself, after saying: {said}")

    @property
    def state(self) -> str:
        """The worker's state, as its metrics say."""
        return str(_read(self._paths.metrics).get("state", ""))

    @property
    def waiting(self) -> int:
        """The number of memories that wait in the queue."""
        return len(_read(self._paths.queue).get("queue", []))

    @property
    def dead(self) -> int:
        """The number of memories that are set aside in the DLQ."""
        return len(_read(self._paths.dlq).get("items", []))

    def log(self) -> list[str]:
        """Return the whole lines of the log, without the time before each."""
        with suppress(OSError):
            lines = self._paths.log.read_text("utf-8", "replace").split("\n")[:-1]
            return [line.partition(" ")[2] for line in lines]
        return []

    def logged(self, *words: str) -> bool:
        """Return whether one line of the log has all these words."""
        return any(all(word in line for word in words) for line in self.log())


@contextmanager
def staged(interval: float, program: Sequence[str] = ("run",)) -> Iterator[Stage]:
    """Set up a stage whose worker is `program` of mem0tray, and take it down."""
    with ExitStack() as undo:
        home = Path(tempfile.mkdtemp(prefix="mem0tray-demo-"))
        undo.callback(shutil.rmtree, home, ignore_errors=True)
        server = DemoServer()
        server.start()
        undo.callback(server.stop)
        stage = Stage(home, server, interval, program)
        undo.callback(stage.stop)
        yield stage


def _environment(home: Path) -> dict[str, str]:
    """Return an environment with this home and no other, and without settings of ours."""
    ours = programs.child_environment().items()
    return {name: value for name, value in ours if not name.startswith(settings.ENV_PREFIX)} | {
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "XDG_DATA_HOME": str(home / ".local" / "share"),
        "XDG_STATE_HOME": str(home / ".local" / "state"),
        "XDG_CACHE_HOME": str(home / ".cache"),
        "USERPROFILE": str(home),  # these three on Windows
        "WIN_PD_OVERRIDE_LOCAL_APPDATA": str(home / "AppData" / "Local"),
        "WIN_PD_OVERRIDE_APPDATA": str(home / "AppData" / "Roaming"),
        "PYTHONIOENCODING": "utf-8",  # we read its output, whatever the terminal
    }


def _read(path: Path) -> dict[str, Any]:
    """Read a file that the worker replaces whole; empty while there is none."""
    with suppress(OSError):
        document: dict[str, Any] = json.loads(path.read_bytes())
        return document
    return {}


def _end_with_standard_input() -> None:
    programs.wait_for_parent()
    if sys.platform == "win32":
        signal.raise_signal(signal.SIGTERM)  # `os.kill` would end a process there without a word
    else:
        os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    threading.Thread(target=_end_with_standard_input, name="leash", daemon=True).start()
    runpy.run_module("mem0tray", run_name="__main__", alter_sys=True)
