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

from tests.support.home import Home
from tests.support.processes import Process

MEGABYTE: Final = 1_000_000
_PATIENCE: Final = 120.0
# A command that says at its end how much memory it had at most (bytes, above what Python and
# the program's modules take).
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


@dataclass
class Use:
    """What one large memory of `size` bytes cost: bytes above the idle process, and seconds."""

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


def body_hash(content: str, project: str = "large") -> str:
    """Hash the request that delivers this text."""
    body = {"user_id": project, "content": content}
    raw = json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()
    return hashlib.sha256(raw).hexdigest()


def run_measured(home: Home, *arguments: str, stdin: str = "") -> tuple[str, int]:
    """Run a command; what it printed, and the most bytes that it had."""
    done = subprocess.run(
        [sys.executable, "-c", _MEASURED, *arguments],
        env=home.env,
        input=stdin,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=_PATIENCE,
        check=True,
    )
    return done.stdout, int(done.stderr.rpartition("peak ")[2])


def added(home: Home, content: str) -> int:
    """Add a memory from standard input; bytes above what a small one takes."""
    _, small = run_measured(home, "add", "--project", "large", "-", stdin="small")
    _, large = run_measured(home, "add", "--project", "large", "-", stdin=content)
    return large - small


@contextmanager
def watched(use: Use, **processes: Process) -> Iterator[None]:
    """Note in `use` what these processes take at most while something happens, and how long."""
    idle = {name: process.memory() for name, process in processes.items()}
    for process in processes.values():
        Path(f"/proc/{process.pid}/clear_refs").write_text("5", encoding="ascii")  # the peak so far
    started = time.monotonic()
    yield
    use.seconds = time.monotonic() - started
    for name, process in processes.items():
        use.peaks[name] = process.peak_memory() - idle[name]
