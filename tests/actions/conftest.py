"""A scratch home a test, and no settings of the person who runs the tests."""

import os
from pathlib import Path

import pytest

from mem0tray.system.paths import Paths
from tests.actions.scene import write, write_dlq
from tests.support import folders
from tests.support.fixtures import server
from tests.support.shapes import Item, entry, queue_document, waiting

__all__ = ["letters", "paths", "server"]


@pytest.fixture
def paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Paths:
    for name in list(os.environ):
        if name.startswith("MEM0TRAY_"):
            monkeypatch.delenv(name)
    for name, value in folders.below(tmp_path).items():
        monkeypatch.setenv(name, value)
    (tmp_path / ".claude").mkdir()
    return Paths.for_claude_dir(tmp_path / ".claude")


@pytest.fixture
def letters(paths: Paths) -> list[Item]:
    """Write three dead letters and two entries that wait."""
    made = [waiting(name, id=f"{name}{name}-1", mine=name) for name in ("a", "b", "c")]
    write_dlq(paths, made)
    write(paths.queue, queue_document([entry("q", id="qq-1"), entry("r", id="rr-1")]))
    return made
