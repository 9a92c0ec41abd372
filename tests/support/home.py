"""A scratch home: the files that others write, the real command, what it leaves behind."""

import functools
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

from mem0tray.localserver import endpoint
from tests.support import folders
from tests.support.processes import LONGEST, PATIENCE, Process, wait_until
from tests.support.shapes import Item, Json, emergency_lines, queue_document

REPOSITORY = Path(__file__).resolve().parents[2]
PRODUCER = Path(__file__).with_name("producer.py")
COMMAND = (sys.executable, "-m", "mem0tray")
Env = Mapping[str, str] | None


@functools.cache
def import_path() -> dict[str, str]:
    """Give the PYTHONPATH of the tests, or the repository where mem0tray is not installed."""
    if path := os.environ.get("PYTHONPATH"):
        return {"PYTHONPATH": path}
    probe = [sys.executable, "-c", "import mem0tray"]
    installed = subprocess.run(probe, cwd="/", capture_output=True, check=False).returncode == 0
    return {} if installed else {"PYTHONPATH": str(REPOSITORY)}


class Home:
    """A home of its own below `root`; every process started here ends with it.

    `wrapper` is put before every command of the program.
    """

    def __init__(self, root: Path, url: str | None = None, *, wrapper: Sequence[str] = ()) -> None:
        self.root = root
        self.claude = root / ".claude"
        self.queue = self.claude / "mem0_queue.json"
        self.lock = self.claude / "mem0_queue.lock"
        self.emergency = self.claude / "mem0_emergency.json"
        self.dlq = self.claude / "mem0_queue_dlq.json"
        self.dlq_backup = self.claude / "mem0_queue_dlq.backup.json"
        self.metrics = self.claude / "mem0_metrics.json"
        self.log = self.claude / "logs" / "mem0_worker.log"
        self.data = root / "data"
        self.config = folders.settings_file(root)
        self._command = (*wrapper, *COMMAND)
        self._processes: list[Process] = []
        self.env = {
            **folders.of_the_system(),
            **folders.below(root),
            "XDG_STATE_HOME": str(root / "state"),
            "XDG_CACHE_HOME": str(root / "cache"),
            "XDG_RUNTIME_DIR": str(root / "runtime"),
            "LANG": "C.UTF-8",
            "COLUMNS": "250",
            # No test reaches the keyring of whoever runs it.
            "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
            "MEM0TRAY_SYNC_PROBE_INTERVAL": "0.2",
            "MEM0TRAY_SYNC_IDLE_PROBE_INTERVAL": "0.2",
            "MEM0TRAY_SYNC_RETRY_INTERVAL": "0.1",
            **import_path(),
        }
        if url is not None:
            self.env["MEM0TRAY_SERVER_URL"] = url
        for folder in (root, self.claude, root / "runtime"):
            folder.mkdir(mode=0o700, exist_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            process.kill()
        for named in self.data_files("server.json"):  # of a window, which no process of ours owns
            if named.parent.name == "window" and (found := endpoint.read(named.parent)):
                with suppress(OSError):
                    os.kill(found.pid, signal.SIGTERM)

    # What others write ------------------------------------------------------------

    def write_queue(self, queue: Iterable[object], **fields: object) -> None:
        self.dump(self.queue, queue_document(queue, **fields))

    def write_dlq(self, items: Iterable[object], **fields: object) -> None:
        document = {"items": list(items), "last_update": "2025-11-30T04:38:18", **fields}
        self.dump(self.dlq, document)

    def write_emergency(self, items: Iterable[Item]) -> None:
        with self.emergency.open("a", encoding="utf-8") as file:
            file.write(emergency_lines(items))

    def write_metrics(self, **fields: object) -> None:
        document = {"last_update": "2025-12-01T13:05:04", "vps_status": "healthy", **fields}
        self.dump(self.metrics, document)

    def configure(self, text: str) -> None:
        self.config.parent.mkdir(parents=True, exist_ok=True)
        self.config.write_text(text, encoding="utf-8")

    def dump(self, path: Path, document: object) -> None:
        """Write as people's scripts do: in place, no lock, no rename."""
        with path.open("w", encoding="utf-8") as file:
            json.dump(document, file, indent=2)

    def script(self, source: str, timeout: float = LONGEST) -> str:
        """Run a user's own Python script in this home; returns what it printed."""
        return self.foreign(sys.executable, "-c", source, timeout=timeout).stdout

    def foreign(
        self, *command: str, stdin: str = "", timeout: float = LONGEST
    ) -> subprocess.CompletedProcess[str]:
        """Run any program in this home. Raises CalledProcessError."""
        return subprocess.run(
            command,
            env=self.env,
            cwd=self.root,
            input=stdin,
            capture_output=True,
            encoding="utf-8",
            check=True,
            timeout=timeout,
        )

    # What there is to read ----------------------------------------------------------

    def read(self, path: Path, default: Json = None) -> Json:
        """Read a file's JSON; waits while it is absent (unless `default`) or being rewritten."""

        def read() -> list[Json]:
            with suppress(OSError, ValueError):
                return [json.loads(path.read_text(encoding="utf-8"))]
            return []

        if default is not None and not path.exists():
            return default
        return wait_until(read, what=f"{path.name} readable")[0]

    def queue_items(self) -> list[Json]:
        return list(self.read(self.queue, {"queue": []})["queue"])

    def dlq_items(self) -> list[Json]:
        return list(self.read(self.dlq, {"items": []})["items"])

    def dlq_texts(self) -> list[Json]:
        items = [item for item in self.dlq_items() if isinstance(item, dict)]
        return sorted((item.get("content") for item in items), key=str)

    def dead_letter(self, content: str) -> Item:
        found = [item for item in self.dlq_items() if item.get("content") == content]
        assert len(found) == 1, f"{len(found)} dead letters with {content!r}"
        return dict(found[0])

    def stats(self) -> Item:
        return dict(self.read(self.queue)["stats"])

    def state(self) -> tuple[str, str]:
        metrics = self.read(self.metrics, {})
        return str(metrics.get("state", "")), str(metrics.get("reason", ""))

    def log_text(self) -> str:
        return self.log.read_text(encoding="utf-8") if self.log.exists() else ""

    def log_lines(self, marker: str) -> list[str]:
        return [line for line in self.log_text().split("\n") if marker in line]

    def data_files(self, pattern: str = "*") -> list[Path]:
        return sorted(path for path in self.data.rglob(pattern) if path.is_file())

    def ledgers(self) -> list[Path]:
        return [
            path
            for path in self.data_files()
            if path.read_bytes()[:15] == b"SQLite format 3" and "server" not in str(path)
        ]

    def files_with(self, text: str) -> list[Path]:
        wanted = text.encode()
        found = []
        for folder, _, names in os.walk(self.root):
            paths = (Path(folder, name) for name in names)
            found += [path for path in paths if path.is_file() and wanted in path.read_bytes()]
        return found

    # Running ----------------------------------------------------------------------

    def run(
        self, *arguments: str, stdin: str = "", timeout: float = LONGEST, env: Env = None
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self._command, *arguments],
            env={**self.env, **(env or {})},
            cwd=self.root,
            input=stdin,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=timeout,
            check=False,
        )

    def ok(
        self, *arguments: str, stdin: str = "", timeout: float = LONGEST, env: Env = None
    ) -> str:
        """Run one command that must succeed; returns its standard output."""
        done = self.run(*arguments, stdin=stdin, timeout=timeout, env=env)
        assert done.returncode == 0, f"{arguments}: {done}"
        return done.stdout

    def json(self, *arguments: str, env: Env = None) -> Json:
        """Run a command for the one JSON document that it prints, whatever it exits with."""
        done = self.run(*arguments, "--json", env=env)
        try:
            return json.loads(done.stdout)
        except ValueError as error:
            raise AssertionError(f"{arguments} did not print one JSON document: {done}") from error

    def drain(self, timeout: float = LONGEST, env: Env = None) -> subprocess.CompletedProcess[str]:
        """Run until idle, whatever it exits with: 0, or 1 when something still waits."""
        done = self.run("run", "--until-idle", timeout=timeout, env=env)
        assert done.returncode in (0, 1), done
        assert "Traceback" not in done.stderr, done.stderr
        return done

    def drained(
        self, timeout: float = LONGEST, env: Env = None
    ) -> subprocess.CompletedProcess[str]:
        done = self.drain(timeout, env)
        assert done.returncode == 0, f"{done}\n{self.log_text()[-2000:]}"
        return done

    def start(self, *arguments: str, wrapper: Iterable[str] = (), env: Env = None) -> Process:
        command = [*wrapper, *self._command, *arguments]
        return self._spawn(command, {**self.env, **(env or {})})

    def worker(self, *, wrapper: Iterable[str] = (), env: Env = None, **sizes: int) -> Process:
        """Start `run` in the background and wait for its metrics, with these sizes."""
        process = self.start("run", wrapper=wrapper, env=env)
        self.wait(lambda: self.published_by(process), LONGEST, "metrics published")
        self.wait(lambda: sizes.items() <= self.read(self.metrics).items(), LONGEST, "taken in")
        return process

    def published_by(self, process: Process) -> bool:
        """Tell whether the metrics are this process's; AssertionError when it has ended."""
        assert process.alive, f"the worker ended with {process.popen.returncode}: {process.err}"
        metrics = self.read(self.metrics, {})
        return bool(metrics.get("pid") == process.pid and metrics.get("state") != "starting")

    def producer(self, *arguments: str, stdin: int = subprocess.DEVNULL) -> Process:
        command = [sys.executable, str(PRODUCER), "--claude", str(self.claude), *arguments]
        return self._spawn(command, self.env, stdin)

    def lock_holder(self) -> Process:
        holder = self.producer("--hold", stdin=subprocess.PIPE)
        holder.first_line()
        return holder

    def background(self, source: str, *arguments: str) -> Process:
        return self._spawn([sys.executable, "-c", source, *arguments], self.env)

    def _spawn(
        self, command: list[str], env: dict[str, str], stdin: int = subprocess.DEVNULL
    ) -> Process:
        output = self.root.with_name(f"{self.root.name}-process-{len(self._processes)}")
        process = Process(command, env=env, output=output, stdin=stdin)
        self._processes.append(process)
        return process

    def wait(
        self, predicate: Callable[[], object], timeout: float = PATIENCE, what: str = ""
    ) -> None:
        """Poll files until `predicate` holds; the log's end is shown when it does not."""
        wait_until(predicate, timeout, what, explain=self._explain)

    def wait_dlq(self, contents: Iterable[str], timeout: float = PATIENCE) -> None:
        wanted = sorted(contents)
        self.wait(lambda: self.dlq_texts() == wanted, timeout, f"DLQ with {wanted}")

    def _explain(self) -> str:
        return (
            f"log: {self.log_text()[-2000:]}\n"
            f"printed: {self.printed()[-2000:]}\nmetrics: {self.state()}"
        )

    def printed(self) -> str:
        return "\n".join(f"{each.out}\n{each.err}" for each in self._processes)


def one_line(text: str) -> str:
    """Take the single line of a command's standard error; AssertionError if there are more."""
    lines = [line for line in text.splitlines() if line.strip()]
    assert len(lines) == 1, f"expected one line: {text!r}"
    return lines[0]
