"""A context of the worker, and Claude Code's folder beside it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mem0tray.system.project import VARIABLE
from tests.worker.queue.notes.desk import NoteDesk, desk_in
from tests.worker.queue.scene import opened


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[NoteDesk]:
    """Have the stage, with the setting made, and no note yet."""
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path / "claude"))
    with opened(tmp_path, monkeypatch) as scene:
        yield desk_in(scene, tmp_path / "claude")
