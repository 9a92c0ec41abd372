"""Claude Code's notes for tests, and what becomes of them."""

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from mem0tray.config.settings import ClaudeSettings, Settings
from mem0tray.worker.queue.notes import LOOK, NoteIntake
from tests.worker.queue.scene import QueueScene

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
        """Let it look so many seconds later; `everywhere`: its look at all folders is due.

        Within a second of the last look it does not look again.
        """
        self.scene.now += after
        self.moment += after
        if everywhere:
            self.intake._looked = min(self.intake._looked, self.moment - LOOK)
        return self.intake.run(self.scene.now, self.moment)

    def queued(self) -> list[tuple[str, str]]:
        found = [(each["project_id"], each["content"]) for each in self.entries()]
        return [(str(project), str(text)) for project, text in found]

    def entries(self) -> list[dict[str, Any]]:
        with self.scene.context.ledger.locked() as db:
            rows = db.execute("SELECT raw FROM texts ORDER BY key").fetchall()
        return [json.loads(raw) for (raw,) in rows]


def desk_in(scene: QueueScene, root: Path) -> NoteDesk:
    made = NoteDesk(scene, root)
    made.switch(on=True)
    return made
