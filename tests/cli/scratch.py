"""A scratch home for commands that run in this process."""

import io
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from mem0tray.cli import main
from mem0tray.config.settings import load
from mem0tray.system.paths import Paths
from mem0tray.worker import faults
from tests.support import folders


class Done(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def line(self) -> str:
        (line,) = self.err.splitlines()
        return line


@dataclass
class Scratch:
    """A home below `root`; `run` runs one command in it."""

    root: Path
    patch: pytest.MonkeyPatch
    capture: pytest.CaptureFixture[str]

    @property
    def claude(self) -> Path:
        return self.root / ".claude"

    @property
    def queue(self) -> Path:
        return self.claude / "mem0_queue.json"

    @property
    def config(self) -> Path:
        return folders.settings_file(self.root)

    @property
    def paths(self) -> Paths:
        return load().settings.locations()

    def env(self, **values: str) -> None:
        for name, value in values.items():
            self.patch.setenv(name, value)

    def terminal(self, columns: int) -> None:
        self.env(COLUMNS=str(columns), TERM="xterm")
        self.patch.setattr(sys.stdout, "isatty", lambda: True)

    def never_rests(self) -> None:
        """Let a broken file count as one that is being written, however slow this machine is."""
        self.patch.setattr(faults, "STABLE_AFTER", 3600.0)

    def configure(self, text: str) -> None:
        self.config.parent.mkdir(parents=True, exist_ok=True)
        self.config.write_text(text, encoding="utf-8")

    def write(self, name: str, document: object) -> Path:
        self.claude.mkdir(exist_ok=True)
        path = self.claude / name
        path.write_text(json.dumps(document, indent=2), encoding="utf-8")
        return path

    def queued(self) -> list[Any]:
        return list(json.loads(self.queue.read_bytes())["queue"])

    def letters(self) -> list[Any]:
        return list(json.loads(self.paths.dlq.read_bytes())["items"])

    def run(self, *arguments: str, stdin: bytes = b"") -> Done:
        self.patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8"))
        self.capture.readouterr()
        code = main(arguments)
        return Done(code, *self.capture.readouterr())

    def ok(self, *arguments: str, stdin: bytes = b"") -> str:
        done = self.run(*arguments, stdin=stdin)
        assert done.code == 0, done
        return done.out

    def fails(self, *arguments: str, code: int = 1, stdin: bytes = b"") -> str:
        """Run a command that ends with `code`, and return all that it says: one line of error."""
        done = self.run(*arguments, stdin=stdin)
        assert (done.code, done.out) == (code, ""), done
        return done.line


def checks(home: Scratch, name: str) -> list[tuple[str, str]]:
    """Run `doctor`, and take the level and the words of each check of this name."""
    found: list[dict[str, Any]] = home.run("doctor", "--json").json()["checks"]
    return [
        (each["level"], f"{each['message']} {each['remedy']}")
        for each in found
        if each["name"] == name
    ]


def found_at(home: Scratch, wanted: str, name: str) -> str:
    """Run `doctor`, whose one check of this name has the `wanted` level, and take its words."""
    ((level, words),) = checks(home, name)
    assert level == wanted, words
    return words
