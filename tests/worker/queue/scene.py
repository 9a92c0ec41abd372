"""What the tests of the queue's stages look at, and what they let others write."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

from mem0tray.config.settings import ClaudeSettings, Settings
from mem0tray.core.events import Event
from mem0tray.core.item import Item
from mem0tray.ledger.names import SOURCES
from mem0tray.ledger.rows import Row
from mem0tray.worker.context import WorkerContext
from mem0tray.worker.queue.notes import NoteIntake
from tests.ledger.samples import HERE, NOW, fresh, known, row
from tests.worker.ground import grounded, told_on

__all__ = ["HERE", "NOW", "QueueScene", "entry", "fresh", "opened"]
LONG_AGO: Final = 3600.0  # seconds since the last change of a file that holds still


@dataclass
class QueueScene:
    """The context of a worker, the events that were emitted, and the time."""

    context: WorkerContext
    told: list[Event]
    now: float = NOW

    def write(self, *queue: Any, **rest: Any) -> None:
        self.put(self.context.paths.queue, json.dumps({"queue": queue, **rest}).encode())

    def put(self, path: Path, data: bytes, *, age: float = LONG_AGO) -> None:
        path.write_bytes(data)
        os.utime(path, (self.now - age,) * 2)

    def known(self, item: Item) -> Row:
        return known(self.context.inbox, item)

    def column(self, name: str, item: Item) -> Any:
        return row(self.context.ledger, self.known(item).key).get(name)

    def kept(self) -> list[bytes]:
        folder = self.context.paths.quarantine
        return sorted(path.read_bytes() for path in folder.iterdir()) if folder.exists() else []


@contextmanager
def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[QueueScene]:
    """A worker's ground, whose ledger has been in use and whose clock stands."""
    with grounded(tmp_path) as context:
        with context.ledger.transaction():
            for name in SOURCES:
                context.ledger.trust(name)
        made = QueueScene(context, told_on(context))
        monkeypatch.setattr(WorkerContext, "now", staticmethod(lambda: made.now))
        yield made


def entry(item: Item) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(item.raw)
    return value


GARDEN: Final = "-home-ann-garden"


@dataclass
class NoteDesk:
    """The stage, and the folder whose notes it takes in."""

    scene: QueueScene
    root: Path
    intake: NoteIntake = field(init=False)
    moment: float = 0.0

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        self.intake = NoteIntake(self.scene.context)

    def switch(self, *, on: bool) -> None:
        self.scene.context.settings = Settings(claude=ClaudeSettings(auto_memory=on))

    def folder(self, project: str = GARDEN) -> Path:
        made = self.root / "projects" / project / "memory"
        made.mkdir(parents=True, exist_ok=True)
        return made

    def write(
        self, name: str, text: str | bytes, *, project: str = GARDEN, age: float = 3600
    ) -> Path:
        path = self.folder(project) / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        os.utime(path, (self.scene.now - age,) * 2)
        return path

    def run(self, after: float = 1.0, *, everywhere: bool = True) -> int:
        """Let it run so many seconds later; `everywhere`: its look at all folders is due."""
        self.scene.now += after
        self.moment += after
        if everywhere:
            self.intake._next_look = min(self.intake._next_look, self.moment)
        return self.intake.run(self.scene.now, self.moment)

    def queued(self) -> list[tuple[str, str]]:
        found = [(each["project_id"], each["content"]) for each in self.entries()]
        return [(str(project), str(text)) for project, text in found]

    def entries(self) -> list[dict[str, Any]]:
        with self.scene.context.ledger.locked() as db:
            rows = db.execute("SELECT raw FROM texts ORDER BY key").fetchall()
        return [json.loads(raw) for (raw,) in rows]
