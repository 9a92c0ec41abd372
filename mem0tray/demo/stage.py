"""Where the story is played: a scratch home, the real worker in it, and the demo's server."""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from mem0tray.config import settings as config
from mem0tray.core.errors import Mem0TrayError
from mem0tray.core.text import one_line
from mem0tray.demo.server import DemoServer
from mem0tray.demo.story import ALL, Faults, StoryMemory, StorySnapshot
from mem0tray.system import children
from mem0tray.system.paths import Paths

_PROJECTS: Final = tuple(dict.fromkeys(each.project for each in ALL))
_COMMAND_SECONDS: Final = 60.0
_STOP_SECONDS: Final = 3.0


class StageError(Mem0TrayError):
    """Something of the demo itself does not work, apart from the story."""


@dataclass(frozen=True, slots=True)
class Scratch:
    """A home of the demo's own at `root`."""

    root: Path

    @property
    def paths(self) -> Paths:
        """The shared files of this home; where our own folder is depends on the platform."""
        return Paths(self.root / ".claude", self.root)

    def environment(self, settings: Mapping[str, str]) -> dict[str, str]:
        """The environment in which mem0tray sees this home and no other, with these settings."""
        ours = children.environment()
        kept = {
            name: value for name, value in ours.items() if not name.startswith(config.ENV_PREFIX)
        }
        local = self.root / "AppData"
        return kept | {
            "HOME": str(self.root),
            "XDG_CONFIG_HOME": str(self.root / ".config"),
            "XDG_DATA_HOME": str(self.root / ".local" / "share"),
            "XDG_STATE_HOME": str(self.root / ".local" / "state"),
            "XDG_CACHE_HOME": str(self.root / ".cache"),
            "USERPROFILE": str(self.root),  # these three on Windows
            "WIN_PD_OVERRIDE_LOCAL_APPDATA": str(local / "Local"),
            "WIN_PD_OVERRIDE_APPDATA": str(local / "Roaming"),
            config.variable("paths.claude_dir"): str(self.paths.claude_dir),
            "PYTHONIOENCODING": "utf-8",  # we read its output, whatever the terminal
            **{config.variable(key): text for key, text in settings.items()},
        }


class Stage:
    """The scratch home and what runs in it, within a `with`; everything is gone afterwards.

    The worker is a child, `program` of mem0tray, which ends with us however we end. `interval` is
    in seconds, for probes and for retries. With `keep` the folder stays.
    """

    def __init__(
        self, interval: float, *, program: Sequence[str] = ("run",), keep: bool = False
    ) -> None:
        self._interval = interval
        self._program = program
        self._keep = keep
        self._stored: tuple[StoryMemory, ...] = ()

    def __enter__(self) -> Self:
        """Make the home, and start server and worker."""
        with ExitStack() as undo:
            self.home = Scratch(Path(tempfile.mkdtemp(prefix="mem0tray-demo-")))
            if not self._keep:
                undo.callback(shutil.rmtree, self.home.root, ignore_errors=True)
            # The settings name it: until the worker made it, commands would report it missing.
            self.home.paths.claude_dir.mkdir(mode=0o700)
            self._server = DemoServer(self.home.root / "server")
            undo.callback(self._server.stop)
            self._server.start()
            self._environment = self.home.environment(
                {
                    "server.url": self._server.url,
                    "server.api_key": self._server.token,
                    "sync.probe_interval": str(self._interval),
                    "sync.idle_probe_interval": str(self._interval),
                    "sync.retry_interval": str(self._interval),
                }
            )
            self._worker = self._started()
            undo.callback(children.end, self._worker, _STOP_SECONDS)
            self._undo = undo.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the worker, then the server; remove the home."""
        self._undo.close()

    def _started(self) -> subprocess.Popen[bytes]:
        with self._output.open("wb") as output:
            worker: subprocess.Popen[bytes] = subprocess.Popen(  # noqa: S603  (ourselves)
                [sys.executable, "-P", "-m", "mem0tray.demo.die_with_parent", *self._program],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                cwd=self.home.root,
                env=self._environment,
                **children.apart(),
            )
        return worker

    @property
    def _output(self) -> Path:
        return self.home.root / "worker.out"

    # What is done -------------------------------------------------------------------

    def queue(self, memory: StoryMemory) -> None:
        """Queue a memory from a process of its own, as other programs do."""
        self.command("add", "--project", memory.project, "--", memory.text)

    def inject(self, faults: Faults) -> None:
        """Give the server these faults from now on."""
        self._server.inject(faults)

    def command(self, *arguments: str) -> str:
        """Run a command of mem0tray in the scratch home; return its output. Raises StageError."""
        named = f"`mem0tray {arguments[0]}`"
        try:
            done: subprocess.CompletedProcess[bytes] = subprocess.run(  # noqa: S603  (ourselves)
                [sys.executable, "-P", "-m", "mem0tray", *arguments],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                cwd=self.home.root,
                env=self._environment,
                timeout=_COMMAND_SECONDS,
                check=False,
                **children.apart(),
            )
        except subprocess.TimeoutExpired:
            raise StageError(f"{named} did not end within {_COMMAND_SECONDS:.0f} s.") from None
        printed = done.stdout.decode("utf-8", "replace")
        if done.returncode:
            last = _last_line(done.stderr.decode("utf-8", "replace")) or _last_line(printed)
            raise StageError(f"{named} failed: {last}")
        return printed

    # What is seen -------------------------------------------------------------------

    def look(self) -> StorySnapshot:
        """What anybody can see now. StageError when the worker is gone."""
        if self._worker.poll() is not None:
            said = _last_line(self._output.read_text(encoding="utf-8", errors="replace"))
            raise StageError(f"The worker ended by itself, after saying: {said or 'nothing'}")
        found = self._server.stored(_PROJECTS)
        if found is not None:
            self._stored = found
        entries = _read(self.home.paths.queue).get("queue", [])
        return StorySnapshot(
            state=_read(self.home.paths.metrics).get("state", ""),
            fresh=len(entries),
            attempts=sum(entry.get("retries", 0) for entry in entries),
            dead=len(_read(self.home.paths.dlq).get("items", [])),
            stored=self._stored,
            log=self._log(),
        )

    def _log(self) -> tuple[str, ...]:
        """The log's whole lines, without the time before each."""
        try:
            text = self.home.paths.log.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ()
        return tuple(line.partition(" ")[2] for line in text.split("\n")[:-1])


def _read(path: Path) -> dict[str, Any]:
    """A file that the worker replaces whole; empty while there is none."""
    with suppress(OSError):
        document: dict[str, Any] = json.loads(path.read_bytes())
        return document
    return {}


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return one_line(lines[-1], 300) if lines else ""
