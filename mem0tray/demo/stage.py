"""The story that the demo tells, on its stage: a scratch home with the real worker, and a server.

`python -m mem0tray.demo.stage ARGUMENT...` is mem0tray until its standard input ends.
"""

import json
import os
import re
import runpy
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import TCPServer
from typing import Any, Final, Literal, NamedTuple
from urllib.parse import unquote

from mem0tray.config import settings
from mem0tray.core import item as items
from mem0tray.core.errors import Mem0TrayError
from mem0tray.core.text import one_line
from mem0tray.system import programs
from mem0tray.system.paths import Paths

_HOST: Final = "127.0.0.1"
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

    def handle_error(self, *_: object) -> None:
        """Say nothing of a client that has hung up: the terminal is the story's."""


class _Request(BaseHTTPRequestHandler):
    server: _Listener
    timeout = 5.0

    def do_GET(self) -> None:
        project = unquote(self.path.partition("?")[0].removeprefix("/memory/"))
        stored = self.server.demo.stored.values()
        found = [{"memory": text} for its, text in stored if its == project]
        self._answer(200, {"success": True, "memories": {"results": found[::-1]}})

    def do_POST(self) -> None:
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
        self._output = home / "worker.out"
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
        command = [*programs.ourselves(__name__), *program]
        with self._output.open("wb") as to:
            self.worker: subprocess.Popen[bytes] = subprocess.Popen(  # noqa: S603  (ourselves)
                command, stdin=subprocess.PIPE, stdout=to, stderr=to, **self._here
            )

    def command(self, *arguments: str) -> str:
        done: subprocess.CompletedProcess[str] = subprocess.run(  # noqa: S603  (ourselves)
            [*programs.ourselves(), *arguments],
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
        if self.worker.poll() is not None:
            said = one_line(self._output.read_text("utf-8", "replace"), 500)
            raise Mem0TrayError(f"The worker ended by itself, after saying: {said}")

    @property
    def state(self) -> str:
        return str(_read(self._paths.metrics).get("state", ""))

    @property
    def waiting(self) -> int:
        return len(_read(self._paths.queue).get("queue", []))

    @property
    def dead(self) -> int:
        return len(_read(self._paths.dlq).get("items", []))

    def log(self) -> list[str]:
        """Return the whole lines of the log, without the time before each."""
        with suppress(OSError):
            lines = self._paths.log.read_text("utf-8", "replace").split("\n")[:-1]
            return [line.partition(" ")[2] for line in lines]
        return []

    def logged(self, *words: str) -> bool:
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
        undo.callback(programs.end_child, stage.worker, _STOP_SECONDS)
        yield stage


_ATTEMPT: Final = "Attempt "  # words of the log, as anybody can read them
_MOVED: Final = "Moved to DLQ: "
_RECOVERED: Final = "DLQ recovered: "
_LOOK: Final = 0.05
_GLANCE: Final = 0.5  # the share of the reading time for what takes a glance
_FIRST: Final = (
    StoryMemory("shop", "Prices are stored in cents, never as floats."),
    StoryMemory("shop", "The staging database is reset every Sunday."),
    StoryMemory("blog", "Images go through the thumbnail queue first."),
)
_MEANWHILE: Final = (
    StoryMemory("shop", "A refund above 500 euros needs a second approval."),
    StoryMemory("notes", "Ada likes short commit messages."),
    StoryMemory("blog", "A draft is published only after a review."),
)
_REFUSED: Final = StoryMemory("travel", "The train company writes dates as DD.MM.YYYY.")
_BESIDE: Final = StoryMemory("notes", "The tests run with two workers, not with eight.")
_Holds = Callable[[Stage], bool]
Said = Literal["title", "text", "memory", "command", "printed", "log", "kept"]  # kinds of lines


class Story:
    """A story, shown line by line. Raises Mem0TrayError if it goes otherwise than told.

    In seconds: `reading` a sentence, `patience` with a promise (a busy machine starts a program
    in 15).
    """

    def __init__(
        self,
        stage: Stage,
        show: Callable[[Said, str], None],
        reading: float = 1.0,
        patience: float = 60.0,
    ) -> None:
        self.saved: list[StoryMemory] = []
        self._stage, self._show = stage, show
        self._reading, self._patience = reading, patience
        self._acts = 0
        self._shown: tuple[str, ...] = ()
        self._lines = 0  # lines of the log that were seen

    def tell(self) -> None:
        server = self._stage.server
        self.act("Memories are delivered")
        self.expect("The worker runs, and its server is healthy.", lambda s: s.state == "healthy")
        self.say("Another program saves three memories.")
        self.save(*_FIRST)
        self.expect("The server has all three.", delivered(*_FIRST))

        self.act("The server goes down", "State: down")
        self.say("Somebody stops it. The worker keeps asking whether it is healthy.")
        server.stop()
        self.expect("The worker has noticed, and sends nothing.", lambda s: s.state == "down")
        self.say("Three more memories are saved meanwhile.")
        self.save(*_MEANWHILE)
        self.wait(3 * self._stage.interval)  # three probes
        self.expect(
            "They wait. Nothing was sent, and nothing counts as a failure.",
            lambda s: (
                (s.waiting, s.dead) == (len(_MEANWHILE), 0)
                and _has(s, _FIRST)
                and not s.logged(_ATTEMPT)
            ),
            now=True,
        )

        self.act("It comes back", "State: healthy")
        self.say("The server is started again.")
        server.start()
        self.expect("What had waited went out by itself.", delivered(*_FIRST, *_MEANWHILE))

        self.act("One memory is refused, five times", _ATTEMPT, _MOVED)
        self.say("The server now refuses one project; the first of two new memories belongs to it.")
        server.refused = _REFUSED.project
        self.save(_REFUSED, _BESIDE)
        self.expect(
            "It holds up nobody: the other one is delivered.",
            lambda s: _BESIDE in s.server.stored.values(),
        )
        self.expect(
            "After five failures it is set aside in the DLQ: not delivered, and not lost.",
            lambda s: s.dead == 1 and not s.waiting and s.logged(_MOVED, "after 5 retries"),
        )

        self.act("You look, and try again", _RECOVERED)
        self.say("It is never dropped: mem0tray tries again after 30 seconds, 60, 120 …")
        self.command("diagnose")
        self.say("The server is mended, and you need not wait:")
        server.refused = ""
        self.command("retry", "--all")
        self.expect(
            "The memory is delivered, and nothing is set aside any more.",
            lambda s: not s.dead and s.logged(_RECOVERED + _REFUSED.project),
        )

        self.act("The end")
        self.say("The server itself is asked what it has.")
        everything = delivered(*_FIRST, *_MEANWHILE, _REFUSED, _BESIDE)
        self.expect("Every memory is there, each once. None is lost.", everything, now=True)

    def act(self, title: str, *shown: str) -> None:
        self._acts += 1
        self._shown = shown
        self._tell("title", f"{self._acts}  {title}", _GLANCE)

    def say(self, text: str) -> None:
        self._tell("text", text)

    def save(self, *memories: StoryMemory) -> None:
        for memory in memories:
            self._stage.command("add", "--project", memory.project, "--", memory.text)
            self.saved.append(memory)
            self._tell("memory", f"{memory.project}: {memory.text}", 0)

    def command(self, *arguments: str) -> None:
        printed = self._stage.command(*arguments)
        self._show("command", f"mem0tray {' '.join(arguments)}")
        for line in printed.splitlines():
            self._show("printed", line)
        self._tell("printed", "")

    def expect(self, promise: str, holds: _Holds, *, now: bool = False) -> None:
        """Keep a promise: wait until it has come true, or check that it is true `now`."""
        deadline = time.monotonic() + (0 if now else self._patience)
        while not holds(self._stage):
            if time.monotonic() >= deadline:
                raise Mem0TrayError(f"The demo did not go as told. Missing: {promise}")
            self.wait(_LOOK)
        self._tell("kept", promise, _GLANCE)

    def _tell(self, kind: Said, text: str, share: float = 1.0) -> None:
        self._show(kind, text)
        self.wait(share * self._reading)

    def wait(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while True:
            self._stage.check()
            log = self._stage.log()
            for line in log[self._lines :]:
                if any(words in line for words in self._shown):
                    self._show("log", line)
            self._lines = len(log)
            left = deadline - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(left, _LOOK))


def delivered(*memories: StoryMemory) -> _Holds:
    """Check that the server has each of these once and nothing else, and that nothing waits."""
    return lambda stage: _has(stage, memories) and not stage.waiting


def _has(stage: Stage, memories: tuple[StoryMemory, ...]) -> bool:
    return Counter(stage.server.stored.values()) == Counter(memories)


# Around it --------------------------------------------------------------------------------------


def _environment(home: Path) -> dict[str, str]:
    """Return an environment with this home and no other, and without settings of ours."""
    ours = programs.child_environment().items()
    others = re.compile(rf"{settings.ENV_PREFIX}|XDG_\w+_HOME$")
    return {name: value for name, value in ours if not others.match(name)} | {
        "HOME": str(home),
        "USERPROFILE": str(home),  # these three on Windows
        "WIN_PD_OVERRIDE_LOCAL_APPDATA": str(home / "AppData" / "Local"),
        "WIN_PD_OVERRIDE_APPDATA": str(home / "AppData" / "Roaming"),
        "PYTHONIOENCODING": "utf-8",  # we read its output, whatever the terminal
    }


def _read(path: Path) -> dict[str, Any]:
    """Read a file that the worker replaces whole; empty while there is none."""
    with suppress(OSError):
        return items.load_object(path.read_bytes()) or {}
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
