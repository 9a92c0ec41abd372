"""One large memory on its way, and how much memory each process takes for it."""

import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from mem0tray.config.settings import SyncSettings
from tests.support.home import Home
from tests.support.shapes import entry, waiting
from tests.support.swallower import Swallower

MEGABYTE: Final = 1_000_000
PATIENCE: Final = 120.0  # seconds
_ATTEMPTS: Final = SyncSettings().max_attempts
WAYS: Final = ("add", "emergency file", "dead letter", "hand edit")
# A command that says at its end how much memory it had at most.
_MEASURED: Final = """
import sys
from mem0tray.cli import main
code = main(sys.argv[1:])
for line in open("/proc/self/status"):
    if line.startswith("VmHWM"):
        sys.stderr.write(f"\\npeak {int(line.split()[1]) * 1024}\\n")
sys.exit(code)
"""


def text(megabytes: float) -> str:
    """Make a text of that size, with line breaks and letters beyond ASCII, never the same twice."""
    line = f"Ein « längerer » Satz mit Zeilenende, {os.urandom(8).hex()}.\n"
    size = int(megabytes * MEGABYTE)
    return (line * (size // len(line.encode()) + 1)).encode()[:size].decode("utf-8", "ignore")


def body_hash(content: str, project: str = "large") -> str:
    """Hash the request that delivers this text."""
    body = {"user_id": project, "content": content}
    raw = json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()
    return hashlib.sha256(raw).hexdigest()


@dataclass
class Use:
    """What one large memory of `size` bytes of text cost above the idle process."""

    size: int
    peaks: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def times(self) -> dict[str, float]:
        """Each process's peak in sizes of the memory."""
        return {name: peak / self.size for name, peak in self.peaks.items()}

    def __str__(self) -> str:
        shares = ", ".join(f"{name} {times:.1f}" for name, times in self.times.items())
        return f"{self.size / MEGABYTE:.0f} MB: {shares} times its size; {self.seconds:.1f} s"


def delivered(home: Home, content: str, way: str, server: object | None) -> Use:
    """Have a worker deliver this text, which comes in that way; what it took.

    The server is `server`, or the embedded one, which counts for itself. By way of a dead letter
    it comes to a `Swallower` alone.
    """
    use = Use(len(content.encode()))
    home.write_queue([])
    worker = home.worker()
    home.wait(lambda: home.state()[0] == "healthy", PATIENCE, "healthy")
    # What the first memory of a process costs is not measured.
    small = _added(home, "small")
    home.wait(lambda: _synced(home) == 1, PATIENCE, "the small one delivered")
    processes = {"worker": worker.pid}
    if server is None:
        processes["server"] = json.loads(home.data_files("server.json")[0].read_text())["pid"]
    with _watched(use, processes):
        if way == "add":
            use.peaks["add"] = _added(home, content) - small
        elif way == "emergency file":
            home.write_emergency([entry(content, "large")])
        elif way == "hand edit":
            _edit_by_hand(home, content)
        elif isinstance(server, Swallower):
            _make_dead(home, content, server)
        home.wait(lambda: _synced(home) == 2, PATIENCE, f"delivered by {way}")
        home.wait(lambda: home.read(home.metrics)["dlq_size"] == 0, PATIENCE, "all published")
    return use


def _synced(home: Home) -> int:
    """Count deliveries by the small file that says so: the queue file is large."""
    return int(home.read(home.metrics)["total_synced"])


def _make_dead(home: Home, content: str, server: Swallower) -> None:
    """Have every attempt fail until it is a dead letter, and then ask for a retry."""
    server.fails = _ATTEMPTS
    home.write_queue([entry(content, "large")])
    home.wait(lambda: home.read(home.metrics)["dlq_size"] == 1, PATIENCE, "a dead letter")
    home.ok("retry", "--all", timeout=PATIENCE)


def _edit_by_hand(home: Home, content: str) -> None:
    """Put it into the DLQ file as a script does, and then ask for a retry in the same way."""
    home.write_dlq([waiting(content, "large")])
    home.wait(lambda: home.read(home.metrics)["dlq_size"] == 1, PATIENCE, "taken in")
    home.wait(lambda: home.read(home.dlq)["last_update"] != "2025-11-30T04:38:18", PATIENCE)
    document = home.read(home.dlq)
    for item in document["items"]:
        item["last_attempt"] = 0
    home.dump(home.dlq, document)


def _added(home: Home, content: str) -> int:
    """Add a memory from standard input; the most bytes that the command had."""
    done = subprocess.run(
        [sys.executable, "-c", _MEASURED, "add", "--project", "large", "-"],
        env=home.env,
        input=content.encode(),
        capture_output=True,
        timeout=PATIENCE,
        check=True,
    )
    return int(done.stderr.rpartition(b"peak ")[2])


@contextmanager
def _watched(use: Use, processes: dict[str, int]) -> Iterator[None]:
    """Note in `use` what these processes take at most while something happens, and how long."""
    idle = {name: _status(pid, "VmRSS") for name, pid in processes.items()}
    for pid in processes.values():
        Path(f"/proc/{pid}/clear_refs").write_text("5", encoding="ascii")  # forget the peak so far
    started = time.monotonic()
    yield
    use.seconds = time.monotonic() - started
    for name, pid in processes.items():
        use.peaks[name] = _status(pid, "VmHWM") - idle[name]


def _status(pid: int, name: str) -> int:
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))
