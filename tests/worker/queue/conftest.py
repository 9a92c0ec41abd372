"""A context of the worker with a ledger of its own, and the files that others write."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mem0tray.system.project import VARIABLE
from mem0tray.worker.queue.intake import QueueIntake
from tests.worker.queue.scene import NoteDesk, QueueScene, opened


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[QueueScene]:
    with opened(tmp_path, monkeypatch) as made:
        yield made


@pytest.fixture
def intake(scene: QueueScene) -> QueueIntake:
    return QueueIntake(scene.context)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[NoteDesk]:
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path / "claude"))
    with opened(tmp_path, monkeypatch) as scene:
        made = NoteDesk(scene, tmp_path / "claude")
        made.switch(on=True)
        yield made
