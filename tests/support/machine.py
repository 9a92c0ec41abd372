"""Faults of the machine: a wall clock that jumps, lost names, full disks."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

SOURCE = Path(__file__).with_name("preload.c")
NO_INOTIFY = (
    "unshare",
    "--user",
    "--map-root-user",
    "sh",
    "-c",
    'echo 0 > /proc/sys/user/max_inotify_instances && exec "$@"',
    "sh",
)


def tool(name: str) -> str:
    """Find a program of the system; skips where it is missing."""
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is missing")
    return path


def preload(folder: Path) -> dict[str, str]:
    """Compile the library into `folder`; returns the environment that loads it."""
    library = folder / "preload.so"
    subprocess.run(
        [tool("cc"), "-shared", "-fPIC", "-O1", "-o", library, SOURCE, "-ldl"],
        check=True,
        timeout=60,
    )
    return {"LD_PRELOAD": str(library)}


class WallClock:
    """A wall clock that one process sees; `env` makes it so."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "wall-clock"
        self._file.write_bytes(bytes(8))
        self.env = {**preload(folder), "WALL_CLOCK": str(self._file)}

    def jump(self, seconds: float) -> None:
        """Set the clock off from the true time by so many seconds, now."""
        with self._file.open("r+b") as file:
            file.write(int(seconds).to_bytes(8, "little", signed=True))


class Resolver:
    """The names that one process can look up: all are this computer, or none is known."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "names-are-known"
        self.env = {**preload(folder), "RESOLVER": str(self._file)}

    def know(self) -> None:
        self._file.touch()

    def forget(self) -> None:
        self._file.unlink()


@contextmanager
def _mounted(folder: Path, *how: str) -> Iterator[None]:
    mount = [tool("mount"), *how, str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting is not allowed")
    try:
        yield
    finally:
        subprocess.run([tool("umount"), "--lazy", str(folder)], check=True)


def small_disk(folder: Path, size: str) -> AbstractContextManager[None]:
    """Mount a disk of this size at `folder`; skips where that is not allowed."""
    folder.mkdir(parents=True, exist_ok=True)
    return _mounted(folder, "-t", "tmpfs", "-o", f"size={size},mode=0700", "tmpfs")


def remount(folder: Path, how: str) -> None:
    """Remount a small disk `ro` or `rw`."""
    subprocess.run([tool("mount"), "-o", f"remount,{how}", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """Fill the disk that `folder` is on to the last block; the file that does it."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while file.write(bytes(4096)):
                pass
        except OSError:
            os.fsync(file.fileno())
    return filler


def without_inotify() -> tuple[str, ...]:
    """Give the wrapper under which inotify is exhausted; skips where there is none."""
    if subprocess.run([*NO_INOTIFY, "true"], capture_output=True, check=False).returncode:
        pytest.skip("user namespaces are not allowed")
    return NO_INOTIFY


def read_only(folder: Path) -> AbstractContextManager[None]:
    """Let everything below `folder` be read-only, though programs have files open there.

    Skips where mounting is not allowed. In two steps the second would be refused while
    somebody writes.
    """
    return _mounted(folder, "-o", "bind,ro", str(folder))
