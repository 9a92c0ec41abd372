"""Stand-ins for programs of the system: shell scripts that come first on PATH."""

import os
from pathlib import Path

import pytest


def script(path: Path, body: str, interpreter: str = "/bin/sh") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!{interpreter}\n{body}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


class Programs:
    """A folder of stand-ins; each writes the words it was called with, one call a line."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.patch = monkeypatch
        folder.mkdir()
        monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)

    def add(self, name: str, body: str = "") -> None:
        """Stand in for `name`; `body` runs in the shell after the call is written down."""
        script(self.folder / name, f'echo "$@" >> "{self.folder / name}.calls"\n{body}')

    def calls(self, name: str) -> list[str]:
        file = self.folder / f"{name}.calls"
        return file.read_text(encoding="utf-8").splitlines() if file.exists() else []

    def only(self) -> None:
        self.patch.setenv("PATH", str(self.folder))
