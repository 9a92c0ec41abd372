"""Somebody who watches the demo: a home that must stay as it is, and what the demo leaves."""

from pathlib import Path

from tests.support.home import Home
from tests.support.processes import Process, having

# Settings of the viewer's own: in the demo they would end the story at once.
SPOILING = {
    "MEM0TRAY_SYNC_MAX_ATTEMPTS": "1",
    "MEM0TRAY_SERVER_URL": "http://127.0.0.1:1",
    "MEM0TRAY_SYNC_CONCURRENCY": "nonsense",
}


class Viewer:
    """Starts the demo, which makes its scratch home in `temporary`."""

    def __init__(self, root: Path) -> None:
        self.temporary = root / "temporary"
        self.temporary.mkdir()
        self.home = Home(root / "home")
        self.home.configure("[sync]\nmax_attempts = 1\n")
        self.before = self.files()
        self.env = {"TMPDIR": str(self.temporary), **SPOILING}

    def start(self, *arguments: str) -> Process:
        return self.home.start("demo", *arguments, env=self.env)

    def files(self) -> dict[str, bytes]:
        root = self.home.root
        return {
            str(path.relative_to(root)): path.read_bytes()
            for path in root.rglob("*")
            if path.is_file()
        }

    def processes(self) -> list[int]:
        """List the processes that know of the temporary folder, so those of the demo."""
        return having(str(self.temporary))

    def nothing_is_left(self) -> None:
        """Look after the demo has ended; AssertionError if a process or a folder is left."""
        assert self.processes() == []
        assert list(self.temporary.iterdir()) == []
        assert self.files() == self.before
